"""What several pages, slow ones and long waits must not do to each other, and where the server answers."""

import asyncio
import io as streams
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import propmat
from propmat import io

pytest.importorskip("starlette", reason="needs the extra studio")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytest.importorskip("websockets", reason="needs the extra studio")

from propmat.studio._connection import Connection  # noqa: E402
from propmat.studio._guard import Guard  # noqa: E402
from propmat.studio._photo import LONGEST  # noqa: E402
from propmat.studio._solving import Solving  # noqa: E402
from propmat.studio._workspace import Workspace  # noqa: E402
from tests.studio.serving import TOKEN, served  # noqa: E402

SHAPE = (120, 290)


def png(pixels):
    file = streams.BytesIO()
    io.write_image(file, pixels)
    return file.getvalue()


@pytest.fixture(scope="module")
def photo():
    return png(propmat.datasets.synthetic(seed=3, shape=SHAPE).image)


@pytest.fixture
def server(tmp_path):
    with served(tmp_path / "studio") as running:
        yield running


def test_a_page_is_told_of_every_stroke_that_it_has_ended(server, photo, monkeypatch):
    """However many there are between two states, or they would be drawn for ever."""
    monkeypatch.setattr("propmat.studio._connection.SOON", 1.0)
    told = set()
    with server.page(server.add(photo)) as page:
        page.look()
        for k in range(100):
            page.stroke(f"s{k}", "foreground", [k, k], radius=2)
        page.until(lambda state: told.update(state.get("strokes", [])) or len(told) == 100, timeout=20)


def test_a_page_may_zoom_while_its_tiles_are_made(server, photo):
    session = server.workspace.session(server.add(photo))

    async def zoomed():
        connection = Connection(None, session)
        view = '{"type": "view", "level": %d, "top": 0, "bottom": 9, "left": 0, "right": 9}'
        await connection._take(view % 0)
        tiles = connection._frames()
        first = next(tiles)
        await connection._take(view % 1)
        return [first, *tiles], list(connection._frames())

    before, after = asyncio.run(zoomed())
    assert [tile[2] for tile in before] == [0] * 4  # the level
    assert [tile[2] for tile in after] == [1] * 2


def test_a_page_whose_tiles_fail_is_closed_to_connect_again(server, photo, monkeypatch):
    picture = server.add(photo)
    session = server.workspace.session(picture)
    with server.page(picture) as page:
        page.until(lambda state: state)
        monkeypatch.setattr(session, "state", lambda _: 1 / 0)
        page.look()
        page.read_to_the_end()
    monkeypatch.undo()
    with server.page(picture) as page:
        page.until(lambda state: state)


def test_strokes_do_not_wait_for_exports(server, photo, monkeypatch):
    held = threading.Event()
    solve = Solving._solve_exactly
    monkeypatch.setattr(Solving, "_solve_exactly", lambda *given: held.wait(120) and solve(*given))
    picture = server.add(photo)

    def export():
        with suppress(TimeoutError):
            server.ask("GET", f"/api/pictures/{picture}/export", what="matte", suffix=".png", depth=8)

    exports = [
        threading.Thread(target=export) for _ in range(33)
    ]  # as many as `asyncio.to_thread` has at most, and one
    with server.page(picture) as page:
        page.look()
        page.stroke("a", "foreground", [140, 60])
        page.stroke("b", "background", [5, 5])
        page.until(lambda state: "b" in state.get("strokes", []))
        for export in exports:
            export.start()
        page.stroke("c", "background", [5, 100])
        page.until(lambda state: "c" in state["strokes"], timeout=60)
        held.set()
        page.until_exact("c")
    for export in exports:
        export.join()


def test_files_of_formats_that_the_command_makes_in_a_relative_folder(photo, tmp_path, monkeypatch):
    pytest.importorskip("OpenImageIO")
    monkeypatch.chdir(tmp_path)
    with served(Path("studio")) as server:
        picture = server.add(photo)
        with server.page(picture) as page:
            page.stroke("a", "foreground", [140, 60])
            page.stroke("b", "background", [5, 5])
            page.until_exact("b")
        query = {"what": "matte", "suffix": ".exr", "depth": 16}
        status, content = server.ask("GET", f"/api/pictures/{picture}/export", **query)
        assert status == 200, content


@pytest.mark.parametrize("shape", [(3, LONGEST + 1), (LONGEST + 1, 3)])
def test_pictures_longer_than_strokes_reach_are_refused(tmp_path, shape):
    told = f"image: is {shape[0]} x {shape[1]} pixels .height x width.; takes sides of up to {LONGEST}"
    with pytest.raises(propmat.InputError, match=told):
        Workspace(tmp_path).add("a.png", png(np.zeros(shape)))


# Addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1"])
def test_every_loopback_address_that_is_printed_answers(tmp_path, host):
    try:
        with served(tmp_path, host) as server:
            assert server.ask("GET", "/")[0] == 200
            assert server.ask("GET", "/", headers={"Host": "example.org", "Authorization": f"Bearer {TOKEN}"})[0] == 403
    except propmat.InputError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(
    ("host", "refused"),
    [("127.0.0.1", False), ("localhost", False), ("[::1]", False), ("[::1]:80", False), ("localhost:8000", False)]
    + [("", True), ("example.org", True), ("127.0.0.1.example.org", True), ("localhost:80.example.org", True)],
)
def test_the_usual_port_may_be_left_away(host, refused):
    scope = {"path": "/static/studio.js", "headers": [(b"host", host.encode())], "query_string": b""}
    assert bool(Guard(None, TOKEN, {"127.0.0.1", "localhost", "[::1]"})._refused(scope)) == refused
