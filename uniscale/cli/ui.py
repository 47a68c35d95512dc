"""`uniscale ui`: the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from uniscale.config import Settings, load_settings
from uniscale.console import err, exit_codes

if TYPE_CHECKING:
    from uniscale.ui.links import Links

PORT = 8050
_STOP_SECONDS = 5


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""

    @app.command("ui")
    def ui_command(
        host: Annotated[
            str, typer.Option(help="Address to listen on; one that others reach needs ui.token.")
        ] = "127.0.0.1",
        port: Annotated[int, typer.Option(help="Port to listen on.")] = PORT,
        mlflow_port: Annotated[int, typer.Option(help="Port of MLflow, for links.")] = 5000,
        airflow_port: Annotated[int, typer.Option(help="Port of Airflow, for links.")] = 8080,
        evidently_port: Annotated[int, typer.Option(help="Port of the Evidently UI, for links.")] = 8000,
    ) -> None:
        """Serve the dashboard: who serves, is it getting better, is anything wrong; it only reads."""
        with exit_codes():
            from uniscale.ui.links import loopback_links

            settings = load_settings()
            links = loopback_links(
                settings, mlflow_port=mlflow_port, airflow_port=airflow_port, evidently_port=evidently_port
            )
            _serve(settings, host, port, links)


def _serve(settings: Settings, host: str, port: int, links: Links) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ValueError: Others reach the address and there is no token.
    """
    import uvicorn

    from uniscale.ui.app import make_app
    from uniscale.ui.guard import is_loopback

    token = settings.ui.token
    if token is None and not is_loopback(host):
        raise ValueError(
            f"others reach {host}; set a token that they have to know (UNISCALE_UI__TOKEN), or listen on 127.0.0.1"
        )
    err.print(f"dashboard: http://{host}:{port} (Ctrl-C stops it)", highlight=False)
    uvicorn.run(
        make_app(settings, links, token),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )
