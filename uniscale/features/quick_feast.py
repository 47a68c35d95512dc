"""Lets Feast be imported in a second instead of five.

Feast decorates its definitions with ``typeguard.typechecked``, which parses and rewrites the source of each of them,
and imports torch for one method that nothing here calls. Every process that serves or builds features would pay for
both. Feast's own command line (``feast -c feature_repo apply``) does not come by here and checks them as ever.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any


class _Torch(ModuleType):
    """In place of ``feast.torch_wrapper``: imports torch when it is asked for."""

    @staticmethod
    def get_torch() -> ModuleType:
        return importlib.import_module("torch")


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        import typeguard

        sys.modules.setdefault("feast.torch_wrapper", _Torch("feast.torch_wrapper"))
        checked = typeguard.typechecked
        typeguard.typechecked = _unchecked  # type: ignore[assignment]
        try:
            super().exec_module(module)
        finally:
            typeguard.typechecked = checked


def _unchecked(target: Any = None, **_: object) -> Callable[[Any], Any] | Any:
    return (lambda decorated: decorated) if target is None else target


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, _: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name == "feast" else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def install() -> None:
    """Make the next import of Feast in this process a quick one; without effect where it is imported already."""
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
