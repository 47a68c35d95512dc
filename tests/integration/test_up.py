"""`uniscale up` before any of its servers starts; the end-to-end tests start them."""

import os
import socket
import sys

import pytest

from tests.support_servers import free_ports
from uniscale.cli.services import Service, run_services, services


def test_a_taken_port_is_named_before_anything_starts(settings):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        wanted = services(settings, airflow_port=port, mlflow_port=port, evidently_port=port, ui_port=port)
        with pytest.raises(RuntimeError, match=f"port {port}"):
            run_services(settings, wanted)


def test_the_scheduler_starts_when_its_api_server_answers(settings):
    """A task that is due at once asks the API server, and would fail before it is there."""
    (port,) = free_ports(1)
    server = (
        "import http.server, time; time.sleep(1); http.server.HTTPServer(('127.0.0.1', PORT), None).serve_forever()"
    )
    answers = "import socket; socket.create_connection(('127.0.0.1', PORT)); raise SystemExit(7)"
    wanted = tuple(
        Service(
            name=name,
            port=listens_on,
            command=(sys.executable, "-c", code.replace("PORT", str(port))),
            environment=os.environ,
            waits=listens_on is None,
        )
        for name, listens_on, code in (("scheduler", None, answers), ("api", port, server))
    )
    with pytest.raises(RuntimeError, match="scheduler ended with exit code 7"):
        run_services(settings, wanted)
