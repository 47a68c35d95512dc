"""A dashboard on a port of its own, in this process."""

import socket
import threading
import time
from contextlib import contextmanager

import uvicorn

from uniscale.ui.app import make_app
from uniscale.ui.links import Links

LINKS = Links(mlflow="http://127.0.0.1:5000", airflow="http://127.0.0.1:8080", evidently="http://127.0.0.1:8000")


@contextmanager
def dashboard(settings, token=None):
    """The dashboard of an installation on a free port; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(make_app(settings, LINKS, token), host="127.0.0.1", port=port, log_level="warning")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline, "the dashboard did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
