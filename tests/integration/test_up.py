"""`uniscale up` before any of its servers starts; the end-to-end tests start them."""

import socket

import pytest

from uniscale.cli.services import run_services, services


def test_a_taken_port_is_named_before_anything_starts(settings):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        wanted = services(settings, airflow_port=port, mlflow_port=port, evidently_port=port, ui_port=port)
        with pytest.raises(RuntimeError, match=f"port {port}"):
            run_services(settings, wanted)
