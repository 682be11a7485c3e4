"""A server in a thread of this process, and a page without a browser."""

import http.client
import json
import threading
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlencode

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from propmat.studio._serving import address_of, listening, server
from propmat.studio._shown import TILE, size_at
from propmat.studio._workspace import Workspace

TOKEN = "token-of-a-test"
HEAD = 16


class Served:
    """A running server: requests go to it with its token, or as they are given."""

    def __init__(self, workspace, port, address, host="127.0.0.1"):
        self.workspace, self.port, self.address, self.host = workspace, port, address, host

    def ask(self, method, path, body=None, headers=None, **query):
        """Status and content; JSON is parsed."""
        given = {"Authorization": f"Bearer {TOKEN}"} if headers is None else headers
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=60)) as connection:
            connection.request(method, f"{path}?{urlencode(query)}" if query else path, body, given)
            answer = connection.getresponse()
            content = answer.read()
        if answer.headers.get_content_type() == "application/json":
            content = json.loads(content)
        return answer.status, content

    def add(self, data, name="photo.png"):
        status, answer = self.ask("POST", "/api/pictures", data, name=name)
        assert status == 200, answer
        return answer["id"]

    @contextmanager
    def page(self, picture, token=TOKEN, **options):
        address = f"ws://127.0.0.1:{self.port}/api/pictures/{picture}/socket?token={token}"
        with connect(address, max_size=None, max_queue=None, **options) as socket:
            yield Page(socket)


class Page:
    """What a page sends, and the planes that it is sent."""

    def __init__(self, socket):
        self.socket, self.tiles, self.state, self.errors = socket, {}, {}, []

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def look(self, level=0, top=0, bottom=99, left=0, right=99):
        self.send(type="view", level=level, top=top, bottom=bottom, left=left, right=right)

    def stroke(self, identifier, label, *points, radius=4.0, end=True):
        self.send(type="stroke", id=identifier, label=label, radius=radius, points=points, end=end)

    def until(self, wanted, timeout=120):
        """Read until the state is as wanted; the tiles on the way are kept."""
        while not wanted(self.state):
            self.read(timeout)
        return self.state

    def until_exact(self, stroke=None):
        return self.until(
            lambda state: state.get("phase") == "exact" and (stroke is None or stroke in state["strokes"])
        )

    def read(self, timeout=120):
        data = self.socket.recv(timeout)
        if isinstance(data, bytes):
            begin = 4 + int.from_bytes(data[:4], "little")
            self.state, data = json.loads(data[4:begin]), data[begin:]
            while data:
                kind, level, row, column, height, width = np.frombuffer(data, "<u2", 6).tolist()
                pixels = np.frombuffer(data, np.uint8, height * width, HEAD).reshape(height, width)
                self.tiles["alpha labels".split()[kind], level, row, column] = pixels
                data = data[HEAD + height * width :]
            return self.state
        message = json.loads(data)
        self.errors.append(message["message"])
        return message

    def read_to_the_end(self):
        """Read until the server closes the socket."""
        with suppress(ConnectionClosed):
            while True:
                self.read(20)

    def plane(self, kind, shape, level=0):
        height, width = size_at(shape, level)
        found = np.zeros((height, width), np.uint8)
        for (which, at, row, column), tile in self.tiles.items():
            if (which, at) == (kind, level):
                place = np.s_[row * TILE : row * TILE + tile.shape[0], column * TILE : column * TILE + tile.shape[1]]
                found[place] = tile
        return found


@contextmanager
def served(folder, host="127.0.0.1"):
    """A server over a working folder."""
    workspace = Workspace(folder)
    with listening(host, 0) as listener:
        running = server(workspace, TOKEN, listener)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Served(workspace, listener.getsockname()[1], address_of(listener, TOKEN), host)
        finally:
            running.should_exit = True
            thread.join()
