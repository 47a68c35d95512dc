"""Entities taken out of the online store answer no more; the others still do."""

import shutil
import socket
import subprocess
from contextlib import contextmanager

import pytest
from support_features import DS, small_shop
from support_servers import free_ports, wait_for

from uniscale.features.materialize import materialize
from uniscale.features.online import look_up
from uniscale.features.removal import remove_online


@contextmanager
def redis_server(folder):
    """A Redis server on a port of its own; gives ``host:port``."""
    pytest.importorskip("redis")
    (port,) = free_ports(1)
    command = ["redis-server", "--port", str(port), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: socket.create_connection(("127.0.0.1", port)), 20, "Redis").close()
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()


def check_removal(settings, lake):
    small_shop(lake)
    materialize(settings, lake, DS)
    assert look_up(settings, user="u1", query="red shoe", item=["i1"])["unknown"] == []
    assert remove_online(settings, {"user_id": ["u1", "nobody"], "query_text": ["red shoe"]}) > 0
    unknown = look_up(settings, user="u1", query="red shoe", item=["i1"])["unknown"]
    assert [sentence.split(" has")[0] for sentence in unknown] == ["user 'u1'", "query 'red shoe'"]
    assert remove_online(settings, {"user_id": ["u1"]}) == 0


def test_a_user_and_a_query_are_taken_out_of_sqlite(settings, lake):
    assert remove_online(settings, {"user_id": ["u1"]}) == 0
    check_removal(settings, lake)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
def test_a_user_and_a_query_are_taken_out_of_redis(settings, lake, tmp_path):
    with redis_server(tmp_path) as address:
        settings.features.online_store, settings.features.redis = "redis", address
        check_removal(settings, lake)
