"""Fetching archives from a server that breaks off, stalls, lies, or is not there."""

import contextlib
import hashlib
import http.server
import io
import re
import threading
import time
import zipfile

import numpy as np
import pytest

from propmat.cli import main
from propmat.datasets import _download, _fetch, fetch_alphamatting
from propmat.datasets._download import Remote, download
from propmat.datasets._fetch import unpack
from propmat.errors import DownloadError, InputError

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; `behaviour` says how each request is mistreated, the last of it for all that follow."""

    daemon_threads = True

    def __init__(self, files, behaviour):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.behaviour, self.asked = files, list(behaviour), []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Clients that hang up are part of the test."""


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        todo = self.server.behaviour
        treatment = dict(todo.pop(0) if len(todo) > 1 else todo[0]) if todo else {}
        name = self.path.rsplit("/", 1)[1]
        self.server.asked.append((name, self.headers.get("Range")))
        if "status" in treatment or name not in self.server.files:
            return self.send_error(treatment.get("status", 404))
        body = self.server.files[name]
        start = self.start(treatment)
        if start and start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            shift = treatment.get("shift", 0)
            total = treatment.get("announced", len(body))
            self.send_header("Content-Range", f"bytes {start + shift}-{total - 1}/{total}")
        if treatment.get("length", True):
            self.send_header("Content-Length", str(treatment.get("announced", len(body)) - start))
        self.end_headers()
        rest = body[start:] + treatment.get("excess", b"")
        self.wfile.write(rest[: treatment.get("cut", len(rest))])
        self.wfile.flush()
        time.sleep(treatment.get("stall", 0))

    def start(self, treatment):
        given = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        return int(given[1]) if given and treatment.get("ranges", True) else 0


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with contextlib.ExitStack() as stack:

        def start(*behaviour, files=None):
            server = stack.enter_context(Server(files or {"file": CONTENT}, behaviour))
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return server

        yield start


# What must arrive


@pytest.mark.parametrize(
    "behaviour",
    [
        [],
        [{"cut": 100_000}, {}],
        [{"cut": 100_000}, {"cut": 1}, {"cut": 7}, {"cut": 100_000}, {}],
        [{"cut": 0}, {"cut": 0}, {}],
        [{"cut": 100_000}, {"ranges": False}],
        [{"cut": 100_000, "stall": 1}, {}],
        [{"status": 503}, {}],
        [{"length": False}],
        [{"cut": 100_000}, {"status": 416}, {}],
    ],
    ids=["at once", "broken off", "many pieces", "nothing twice", "no ranges", "stalled", "busy", "no length", "416"],
)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_arrives_whole(serve, tmp_path, behaviour, known):
    server = serve(*behaviour)
    remote = Remote(f"{server.url}/file", *((len(CONTENT), SHA256) if known else ()))
    download(remote, tmp_path / "target", timeout=0.3)
    assert (tmp_path / "target").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert len(server.asked) == max(1, len(behaviour))


def test_a_later_call_goes_on(serve, tmp_path):
    server = serve({"cut": 100_000}, {"status": 404}, {})
    remote = Remote(f"{server.url}/file", len(CONTENT), SHA256)
    with pytest.raises(DownloadError, match="404"):
        download(remote, tmp_path / "target")
    assert (tmp_path / "target.part").read_bytes() == CONTENT[:100_000]
    seen = []
    download(remote, tmp_path / "target", lambda *progress: seen.append(progress))
    assert (tmp_path / "target").read_bytes() == CONTENT
    assert server.asked[2] == ("file", "bytes=100000-")
    assert seen[0][1] > 100_000
    assert seen[-1] == ("file", len(CONTENT), len(CONTENT))


def test_a_part_of_something_else_is_thrown_away(serve, tmp_path):
    server = serve()
    remote = Remote(f"{server.url}/file", len(CONTENT), SHA256)
    (tmp_path / "target.part").write_bytes(b"x" * 1000)
    with pytest.raises(DownloadError, match="SHA-256"):
        download(remote, tmp_path / "target")
    download(remote, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == CONTENT


# What must not


@pytest.mark.parametrize(
    ("behaviour", "message", "kept"),
    [
        ({"cut": 100_000, "announced": 400_000}, "announces 400000 bytes, the file has 300000", False),
        ({"announced": 200_000}, "announces 200000 bytes, the file has 300000", False),
        ({"excess": b"x" * 900_000, "length": False}, "more than the 300000 bytes", False),
        ({"length": False, "cut": 100_000, "ranges": False}, "ended after 100000 of 300000", True),
        ({"status": 404}, "404 Not Found", False),
        ({"status": 500}, "500 Internal Server Error", False),
        ({"cut": 0}, "ended after 0 of 300000 bytes", False),
        ({"cut": 0, "stall": 1}, "no answer in time", False),
    ],
    ids=["too much", "too little", "endless", "short", "missing", "broken", "empty", "stalled"],
)
def test_fails_clearly(serve, tmp_path, behaviour, message, kept):
    remote = Remote(f"{serve(behaviour).url}/file", len(CONTENT), SHA256)
    with pytest.raises(DownloadError, match=message):
        download(remote, tmp_path / "target", timeout=0.2)
    assert not (tmp_path / "target").exists()
    assert bool(_download._length(tmp_path / "target.part")) == kept


@pytest.mark.parametrize(("cut", "length"), [(300_000, 300_000), (50_000, 50_000), (50_000, 60_000)])
def test_a_server_that_announces_more_than_it_has(serve, tmp_path, cut, length):
    """Without a known size, that is found when the connection ends; the restarts must end too, whatever they bring."""
    server = serve({"announced": 400_000, "cut": cut}, files={"file": CONTENT[:length]})
    with pytest.raises(DownloadError, match=r"ended after \d+ of 400000 bytes"):
        download(Remote(f"{server.url}/file"), tmp_path / "target")
    assert not (tmp_path / "target").exists()
    assert len(server.asked) < 12


def test_an_answer_from_elsewhere_in_the_file(serve, tmp_path):
    server = serve({"cut": 100_000}, {"shift": -5})
    with pytest.raises(DownloadError, match="asked for bytes from 100000 on and sends others"):
        download(Remote(f"{server.url}/file"), tmp_path / "target")


def test_another_file(serve, tmp_path):
    remote = Remote(f"{serve(files={'file': CONTENT[::-1]}).url}/file", len(CONTENT), SHA256)
    with pytest.raises(DownloadError, match="got SHA-256 .*, the file has SHA-256 .*; nothing was kept"):
        download(remote, tmp_path / "target")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/file", "http://nowhere.invalid/file", "no address"])
def test_without_a_network(monkeypatch, tmp_path, url):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DownloadError, match=re.escape(url)):
        download(Remote(url), tmp_path / "target")
    assert not list(tmp_path.iterdir())


# Archives


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name if isinstance(name, str) else name[0])
            info.external_attr = 0o644 << 16 if isinstance(name, str) else name[1] << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("inside", ["", "target/"])
def test_unpacks(tmp_path, inside):
    (tmp_path / "a.zip").write_bytes(zipped({f"{inside}GT01.png": b"1", f"{inside}Trimap1/GT01.png": b"2"}))
    unpack(tmp_path / "a.zip", tmp_path / "target")
    assert names(tmp_path / "target") == ["GT01.png", "Trimap1", "Trimap1/GT01.png"]
    assert names(tmp_path)[:2] == ["a.zip", "target"]


@pytest.mark.parametrize(
    "name",
    [
        "/tmp/x.png",
        "../x.png",
        "a/../../x.png",
        "..\\x.png",
        "C:\\x.png",
        "\\x.png",
        "//host/x.png",
        ("link", 0o120777),
    ],
)
def test_members_that_would_lie_outside(tmp_path, name):
    (tmp_path / "a.zip").write_bytes(zipped({"good.png": b"1", name: b"../../x"}))
    with pytest.raises(DownloadError, match=r"target.zip: has a member .* outside its folder"):
        unpack(tmp_path / "a.zip", tmp_path / "target")
    assert names(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "text"])
def test_damaged_archives(tmp_path, damage):
    whole = zipped({"a.png": CONTENT})
    flipped = bytearray(whole)
    flipped[5000] ^= 1
    (tmp_path / "a.zip").write_bytes({"cut": whole[:-100], "flipped": flipped, "text": b"<html>"}[damage])
    with pytest.raises(DownloadError, match="target.zip: is damaged"):
        unpack(tmp_path / "a.zip", tmp_path / "target")
    assert names(tmp_path) == ["a.zip"]


# The whole


@pytest.fixture
def archives(monkeypatch):
    """Small stand-ins of the training archives, with their sizes and checksums."""
    files = {
        "input_training_lowres.zip": zipped({"GT01.png": b"image"}),
        "trimap_training_lowres.zip": zipped({"Trimap1/GT01.png": b"trimap"}),
        "gt_training_lowres.zip": zipped({"GT01.png": CONTENT}),
        "input_lowres.zip": zipped({"doll.png": b"image"}),
        "trimap_lowres.zip": zipped({"Trimap3/doll.png": b"trimap"}),
    }
    for name, content in files.items():
        if "training" in name:
            monkeypatch.setitem(_fetch.KNOWN, name[:-4], (len(content), hashlib.sha256(content).hexdigest()))
    return files


def test_fetch(serve, tmp_path, archives):
    server = serve(files=archives)
    folders = fetch_alphamatting(tmp_path / "new" / "root", base_url=server.url)
    root = tmp_path / "new" / "root"
    assert [folder.name for folder in folders] == [
        "input_training_lowres",
        "trimap_training_lowres",
        "gt_training_lowres",
    ]
    assert sorted(path.name for path in root.iterdir()) == sorted(folder.name for folder in folders)
    assert (root / "gt_training_lowres" / "GT01.png").read_bytes() == CONTENT
    fetch_alphamatting(root, base_url=server.url)
    assert len(server.asked) == 3  # what is there is not fetched again
    fetch_alphamatting(root, part="test", base_url=server.url + "/")
    assert (root / "trimap_lowres" / "Trimap3" / "doll.png").read_bytes() == b"trimap"


def test_a_damaged_archive_is_fetched_anew(serve, tmp_path, archives):
    good = archives["input_lowres.zip"]
    archives["input_lowres.zip"] = good[:-30]
    server = serve(files=archives)
    with pytest.raises(DownloadError, match="input_lowres.zip: is damaged"):
        fetch_alphamatting(tmp_path, part="test", base_url=server.url)
    assert not list(tmp_path.iterdir())
    archives["input_lowres.zip"] = good
    fetch_alphamatting(tmp_path, part="test", base_url=server.url)
    assert len(names(tmp_path)) == 5


def test_known_sizes_are_those_of_the_site():
    assert [size for size, _ in _fetch.KNOWN.values()] == [18_218_854, 375_510, 2_268_429]
    assert all(re.fullmatch("[0-9a-f]{64}", checksum) for _, checksum in _fetch.KNOWN.values())


def test_command(serve, tmp_path, archives, capsys, monkeypatch):
    arguments = ["datasets", "fetch", "alphamatting", "--root", str(tmp_path), "--base-url", serve(files=archives).url]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert str(tmp_path / "gt_training_lowres") in told.out
    assert "gt_training_lowres.zip: 100%" in told.err


def test_command_without_a_network(tmp_path, capsys):
    arguments = ["datasets", "fetch", "alphamatting", "--root", str(tmp_path), "--base-url", "http://127.0.0.1:1"]
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "Is there a network?" in told.err


def test_mistakes(tmp_path):
    with pytest.raises(InputError, match="part: takes"):
        fetch_alphamatting(tmp_path, part="all")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="root: cannot make the folder"):
        fetch_alphamatting(tmp_path / "file" / "root")
