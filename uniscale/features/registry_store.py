"""Feast's registry of definitions as a file that is written whole: Feast itself truncates it first."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from pathlib import Path

from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry
from google.protobuf.message import DecodeError

from uniscale.whole_files import write_whole

_log = logging.getLogger(__name__)


class WholeFileRegistryStore(FileRegistryStore):  # type: ignore[misc]
    """Feast's file store, but for the writing."""

    def _write_registry(self, registry_proto: Registry) -> None:
        registry_proto.version_id = str(uuid.uuid4())
        registry_proto.last_updated.FromDatetime(datetime.now(UTC))
        write_whole(self._filepath, registry_proto.SerializeToString())


def drop_torn_registry(path: Path) -> bool:
    """Remove a registry file that is damaged; everything in it can be applied again.

    Returns:
        Whether a whole registry is there.
    """
    if not path.is_file():
        return False
    registry = Registry()
    try:
        registry.ParseFromString(path.read_bytes())
    except DecodeError:
        registry.Clear()
    if registry.version_id:
        return True
    _log.warning("%s is damaged; its definitions are applied again", path)
    path.unlink()
    return False
