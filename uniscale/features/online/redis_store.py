"""Feast's Redis online store, written in bulk: the commands of a batch are put together by column and sent at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import _mmh3
from feast.infra.online_stores.redis import RedisOnlineStore, RedisOnlineStoreConfig
from pydantic import SecretStr
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from uniscale.features.online.bulk import key_bytes
from uniscale.features.online.protos import encode_moments, join

_SCAN = 1_000


class BulkRedisOnlineStoreConfig(RedisOnlineStoreConfig):  # type: ignore[misc]
    """How Redis is reached.

    Attributes:
        type: This store.
        password: Kept out of the connection string, so that no text shows it.
        timeout_ms: Time after which a silent server counts as gone.
    """

    type: Literal["uniscale.features.online.redis_store.BulkRedisOnlineStore"] = (
        "uniscale.features.online.redis_store.BulkRedisOnlineStore"
    )
    password: SecretStr | None = None
    timeout_ms: int = 2_000
    skip_dedup: bool = True  # a corrected row has the event time of the row it corrects


class BulkRedisOnlineStore(RedisOnlineStore):  # type: ignore[misc]
    """A single server; see `uniscale.features.online.bulk.BulkStore`."""

    faults: ClassVar[tuple[type[Exception], ...]] = (RedisError,)
    _redis: Any = None

    def address(self, config: RepoConfig) -> str:
        """Host and port."""
        node = parse_address(config.online_store.connection_string)[0]
        return f"Redis at {node['host']}:{node['port']}"

    def _get_client(self, online_store_config: BulkRedisOnlineStoreConfig) -> Any:
        if self._redis is None:
            node, options = parse_address(online_store_config.connection_string)
            seconds = online_store_config.timeout_ms / 1000
            if online_store_config.password is not None:
                options["password"] = online_store_config.password.get_secret_value()
            timeouts = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
            retry = Retry(NoBackoff(), 1)  # a connection may be left over from before a restart of the server
            self._redis = Redis(**node, **{**timeouts, "retry": retry, **options})
        return self._redis

    def client(self, config: RepoConfig) -> Any:
        """The connection."""
        return self._get_client(config.online_store)

    def write_rows(self, config: RepoConfig, view: FeatureView, rows: pa.Table, values: Mapping[str, pa.Array]) -> None:
        """Put rows in place of what their keys hold, one command per row."""
        pieces: list[bytes | pa.Array] = [
            b"*%d\r\n$4\r\nHSET\r\n" % (2 * len(values) + 4),
            *_bulk(self._keys(config, view, rows)),
        ]
        clock = rows.column(view.batch_source.timestamp_field).combine_chunks()
        pieces += [_one_bulk(_clock(view)), *_bulk(encode_moments(clock))]
        for name, column in values.items():
            pieces += [_one_bulk(_mmh3(f"{view.name}:{name}")), *_bulk(column)]
        self._send(config, join(*pieces))

    def delete_keys(self, config: RepoConfig, view: FeatureView, keys: pa.Table) -> int:
        """Take the rows of keys out of a view; a key that no other view holds goes as a whole."""
        fields = [_clock(view), *(_mmh3(f"{view.name}:{feature.name}") for feature in view.features)]
        head = b"*%d\r\n$4\r\nHDEL\r\n" % (2 + len(fields))
        tail = b"".join(_one_bulk(field) for field in fields)
        return sum(
            removed > 0 for removed in self._send(config, join(head, *_bulk(self._keys(config, view, keys)), tail))
        )

    def clear(self, config: RepoConfig, views: list[FeatureView]) -> None:
        """Take everything out of the project, with the note, which is the first to go."""
        del views
        self.hold(config, None)
        client = self.client(config)
        found: list[bytes] = []
        for key in client.scan_iter(match=b"*" + config.project.encode(), count=_SCAN):
            found.append(key)
            if len(found) == _SCAN:
                client.unlink(*found)
                found.clear()
        if found:
            client.unlink(*found)

    def held(self, config: RepoConfig) -> str | None:
        """Generation that the project holds."""
        found = self.client(config).get(_note(config))
        return None if found is None else found.decode()

    def hold(self, config: RepoConfig, generation: str | None) -> None:
        """Note the generation that the project holds."""
        if generation is None:
            self.client(config).delete(_note(config))
        else:
            self.client(config).set(_note(config), generation)

    def compact(self, config: RepoConfig) -> None:
        """Nothing to do: Redis rewrites its own files."""

    def _keys(self, config: RepoConfig, view: FeatureView, rows: pa.Table) -> pa.Array:
        return join(key_bytes(view, rows), config.project.encode())

    def _send(self, config: RepoConfig, commands: pa.Array) -> list[int]:
        """Send commands that answer with a number each, and read the answers."""
        pool = self.client(config).connection_pool
        connection = pool.get_connection()
        try:
            connection.send_packed_command([_contents(commands)])
            return [connection.read_response() for _ in range(len(commands))]
        except BaseException:
            connection.disconnect()  # answers that were not read would be taken for those of the next command
            raise
        finally:
            pool.release(connection)


def parse_address(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Host and port, and further options, of ``host:port,option=value,...``.

    Raises:
        ValueError: It is not such a text, or it holds a password.
    """
    nodes, options = RedisOnlineStore._parse_connection_string(text)
    if "password" in options:
        raise ValueError("features.redis holds a password; give it as UNISCALE_FEATURES__REDIS_PASSWORD only")
    if len(nodes) != 1 or not str(nodes[0].get("port", "")).isdigit():
        raise ValueError(f"features.redis={text!r} must be written as host:port or host:port,option=value")
    return {"host": nodes[0]["host"], "port": int(nodes[0]["port"])}, options


def _clock(view: FeatureView) -> bytes:
    return f"_ts:{view.name}".encode()


def _note(config: RepoConfig) -> str:
    return f"generation:{config.project}"


def _one_bulk(value: bytes) -> bytes:
    """A value as Redis' protocol sends it: length, bytes."""
    return b"$%d\r\n%b\r\n" % (len(value), value)


def _bulk(values: pa.Array) -> Iterable[bytes | pa.Array]:
    """A column of values as Redis' protocol sends them."""
    return b"$", pc.cast(pc.cast(pc.binary_length(values), pa.string()), pa.binary()), b"\r\n", values, b"\r\n"


def _contents(column: pa.Array) -> memoryview:
    """All bytes of a binary column, one value after the other, without a copy."""
    _, offsets, data = column.buffers()
    ends = memoryview(offsets).cast("i")
    return memoryview(data)[ends[column.offset] : ends[column.offset + len(column)]]
