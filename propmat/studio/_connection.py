"""One page that shows a picture: messages in, tiles that have changed out."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from propmat.errors import InputError, one_line
from propmat.studio._messages import Stroke, View, parsed
from propmat.studio._session import Session
from propmat.studio._shown import TILE, Place, Shown, frame, size_at
from propmat.studio._types import Bytes

# A page of ours sends no message that is refused; after so many the socket is closed.
MOST_REFUSED = 20
POLICY_VIOLATION = 1008

# Seconds that labels wait for their preview, to travel with it: the page has drawn the stroke, and each message takes a
# browser time that the preview lacks.
SOON = 0.1


class Sent:
    """Checksums of the tiles of one level that a page has got, and of what those of alpha were made."""

    def __init__(self) -> None:
        self.tiles: dict[Place, int] = {}
        self.made_of: dict[Place, tuple[Shown, int]] = {}


class Connection:
    """The socket of a page. A slow one gets fewer states, never old ones: tiles are made when they can be sent."""

    def __init__(self, socket: WebSocket, session: Session) -> None:
        self._socket, self._session = socket, session
        self._view: View | None = None
        self._sent = Sent()
        self._ended: list[str] = []  # strokes of this page that it has not been told of
        self._shown: Shown | None = None
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Serve the page until it goes."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            loop.call_soon_threadsafe(self._news.set)

        self._session.watch(tell)
        self._news.set()
        sending = asyncio.create_task(self._send())
        try:
            await self._receive()
        except WebSocketDisconnect:
            pass
        finally:
            self._session.unwatch(tell)
            sending.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):  # there is no page to send to
                await sending
            await asyncio.to_thread(self._session.end_stroke)

    async def _receive(self) -> None:
        refused = 0
        while refused < MOST_REFUSED:
            try:
                await self._take(await self._text())
            except InputError as error:
                refused += 1
                await self._socket.send_json({"type": "error", "message": one_line(error)})
        await self._socket.close(POLICY_VIOLATION)

    async def _text(self) -> str:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        text = message.get("text")
        if not isinstance(text, str):
            raise InputError("message: takes text, got bytes")
        return text

    async def _take(self, text: str) -> None:
        message = parsed(text)
        if isinstance(message, View):
            if self._view is None or self._view.level != message.level:
                self._sent = Sent()  # before the view, for a thread that is making tiles
            self._view = message
            self._news.set()
            return
        await asyncio.to_thread(self._session.take, message)
        if isinstance(message, Stroke) and message.end:
            self._ended.append(message.identifier)
            self._news.set()

    async def _send(self) -> None:
        try:
            while not self._session.closed:
                await self._news.wait()
                await self._wait_for_preview()
                self._news.clear()
                ended, self._ended = self._ended, []
                await self._socket.send_bytes(await asyncio.to_thread(self._changed, ended))
        finally:  # whatever went wrong, a page that is told connects again
            await self._socket.close()

    async def _wait_for_preview(self) -> None:
        """Wait for what is shown to change, if it will soon."""
        clock = asyncio.get_running_loop().time
        end = clock() + SOON
        while self._session.will_show_more_than(self._shown) and (left := end - clock()) > 0:
            self._news.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)

    def _changed(self, ended: list[str]) -> bytes:
        """The length of the state (little-endian), the state as JSON, and the tiles that are seen and have changed.

        The state is not newer than they.
        """
        state = json.dumps(self._session.state(ended)).encode()
        return b"".join([struct.pack("<I", len(state)), state, *self._frames()])

    def _frames(self) -> Iterator[bytes]:
        view, sent = self._view, self._sent
        self._shown = shown = self._session.display.shown
        for place in [] if view is None else self._places(view):
            labels = self._session.labels(place)
            yield from _unless_sent(place, shown, labels, sent)
            alpha, made_of = place._replace(kind="alpha"), (shown, sent.tiles[place])
            if sent.made_of.get(alpha) != made_of:
                sent.made_of[alpha] = made_of
                yield from _unless_sent(alpha, shown, self._session.alpha(shown, alpha, labels), sent)

    def _places(self, view: View) -> Iterator[Place]:
        """The tiles of labels that are seen."""
        height, width = size_at(self._session.photo.shape, view.level)
        rows = range(view.top, min(view.bottom, -(-height // TILE)))
        columns = range(view.left, min(view.right, -(-width // TILE)))
        yield from (Place("labels", view.level, row, column) for row in rows for column in columns)


def _unless_sent(place: Place, shown: Shown, tile: Bytes, sent: Sent) -> Iterator[bytes]:
    """A tile as it travels, unless the page has it as it is."""
    checksum = zlib.crc32(tile.tobytes())
    if sent.tiles.get(place) != checksum:
        sent.tiles[place] = checksum
        yield frame(place, shown.version, tile)
