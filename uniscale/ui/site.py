"""What every page has at hand: settings, the lake's reader, other servers' addresses, and who serves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from uniscale.config import Settings
from uniscale.config.thresholds import Thresholds, load_thresholds
from uniscale.registry.client import is_there
from uniscale.ui.links import Links
from uniscale.ui.reading import Look, Reader

_KEPT_SECONDS = 20.0
_log = logging.getLogger(__name__)


class Serving:
    """The version that holds the alias ``champion``, asked for in the background: MLflow takes seconds to load."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._asked_at = 0.0
        self.known = False
        self.version: str | None = None
        self.name: str | None = None
        self.fault: str | None = None

    def refresh(self) -> None:
        """Ask the registry, unless that was done a moment ago or is being done."""
        if time.monotonic() - self._asked_at < _KEPT_SECONDS or not self._lock.acquire(blocking=False):
            return
        self._asked_at = time.monotonic()
        threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        try:
            if not is_there(self._settings):
                return
            from uniscale.registry.store import Registry

            champion = Registry(self._settings).champion()
            self.version = None if champion is None else champion.version
            self.name = None if champion is None else champion.name
            self.fault, self.known = None, True
        except Exception as error:  # whatever is wrong with the registry, the pages say so and go on
            self.fault = str(error)
        finally:
            self._lock.release()


@dataclass(kw_only=True)
class Site:
    """One dashboard.

    Attributes:
        settings: The installation.
        reader: Of its lake.
        links: Addresses of the other servers.
        serving: Who serves by the registry.
        limits: When a number is called out.
    """

    settings: Settings
    links: Links
    reader: Reader = field(init=False)
    serving: Serving = field(init=False)
    limits: Thresholds = field(default_factory=load_thresholds)

    def __post_init__(self) -> None:
        self.reader = Reader(self.settings)
        self.serving = Serving(self.settings)

    def warm_up(self, work: Callable[[Site, Look, Mapping[str, str]], Context]) -> None:
        """Do in the background what the first page would wait for: load extensions, read, ask the registry."""

        def once() -> None:
            try:
                with self.reader.look() as look:
                    work(self, look, {})
            except Exception as error:  # whoever opens the page is told
                _log.info("not warmed up: %s", error)

        threading.Thread(target=once, daemon=True).start()


Context = dict[str, Any]
"""What a template is given."""
