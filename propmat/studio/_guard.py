"""Who may ask the server: pages of its own origin that know its token."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset(("127.0.0.1", "localhost", "[::1]"))
# Browsers leave the usual port 80 away.
_PORT = re.compile(r":[0-9]*$")

FORBIDDEN, POLICY_VIOLATION = 403, 1008

HEADERS = (
    (b"content-security-policy", b"default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),  # the token is in the address
    (b"cache-control", b"no-store"),
)


class Guard:
    """An ASGI application before another one. Names of hosts are checked against sites that point their own name here.

    Parameters
    ----------
    application : ASGIApp
    token : str
        To be in the query of addresses, or in the header Authorization: Bearer. Static files need none.
    hosts : collection of str, optional
        Names of this server; any by default.
    """

    def __init__(self, application: ASGIApp, token: str, hosts: Collection[str] | None = None) -> None:
        self._application, self._token, self._hosts = application, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        refused = self._refused(scope)
        if not refused:
            await self._application(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refused})
        else:
            await PlainTextResponse(f"{refused}\n", FORBIDDEN)(scope, receive, send)

    def _refused(self, scope: Scope) -> str:
        """Why a request is refused; empty if it is not."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._hosts is not None and _PORT.sub("", host) not in self._hosts:
            return "propmat studio: this is not the address that the command has printed"
        if origin is not None and origin.partition("://")[2] != host:
            return "propmat studio: other sites may not ask"
        if scope["path"].startswith("/static/"):
            return ""
        given = headers.get("authorization", "").removeprefix("Bearer ") or _query(scope, "token")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return "propmat studio: open the whole address that the command has printed, with its token"
        return ""


def _query(scope: Scope, name: str) -> str:
    return parse_qs(scope["query_string"].decode("latin-1")).get(name, [""])[0]


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *HEADERS]}
        await send(message)

    return sending
