"""The server without a browser: mattes that follow strokes, files that equal those of commands, and attacks."""

import io as streams
import logging
import os
import shlex
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest

import propmat
from propmat import io
from propmat.cli import main
from propmat.errors import InputError

pytest.importorskip("starlette", reason="needs the extra studio")
pytest.importorskip("uvicorn", reason="needs the extra studio")
pytest.importorskip("websockets", reason="needs the extra studio")

from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

import propmat.studio  # noqa: E402
from propmat.studio import _server  # noqa: E402
from propmat.studio._memory import give_back  # noqa: E402
from propmat.studio._solving import Solving  # noqa: E402
from propmat.studio._workspace import Workspace, plain_name  # noqa: E402
from tests.studio.serving import TOKEN, Served, served  # noqa: E402

SHAPE = (120, 290)


def png(pixels, **options):
    file = streams.BytesIO()
    io.write_image(file, pixels, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=3, shape=SHAPE)


@pytest.fixture(scope="module")
def photo(sample):
    return png(sample.image)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("studio")) as running:
        yield running


@pytest.fixture
def fresh(tmp_path):
    """A server of its own."""
    with served(tmp_path / "studio") as running:
        yield running


@pytest.fixture(scope="module")
def painted(server, photo):
    """A picture with two strokes and its exact matte: its identifier, and the page."""
    picture = server.add(photo, "my photo.png")
    with server.page(picture) as page:
        page.look()
        page.stroke("a", "foreground", [140, 60], [150, 60])
        page.stroke("b", "background", [5, 5], [5, 115], radius=3)
        page.until_exact("b")
        yield picture, page


def exported(server, picture, what, suffix=".png", depth=8):
    status, content = server.ask("GET", f"/api/pictures/{picture}/export", what=what, suffix=suffix, depth=depth)
    assert status == 200, content
    return content


def test_the_exact_matte_is_that_of_the_library(server, painted, sample):
    picture, page = painted
    trimap = io.read_trimap(streams.BytesIO(exported(server, picture, "trimap")))
    np.testing.assert_array_equal(page.plane("labels", SHAPE), trimap)
    image = io.read_image(streams.BytesIO(png(sample.image)))
    alpha = propmat.closed_form(image, trimap)
    np.testing.assert_array_equal(page.plane("alpha", SHAPE), np.rint(255 * alpha))
    for depth in (8, 16):
        found = io.read_matte(streams.BytesIO(exported(server, picture, "matte", depth=depth)))
        np.testing.assert_array_equal(found, np.rint((2**depth - 1) * alpha))


CASES = [("matte", ".png", 8), ("cutout", ".png", 8), ("matte", ".tif", 16), ("cutout", ".png", 16)]
CASES += [("foreground", ".png", 8), ("cutout", ".exr", 16)]


@pytest.mark.parametrize(("what", "suffix", "depth"), CASES)
def test_the_command_makes_the_same_file(server, painted, photo, tmp_path, monkeypatch, what, suffix, depth):
    if suffix == ".exr" or depth == 16:
        pytest.importorskip("OpenImageIO")
    picture, _ = painted
    content = exported(server, picture, what, suffix, depth)
    query = {"what": what, "suffix": suffix, "depth": depth}
    _, told = server.ask("GET", f"/api/pictures/{picture}/command", **query)
    (tmp_path / "my photo.png").write_bytes(photo)
    (tmp_path / "my photo-trimap.png").write_bytes(exported(server, picture, "trimap"))
    monkeypatch.chdir(tmp_path)
    for line in told["command"].splitlines():
        assert main(shlex.split(line)[1:]) == 0
    ours, theirs = (io.read(source) for source in (streams.BytesIO(content), tmp_path / told["file"]))
    np.testing.assert_array_equal(ours.pixels, theirs.pixels)
    np.testing.assert_array_equal(ours.alpha, theirs.alpha)
    assert ours.metadata == theirs.metadata


def test_other_methods(server, painted, sample):
    picture, page = painted
    page.send(type="settings", method="random_walk")
    page.until(lambda state: state["method"] == "random_walk" and state["phase"] == "exact")
    trimap = io.read_trimap(streams.BytesIO(exported(server, picture, "trimap")))
    image = io.read_image(streams.BytesIO(png(sample.image)))
    np.testing.assert_array_equal(page.plane("alpha", SHAPE), np.rint(255 * propmat.random_walk(image, trimap)))
    _, told = server.ask("GET", f"/api/pictures/{picture}/command", what="matte", suffix=".png", depth=8)
    assert "--method random_walk" in told["command"]
    page.send(type="settings", method="closed_form")
    page.until(lambda state: state["method"] == "closed_form" and state["phase"] == "exact")


def test_a_preview_comes_while_a_stroke_goes_on(server, painted):
    _, page = painted
    page.stroke("c", "foreground", [200, 20], end=False)
    state = page.until(lambda state: state["stroke"] == "c")
    assert state["phase"] == "preview"
    page.stroke("c", "foreground", [200, 20], [210, 25])
    page.until_exact("c")
    page.send(type="order", name="undo")
    page.until(lambda state: state["redo"] == 1 and state["phase"] == "exact")


def test_smaller_levels_are_what_a_page_asks_for(server, painted):
    picture, _ = painted
    with server.page(picture) as page:
        page.look(level=1)
        page.until(lambda _: len(page.tiles) == 2)
        assert {place[1] for place in page.tiles} == {1}
        assert page.plane("labels", SHAPE, 1).shape == (60, 145)
        assert (page.plane("labels", SHAPE, 1)[30, 70:75] == 255).all()
    status, content = server.ask("GET", f"/api/pictures/{picture}/photo", level=1)
    assert status == 200
    assert io.read_image(streams.BytesIO(content)).shape == (60, 145, 3)


def test_only_changed_tiles_travel(server, painted):
    _, page = painted
    page.tiles.clear()
    page.stroke("d", "unknown", [3, 100], radius=1)
    page.until_exact("d")
    assert {place for place in page.tiles if place[0] == "labels"} == {("labels", 0, 0, 0)}


def test_two_pages_of_a_picture_see_the_same_and_others_nothing(server, painted, sample):
    picture, page = painted
    other = server.add(png(sample.image[::-1].copy()))
    with server.page(picture) as second, server.page(other) as apart:
        second.look()
        apart.look()
        second.stroke("e", "background", [280, 100])
        page.until_exact("e")
        apart.until(lambda state: state)
        assert apart.state["strokes"] == []
        assert apart.state["phase"] == "waiting"
        assert (apart.plane("labels", SHAPE) == 128).all() or not apart.tiles


def test_masks_with_their_band_and_what_is_odd(fresh, photo, sample):
    picture = fresh.add(photo)
    place = f"/api/pictures/{picture}/import"
    mask = png((sample.alpha > 0.5).astype(float))
    assert fresh.ask("POST", place, mask, kind="mask", width="2%") == (200, {})
    with fresh.page(picture) as page:
        page.look()
        page.until_exact()
        expected = propmat.trimap_from_mask(sample.alpha > 0.5, width="2%").labels
        np.testing.assert_array_equal(page.plane("labels", SHAPE), np.rint(255 * expected))
        page.send(type="band", width="0")
        state = page.until(lambda state: state["source"]["width"] == "0" and state["findings"])
        assert any("first at" in finding or "is unknown" in finding for finding in state["findings"])
        page.send(type="order", name="undo")
        page.until(lambda state: state["phase"] == "waiting" and state["undo"] == 0)
    small = png((sample.alpha[::2, ::2] > 0.5).astype(float))
    assert fresh.ask("POST", place, small, kind="mask")[0] == 200
    assert fresh.ask("POST", place, png(sample.trimap), kind="trimap")[0] == 200


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("mask", png(np.zeros(SHAPE)), "mask: has no foreground"),
        ("mask", png(np.eye(50)), "mask: shape (50, 50) does not fit"),
        ("trimap", png(np.eye(50)), "trimap: shape (50, 50) does not fit image"),
        ("trimap", b"no picture", "trimap: cannot be read"),
        ("other", png(np.eye(50)), "kind: takes trimap or mask"),
    ],
)
def test_labels_that_do_not_fit_are_refused(server, painted, kind, data, told):
    picture, page = painted
    before = page.state["source"]
    status, answer = server.ask("POST", f"/api/pictures/{picture}/import", data, kind=kind)
    assert status == 400
    assert answer["message"].startswith(told)
    assert page.state["source"] == before


def test_what_cannot_be_exported_is_told(server, painted, fresh, photo):
    picture, _ = painted
    for query, told in [
        ({"what": "all", "suffix": ".png", "depth": 8}, "what: takes"),
        ({"what": "matte", "suffix": ".jpg", "depth": 8}, "suffix: takes"),
        ({"what": "matte", "suffix": ".png", "depth": 9}, "depth: takes"),
        ({"what": "matte", "suffix": "../x.png", "depth": 8}, "suffix: takes"),
    ]:
        status, answer = server.ask("GET", f"/api/pictures/{picture}/export", **query)
        assert (status, answer["message"].startswith(told)) == (400, True), answer
    empty = fresh.add(photo)
    status, answer = fresh.ask("GET", f"/api/pictures/{empty}/export", what="matte", suffix=".png", depth=8)
    assert (status, answer["message"]) == (400, "trimap: paint some foreground and some background first")


# Nothing is lost


def test_a_killed_server_loses_nothing(tmp_path, photo):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "propmat", "studio", "--no-browser", "--folder", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        address = process.stdout.readline().strip()
        running = Served(None, int(address.split(":")[2].split("/")[0]), address)
        token = address.partition("token=")[2]
        headers = {"Authorization": f"Bearer {token}"}
        status, answer = running.ask("POST", "/api/pictures", photo, headers, name="a.png")
        assert status == 200
        with running.page(answer["id"], token) as page:
            page.look()
            page.stroke("a", "foreground", [140, 60], [160, 60])
            page.stroke("b", "background", [20, 20])
            page.send(type="settings", method="knn")
            page.until(lambda state: state.get("method") == "knn" and state["undo"] == 2 and len(page.tiles) == 4)
            labels = page.plane("labels", SHAPE)
            process.kill()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    with served(tmp_path) as again:
        assert again.ask("GET", "/api/pictures")[1] == [{"id": answer["id"], "name": "a.png"}]
        with again.page(answer["id"]) as page:
            page.look()
            state = page.until(lambda state: state and len(page.tiles) == 4)
            assert (state["method"], state["undo"]) == ("knn", 2)
            np.testing.assert_array_equal(page.plane("labels", SHAPE), labels)


def test_a_stroke_whose_page_goes_is_kept(fresh, photo):
    picture = fresh.add(photo)
    with fresh.page(picture) as page:
        page.look()
        page.stroke("a", "foreground", [50, 50], end=False)
        page.until(lambda state: state.get("stroke") == "a")
    with fresh.page(picture) as page:
        page.until(lambda state: state.get("undo") == 1)
        page.stroke("a", "foreground", [50, 50], [90, 50])
        page.until(lambda state: "a" in state["strokes"])


def test_deleted_pictures_are_gone(fresh, photo):
    picture = fresh.add(photo)
    with fresh.page(picture) as page:
        page.until(lambda state: state)
        assert fresh.ask("DELETE", f"/api/pictures/{picture}") == (200, {})
        page.read_to_the_end()
    assert fresh.ask("GET", "/api/pictures") == (200, [])
    assert list(fresh.workspace.folder.iterdir()) == []


def test_a_picture_that_another_server_has_open_is_refused(tmp_path, photo):
    first, second = Workspace(tmp_path), Workspace(tmp_path)
    picture = first.add("a.png", photo)
    first.session(picture)
    assert second.add("a.png", photo) == picture
    for attempt in (second.session, second.remove, lambda one: second.import_file(one, "trimap", photo, "0")):
        with pytest.raises(InputError, match="image: another propmat studio is at work in .*; wait for its end"):
            attempt(picture)
    first.close()
    assert not second.session(picture).closed
    second.close()


# Attacks


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, {}),
        ({"Authorization": "Bearer wrong"}, {}),
        ({}, {"token": "wrong"}),
        ({}, {"token": TOKEN[:-1]}),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "http://example.org"}, {}),
        ({"Authorization": f"Bearer {TOKEN}", "Origin": "null"}, {}),
        ({"Authorization": f"Bearer {TOKEN}", "Host": "example.org:80"}, {}),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/pictures", "/api/about"])
def test_strangers_are_refused(server, headers, query, path):
    status, content = server.ask("GET", path, headers=headers, **query)
    assert status == 403
    assert content.startswith(b"propmat studio: ")


def test_sockets_of_strangers_are_refused(server, painted):
    picture, _ = painted
    for options in ({"token": "wrong"}, {"origin": "http://example.org"}):
        with pytest.raises(InvalidStatus, match="403"), server.page(picture, **options):
            pass
    with server.page(picture, origin=f"http://127.0.0.1:{server.port}") as page:
        page.until(lambda state: state)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../_server.py",
        "/static/%2e%2e/_server.py",
        "/static/..%2f_server.py",
        "/api/pictures/..",
        "/api/pictures/%2e%2e%2f%2e%2e%2fetc/photo?level=0",
        "/api/pictures/..%2f..%2fpasswd",
        "/api/pictures/" + "0" * 20,
        "/api/pictures/" + "a" * 5000,
    ],
)
def test_paths_lead_nowhere(server, path):
    status, content = server.ask("GET", path)
    assert status in (400, 404)
    assert b"import" not in (content if isinstance(content, bytes) else b"")


def test_names_of_uploads_are_plain(fresh, photo):
    for name, plain in [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\x.png", "x.png"),
        ("--output=x.png", "output=x.png"),
        ("", "picture"),
        ("..", "picture"),
        ("a\0b\n.png", "ab.png"),
        ("x" * 500, "x" * 100),
        ("名" * 100, "名" * 66),
    ]:
        assert plain_name(name) == plain
    fresh.add(photo, "../../outside.png")
    names = {path.name for path in fresh.workspace.folder.parent.rglob("*")}
    assert "outside.png" not in names
    assert {path.name for path in fresh.workspace.folder.parent.iterdir()} == {"studio"}


def test_uploads_are_bounded(fresh, monkeypatch):
    monkeypatch.setattr(_server, "MOST_BYTES", 50_000)
    status, answer = fresh.ask("POST", "/api/pictures", b"x" * 60_000, name="a.png")
    assert (status, answer["message"]) == (413, "image: takes files of up to 50000 bytes")
    monkeypatch.setattr("propmat.studio._photo.MOST_PIXELS", 1000)
    status, answer = fresh.ask("POST", "/api/pictures", png(np.zeros((40, 40))), name="a.png")
    assert (status, answer["message"]) == (400, "image: has 1600 pixels; takes up to 1000")
    assert fresh.ask("GET", "/api/pictures") == (200, [])
    assert list(fresh.workspace.folder.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n" + b"x" * 100, b"<svg/>"])
def test_broken_files_are_told(server, data):
    status, answer = server.ask("POST", "/api/pictures", data, name="broken.png")
    assert status == 400
    assert answer["message"].startswith("broken.png: cannot be read")


def test_pictures_without_a_window_are_refused(server):
    for shape in ((1, 1, 3), (2, 9), (9, 2)):
        status, answer = server.ask("POST", "/api/pictures", png(np.zeros(shape)), name="a.png")
        told = f"image: is {shape[0]} x {shape[1]} pixels (height x width); takes at least 3 x 3"
        assert (status, answer) == (400, {"message": told})


def test_a_disk_that_refuses_is_told(fresh, photo, monkeypatch):
    picture = fresh.add(photo)
    with fresh.page(picture) as page:
        page.look()
        session = fresh.workspace.session(picture)

        def refuse(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(session._painting._journal, "write", refuse)
        monkeypatch.setattr(session._painting._journal, "rewrite", refuse)
        page.stroke("a", "foreground", [140, 60])
        page.until(lambda state: state.get("undo") == 1 and "cannot be kept: No space left" in state["note"])
        monkeypatch.undo()
        page.stroke("b", "background", [5, 5])
        page.until(lambda state: state["undo"] == 2 and state["note"] == "")
    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    status, answer = fresh.ask("POST", "/api/pictures", png(np.zeros((40, 40))), name="b.png")
    assert (status, answer) == (500, {"message": "folder: No space left on device"})
    assert [place.name for place in fresh.workspace.folder.iterdir()] == [picture]


def test_malformed_frames_are_told_and_then_end_the_socket(server, painted):
    picture, _ = painted
    with server.page(picture) as page:
        page.socket.send(b"\x00\x01")
        with suppress(ConnectionClosed):  # the end may come before the last one is sent
            for k in range(30):
                page.socket.send("{" * k)
        page.read_to_the_end()
    assert page.errors[0] == "message: takes text, got bytes"
    assert 15 < len(page.errors) <= 20
    with server.page(picture) as page:
        page.socket.send("x" * 10**6)
        page.read_to_the_end()


def test_a_thousand_strokes_at_once_are_painted(fresh, photo, rng):
    picture = fresh.add(photo)
    with fresh.page(picture) as page:
        page.look()
        for k in range(1000):
            points = rng.uniform(0, SHAPE[0], (3, 2)).tolist()
            page.stroke(f"s{k}", ["foreground", "background", "erase"][k % 3], *points, radius=2)
        page.until(lambda state: state.get("undo") == 1000)
        page.send(type="order", name="undo")
        page.until(lambda state: state["redo"] == 1)
    assert not page.errors


def test_freed_memory_is_given_back_when_labels_rest(fresh, photo, monkeypatch):
    given = []
    monkeypatch.setattr("propmat.studio._solving.give_back", lambda: given.append(give_back()))
    picture = fresh.add(photo)
    with fresh.page(picture) as page:
        page.look()
        page.stroke("a", "foreground", [140, 60])
        page.stroke("b", "background", [5, 5])
        page.until(lambda state: state.get("phase") == "exact")
        fresh.workspace.remove(picture)  # its threads have ended
    assert given


def test_freed_memory_is_given_back_while_strokes_go_on(fresh, photo, monkeypatch):
    given = threading.Event()
    monkeypatch.setattr("propmat.studio._solving.give_back", given.set)
    monkeypatch.setattr("propmat.studio._solving.REST_FOR_EXACT", 1e6)
    with fresh.page(fresh.add(photo)) as page:
        page.look()
        page.stroke("a", "foreground", [140, 60])
        page.stroke("b", "background", [5, 5])
        page.until(lambda state: state.get("phase") == "8 bits")
        page.stroke("c", "background", [250, 100])
        assert given.wait(20)


def test_labels_come_with_their_preview_or_soon_without(fresh, photo, monkeypatch):
    held = threading.Event()
    preview = Solving._preview

    def late(solving, asked):
        held.wait(20)
        preview(solving, asked)

    with fresh.page(fresh.add(photo)) as page:
        page.look()
        page.stroke("a", "foreground", [140, 60])
        page.stroke("b", "background", [5, 5])
        page.until_exact("b")
        monkeypatch.setattr(Solving, "_preview", late)
        page.stroke("c", "background", [250, 100])
        state = page.until(lambda state: "c" in state["strokes"])
        assert (state["phase"], state["stroke"]) == ("preview", "b")
        assert page.plane("labels", SHAPE)[100, 250] == 0
        held.set()
        page.until(lambda state: state["stroke"] == "c")


def test_what_is_announced_is_told_until_the_next_matte(fresh, photo, caplog):
    caplog.set_level("INFO", "propmat")
    with fresh.page(fresh.add(photo)) as page:
        page.look()
        page.stroke("a", "foreground", [140, 60])
        page.until(lambda state: state.get("stroke") == "a")  # nothing else will be shown until there is another stroke
        logging.getLogger("propmat").info("compiling kernels")
        page.until(lambda state: state["note"] == "compiling kernels")
        page.stroke("b", "background", [5, 5])
        assert page.until_exact("b")["note"] == ""


def test_all_threads_end(tmp_path, photo):
    before = threading.active_count()
    workspace = Workspace(tmp_path)
    session = workspace.session(workspace.add("a.png", photo))
    assert threading.active_count() == before + 2
    workspace.close()
    assert threading.active_count() == before
    assert session.closed


def test_pictures_that_nobody_sees_are_closed(tmp_path, sample):
    workspace = Workspace(tmp_path)
    opened = []
    for k in range(6):
        picture = workspace.add("a.png", png(np.roll(sample.image, k, axis=1)))
        opened.append(workspace.session(picture))
    assert sum(not session.closed for session in opened) <= 4
    workspace.close()


# The function and the command


def test_wrong_arguments_are_named(tmp_path):
    serve = propmat.studio.serve
    for options, told in [
        ({"port": 70000}, "port: takes"),
        ({"image": "a", "trimap": "b", "mask": "c"}, "mask: takes a trimap or a mask, not both"),
        ({"mask": "c"}, "image: is missing"),
        ({"host": ""}, "host: is empty"),
        ({"image": tmp_path / "none.png"}, "cannot be read"),
    ]:
        with pytest.raises(propmat.InputError, match=told):
            serve(folder=tmp_path / "studio", browser=False, **options)
    with pytest.raises(propmat.InputError, match="folder: is empty"):
        serve(folder="", browser=False)


def test_a_port_that_is_taken_is_told(server, tmp_path):
    with pytest.raises(propmat.InputError, match=f"port {server.port}"):
        propmat.studio.serve(folder=tmp_path, port=server.port, browser=False)


def test_other_hosts_are_warned_of():
    from propmat.studio._serving import listening

    with pytest.warns(propmat.PropmatWarning, match="is reached from other computers"):
        listening("0.0.0.0", 0).close()


def test_without_the_extra_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(propmat.MissingDependencyError, match=r"pip install 'propmat\[studio\]'"):
        propmat.studio.serve(folder=tmp_path)
