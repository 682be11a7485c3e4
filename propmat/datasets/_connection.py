"""Connections to HTTP servers that are closed if they are too slow, from the headers on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from propmat.errors import PropmatError

if TYPE_CHECKING:
    from http.client import HTTPResponse


class Pace:
    """Closes connections that deliver fewer than ``rate`` bytes a second over ``seconds``, or last beyond ``end``.

    A timeout of the socket is renewed by every byte, so that a slow server would never reach it.

    Parameters
    ----------
    seconds, rate : float
    end : float
        Of `time.monotonic`.
    """

    def __init__(self, seconds: float, rate: float, end: float) -> None:
        self.seconds, self.rate, self.end = seconds, rate, end
        self._received = 0
        self._reason = ""
        self._sockets: list[socket.socket] = []
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._watched, daemon=True)

    def __enter__(self) -> Pace:
        self._watch.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._done.set()
        self._watch.join()
        for connection in self._sockets:
            connection.close()
        if self._reason and (error is None or isinstance(error, Exception) and not isinstance(error, PropmatError)):
            raise TimeoutError(self._reason) from error

    def connect(
        self, address: tuple[str, int], timeout: float | None, source_address: tuple[str, int] | None = None
    ) -> socket.socket:
        """A connection that is watched."""
        connection = socket.create_connection(address, timeout, source_address)
        self._sockets.append(connection.dup())  # TLS takes the other one for itself
        return connection

    def count(self, received: int) -> None:
        """Note that so many bytes have come."""
        self._received += received

    def _watched(self) -> None:
        before = 0
        while not self._done.wait(max(0.0, min(self.seconds, self.end - time.monotonic()))):
            if time.monotonic() >= self.end:
                self._cut_off("it takes longer than is waited for")
            elif self._received - before < self.rate * self.seconds:
                few = f"fewer than {self.rate:g} bytes a second arrive"
                self._cut_off(few if self._received else "no answer in time")
            before = self._received

    def _cut_off(self, reason: str) -> None:
        self._reason = reason
        self._done.set()
        for connection in self._sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def opened(url: str, headers: Mapping[str, str], pace: Pace) -> HTTPResponse:
    """The response to a request, whatever its status; proxies are those of the environment."""
    from http.client import HTTPConnection, HTTPSConnection
    from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

    def watched(kind: type[HTTPConnection], host: str, timeout: float) -> HTTPConnection:
        connection = kind(host, timeout=timeout)
        connection._create_connection = pace.connect  # type: ignore[attr-defined]
        return connection

    class Plain(HTTPHandler):
        def http_open(self, request: Request) -> HTTPResponse:
            return self.do_open(partial(watched, HTTPConnection), request)

    class Secure(HTTPSHandler):
        def https_open(self, request: Request) -> HTTPResponse:
            return self.do_open(partial(watched, HTTPSConnection), request)

    # No handlers of other schemes, and none that would follow a redirection or read an endless page of an error.
    opener = OpenerDirector()
    for handler in (ProxyHandler(), Plain(), Secure()):
        opener.add_handler(handler)
    response: HTTPResponse | None = opener.open(Request(url, headers=dict(headers)), timeout=pace.seconds)
    if response is None:
        raise ConnectionError("the proxy of the environment is of a kind that is not known here")
    return response
