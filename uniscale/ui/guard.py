"""Who may see the pages, and what a browser may do with them.

Pages have no script, and load nothing from elsewhere. Only reading is possible. On an address that others can reach a
token is asked for; a page that another site makes a browser send is refused by the name of the host.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress

from pydantic import SecretStr
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "uniscale_ui"
LOGIN = "/login"
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:; frame-ancestors 'none'"
)
"""Of reports that others wrote: their scripts run, in an origin of their own, and reach nothing."""

_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """ASGI middleware that refuses what is not reading by somebody who may, and sets the headers of every answer."""

    def __init__(self, app: ASGIApp, token: SecretStr | None) -> None:
        """Guard ``app``; without a token, only names of this machine are answered."""
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> Response | None:
        path = request.url.path
        if request.method not in ("GET", "HEAD") and not (request.method == "POST" and path == LOGIN):
            return PlainTextResponse("the dashboard only reads\n", status_code=405, headers={"Allow": "GET, HEAD"})
        if self._token is None:
            host = (
                request.headers.get("host", "").rsplit(":", 1)[0] if request.headers.get("host") != "[::1]" else "[::1]"
            )
            if host not in _LOOPBACK_NAMES:
                return PlainTextResponse("this dashboard answers to 127.0.0.1 and localhost only\n", status_code=421)
            return None
        if path == LOGIN or path.startswith("/static/") or self._is_known(request, self._token):
            return None
        return RedirectResponse(LOGIN, status_code=303)

    @staticmethod
    def _is_known(request: Request, token: SecretStr) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and matches(given, token):
            return True
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), cookie_value(token).encode())


def matches(given: str, token: SecretStr) -> bool:
    """Whether somebody gave the token; takes as long whatever they gave."""
    return hmac.compare_digest(given.encode(), token.get_secret_value().encode())


def cookie_value(token: SecretStr) -> str:
    """What a browser is given to show again: it follows from the token and does not tell it."""
    return hmac.new(token.get_secret_value().encode(), b"uniscale dashboard", hashlib.sha256).hexdigest()
