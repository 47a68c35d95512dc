"""The web application: addresses, errors as pages, and reports of a day as files."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from uniscale.config import Settings
from uniscale.ui.filters import FILTERS
from uniscale.ui.guard import COOKIE, LOGIN, REPORT_POLICY, Guard, cookie_value, matches
from uniscale.ui.links import Links
from uniscale.ui.queries.steps import timings
from uniscale.ui.site import Context, Site
from uniscale.ui.spans import parse_day
from uniscale.ui.views.data import data
from uniscale.ui.views.day import day
from uniscale.ui.views.drift import drift
from uniscale.ui.views.home import home
from uniscale.ui.views.lineage import lineage
from uniscale.ui.views.runs import runs
from uniscale.ui.views.trend import trend

_HERE = Path(__file__).parent
_REPORT = re.compile(r"[A-Za-z0-9_.-]+\.(html|json)")
_log = logging.getLogger(__name__)

PAGES: dict[str, Callable[..., Context]] = {
    "home": home,
    "trend": trend,
    "drift": drift,
    "data": data,
    "runs": runs,
    "lineage": lineage,
}
"""Pages by name; each but the first has the address of its name."""


def make_app(settings: Settings, links: Links, token: SecretStr | None = None) -> Starlette:
    """The dashboard of an installation.

    Args:
        settings: The installation.
        links: Addresses of the other servers.
        token: What a browser has to show; None answers this machine's own names only.
    """
    site = Site(settings=settings, links=links)
    site.warm_up(home)
    pages = _Pages(site, token)
    return Starlette(
        routes=[
            *(Route("/" if name == "home" else f"/{name}", pages.page(name)) for name in PAGES),
            Route("/day/{ds}", pages.day),
            Route("/day", pages.newest_day),
            Route("/reports/{ds}/{file}", pages.report),
            Route("/run/{version}", pages.run),
            Route(LOGIN, pages.login, methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        middleware=[Middleware(Guard, token=token), Middleware(GZipMiddleware)],
        exception_handlers={404: pages.not_found, Exception: pages.broken},
    )


class _Pages:
    def __init__(self, site: Site, token: SecretStr | None) -> None:
        self._site, self._token = site, token
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
        )
        self._templates.filters.update(FILTERS)
        self._templates.trim_blocks = self._templates.lstrip_blocks = True

    def page(self, name: str) -> Callable[[Request], Response]:
        """The function that answers for a page."""

        def answer(request: Request) -> Response:
            return self._show(request, name, PAGES[name])

        return answer

    def day(self, request: Request) -> Response:
        """The page of a day."""
        try:
            ds = parse_day(request.path_params["ds"])
        except ValueError as error:
            return self._fault(request, 404, "There is no such page", str(error))
        return self._show(request, "day", day, ds)

    def newest_day(self, _: Request) -> Response:
        """To the newest day that was run."""
        try:
            with self._site.reader.look() as look:
                newest = max(look(timings), default=None)
        except FileNotFoundError:
            newest = None
        return RedirectResponse("/" if newest is None else f"/day/{newest}", status_code=303)

    def run(self, request: Request) -> Response:
        """To the run in MLflow that trained a version."""
        from uniscale.registry.client import is_there
        from uniscale.registry.store import Registry

        version = request.path_params["version"]
        try:
            if not is_there(self._site.settings):
                raise ValueError("no model is registered yet; run a day")
            experiment, run_id = Registry(self._site.settings).run_of(version)
        except ValueError as error:
            return self._fault(request, 404, "There is no such version", str(error))
        return RedirectResponse(self._site.links.run(experiment, run_id), status_code=303)

    def report(self, request: Request) -> Response:
        """A file that a run wrote for its day, in a sandbox."""
        file = request.path_params["file"]
        try:
            ds = parse_day(request.path_params["ds"])
        except ValueError as error:
            return self._fault(request, 404, "There is no such report", str(error))
        path = self._site.settings.home / "reports" / ds.isoformat() / file
        if not _REPORT.fullmatch(file) or not path.is_file():
            told = f"{ds} has no report {file}; old ones are removed in time"
            return self._fault(request, 404, "There is no such report", told)
        return FileResponse(path, headers={"Content-Security-Policy": REPORT_POLICY})

    async def login(self, request: Request) -> Response:
        """Take the token, and give the browser a cookie for it."""
        if self._token is None:
            return RedirectResponse("/", status_code=303)
        wrong = False
        if request.method == "POST":
            given = parse_qs((await request.body()).decode(errors="replace")).get("token", [""])[0]
            if matches(given, self._token):
                welcome = RedirectResponse("/", status_code=303)
                is_safe = request.url.scheme == "https"
                welcome.set_cookie(
                    COOKIE, cookie_value(self._token), httponly=True, samesite="strict", secure=is_safe, max_age=43_200
                )
                return welcome
            wrong = True
        return self._render(request, "login", {"wrong": wrong}, 401 if wrong else 200)

    async def not_found(self, request: Request, error: Exception) -> Response:
        """Whatever has no page."""
        del error
        return self._fault(request, 404, "There is no such page", f"{request.url.path} leads nowhere")

    async def broken(self, request: Request, error: Exception) -> Response:
        """What the dashboard did not foresee; the log has the whole of it."""
        return self._fault(request, 500, "The dashboard is at fault here", f"{type(error).__name__}: {error}")

    def _show(self, request: Request, name: str, view: Callable[..., Context], *about: date) -> Response:
        """A page, or in its place what is wrong; the lake is closed before anything is written."""
        try:
            with self._site.reader.look() as look:
                found = view(self._site, look, request.query_params, *about)
        except FileNotFoundError as error:
            return self._render(request, "empty", {"why": "lake", "said": str(error)}, 200)
        except LookupError as error:
            return self._fault(request, 404, "There is nothing to show", str(error))
        except ValueError as error:
            return self._fault(request, 400, "That cannot be shown", str(error))
        except (duckdb.Error, RuntimeError) as error:
            _log.exception("page %s", name)
            return self._fault(request, 503, "The lake cannot be read", str(error))
        if "empty" in found:
            return self._render(request, "empty", {"why": found["empty"], "said": ""}, 200)
        return self._render(request, name, found)

    def _fault(self, request: Request, status: int, title: str, said: str) -> Response:
        return self._render(request, "fault", {"title": title, "said": said}, status)

    def _render(self, request: Request, name: str, found: dict[str, Any], status: int = 200) -> Response:
        shared = {"page": name, "path": request.url.path, "target": self._site.settings.target_domain}
        html = self._templates.get_template(f"{name}.html").render(**shared, **found)
        return HTMLResponse(html, status_code=status)
