"""Downloads of archives from a server that drops connections, stalls, sends wrong data, or does not exist."""

import contextlib
import hashlib
import http.server
import io
import re
import socketserver
import threading
import time
import zipfile

import numpy as np
import pytest

from propmat.cli import main
from propmat.datasets import _archive, _fetch, fetch_alphamatting
from propmat.datasets._addresses import redirected
from propmat.datasets._archive import unpack
from propmat.datasets._download import Limits, download
from propmat.datasets._remote import Remote, length
from propmat.errors import DownloadError, InputError, PropmatWarning

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


# Downloads that must succeed


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


# Downloads that must fail


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
    assert bool(length(tmp_path / "target.part")) == kept


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


# Limits on servers


@pytest.fixture
def answer(monkeypatch):
    """A server that answers every request by what a function writes to the connection; its address."""
    monkeypatch.setenv("no_proxy", "*")
    with contextlib.ExitStack() as stack:

        def start(respond):
            class Raw(socketserver.StreamRequestHandler):
                def handle(self):
                    while self.rfile.readline().strip():
                        pass
                    with contextlib.suppress(OSError):
                        respond(self.wfile)

            server = stack.enter_context(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Raw))
            server.daemon_threads = server.block_on_close = False
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


def headed(*headers, status="200 OK", body=b"x" * 100):
    """A function that writes one whole response."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""])
    return lambda file: file.write(head.encode("utf-8") + body)


def refused(url, tmp_path, **options):
    """The one line by which a download fails, leaving no target."""
    with pytest.raises(DownloadError) as raised:
        download(Remote(f"{url}/file"), tmp_path / "target", **options)
    assert not (tmp_path / "target").exists()
    told = str(raised.value)
    assert told.isprintable()
    return told


def forever(piece):
    def respond(file):
        file.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            file.write(piece)

    return respond


def test_a_server_without_end(answer, tmp_path):
    url = answer(forever(bytes(1 << 16)))
    assert "sends more than 1000000 bytes" in refused(url, tmp_path, limits=Limits(size=1_000_000))
    assert not list(tmp_path.iterdir())


def test_a_length_beyond_the_limit_is_refused_at_once(answer, tmp_path):
    url = answer(headed("Content-Length: 1000001", body=b""))
    assert "sends more than 1000000 bytes" in refused(url, tmp_path, limits=Limits(size=1_000_000))


def dripping(start):
    """Twenty bytes a second, which renew a timeout of the socket again and again."""

    def respond(file):
        file.write(start)
        while True:
            time.sleep(0.05)
            file.write(b"x")

    return respond


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx", b"HTTP/1.1 200 OK\r\nX-Slow: ", b""],
    ids=["body", "header", "status"],
)
def test_a_server_that_drips(answer, tmp_path, start):
    told = refused(answer(dripping(start)), tmp_path, timeout=0.3)
    assert ("fewer than 1024 bytes a second" if b"Length" in start else "no answer in time") in told


def test_a_server_that_asks_for_patience_without_end(answer, tmp_path):
    def respond(file):
        while True:
            file.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    assert "no answer in time" in refused(answer(respond), tmp_path, timeout=0.2)


def test_all_attempts_have_an_end_together(answer, tmp_path):
    """Each attempt delivers a few bytes only."""

    def respond(file):
        headed("Content-Length: 100000000", body=bytes(1 << 17))(file)
        time.sleep(0.1)

    told = refused(answer(respond), tmp_path, limits=Limits(seconds=0.5))
    assert re.search("kept in .*target.part; the same call goes on", told)


def test_attempts_that_bring_a_byte_each_end(answer, tmp_path):
    asked = []

    def respond(file):
        asked.append(0)
        headed("Content-Length: 1000000", body=b"x")(file)

    assert "ended after 1 of 1000000 bytes" in refused(answer(respond), tmp_path)
    assert len(asked) == 3


LENGTHS = ["\u00b2", "9" * 5000, "-5", "12 12", "1e3", "0x10", "", "\u0663"]


@pytest.mark.parametrize("length", LENGTHS, ids=lambda length: ascii(length)[:12])
def test_lengths_that_are_no_numbers(answer, tmp_path, length):
    assert "which is no number of bytes" in refused(answer(headed(f"Content-Length: {length}")), tmp_path)


@pytest.mark.parametrize("place", [f"bytes 5-99/{'9' * 5000}", "bytes \u0665-9/10", "bytes -1-9/10", "lines 5-9/10"])
def test_places_that_are_no_numbers(answer, tmp_path, place):
    (tmp_path / "target.part").write_bytes(b"12345")
    url = answer(headed(f"Content-Range: {place}", status="206 Partial Content"))
    assert "was asked for bytes from 5 on and sends others" in refused(url, tmp_path)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/hostname",
        "ftp://127.0.0.1/file",
        "http://localhost.invalid/file",
        "http://[::1/x",
        "data:,x",
        "//a b",
        "//name@127.0.0.1/x",
        "http://" + "a" * 80 + "/",
        "http://\xe9/",
    ],
)
def test_redirections_to_elsewhere(answer, tmp_path, target):
    told = refused(answer(headed(f"Location: {target}", status="302 Found")), tmp_path)
    assert re.match("http://127.0.0.1:[0-9]+/file: the server redirects to '", told)


def test_redirections_on_one_server(serve, answer, tmp_path):
    def respond(file):
        asked.append(0)
        moved(file) if len(asked) < 3 else headed(body=CONTENT)(file)

    asked, moved = [], headed("Location: /there", status="301 Moved Permanently")
    download(Remote(f"{answer(respond)}/file", len(CONTENT), SHA256), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == CONTENT
    assert "redirects more than 5 times" in refused(answer(moved), tmp_path / "..", timeout=1)
    elsewhere = headed(f"Location: {serve().url}/file", status="302 Found")
    assert "takes the same server" in refused(answer(elsewhere), tmp_path / "..")


@pytest.mark.parametrize("location", ["a b", "\xc3\xbc.zip", "a%20b"])
def test_redirections_are_followed_as_browsers_do(answer, tmp_path, location):
    def respond(file):
        asked.append(0)
        headed(body=CONTENT)(file) if len(asked) == 2 else moved(file)

    asked, moved = [], headed(f"Location: {location}", status="302 Found")
    download(Remote(f"{answer(respond)}/file", len(CONTENT), SHA256), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("old", "new", "taken"),
    [
        ("https://a.org/x", "https://b.org/y", True),
        ("https://a.org/x", "https://a.org/y", True),
        ("http://a.org/x", "https://a.org/y", True),
        ("http://a.org:80/x", "http://a.org:80/y", True),
        ("https://a.org/x", "http://a.org/y", False),
        ("https://a.org/x", "http://b.org/y", False),
        ("http://a.org/x", "http://b.org/y", False),
        ("http://a.org/x", "https://b.org/y", False),
        ("http://a.org/x", "http://a.org:8080/y", False),
        ("https://a.org/x", "ftp://a.org/y", False),
    ],
)
def test_which_redirections_are_followed(old, new, taken):
    if taken:
        assert redirected(old, new) == new
    else:
        with pytest.raises(DownloadError, match=r"https://a.org/x: |http://a.org|ftp://a.org"):
            redirected(old, new)


@pytest.mark.parametrize(
    "url",
    ["file:///etc", "ftp://127.0.0.1", "http://", "https:///x", "http://a:99999", "", "http://a\n"]
    + ["http://127.0.0.1/\xfc", "http://\u0442/", "http://me:word@127.0.0.1/", f"http://{'a' * 80}/", "http://a..b/"],
)
def test_addresses_that_are_not_fetched_from(tmp_path, url):
    assert "is no address that is fetched from" in refused(url, tmp_path)


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (["Content-Encoding: gzip"], "gzip"),
        (["Content-Encoding: identity", "Content-Encoding: BR"], "identity, br"),
        (["Transfer-Encoding: gzip, chunked"], "gzip, chunked"),
    ],
)
def test_packed_answers_are_refused(answer, tmp_path, headers, sent):
    told = refused(answer(headed(*headers, "Content-Length: 100")), tmp_path)
    assert f"was asked for plain bytes and sends '{sent}'" in told


@pytest.mark.parametrize("header", ["Content-Encoding: Identity", "Content-Encoding:", "Content-Length: 100 "])
def test_headers_that_say_nothing_new(answer, tmp_path, header):
    download(Remote(f"{answer(headed(header, 'Content-Length: 100'))}/file"), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"x" * 100


def test_lengths_that_contradict_each_other(answer, tmp_path):
    told = refused(answer(headed("Content-Length: 3", "Content-Length: 100")), tmp_path)
    assert "announces a length of '3, 100'" in told


@pytest.mark.parametrize("status", ["204 No Content", "205 Reset Content", "101 Switching Protocols", "226 IM Used"])
def test_answers_without_the_file(answer, tmp_path, status):
    assert f"the server answers {status}" in refused(answer(headed(status=status)), tmp_path)


@pytest.mark.parametrize(
    ("place", "body", "message"),
    [
        ("5-104/50", b"x" * 95, "and sends others"),
        ("5-4/105", b"x" * 100, "and sends others"),
        ("5-104/105", b"x" * 200, "more than the 105 bytes that it announced"),
        ("5-104/*", b"x" * 200, "more than the 105 bytes that it announced"),
        ("5-104/*", b"x" * 50, "was asked for bytes from 55 on and sends others"),
    ],
)
def test_places_that_are_not_what_comes(answer, tmp_path, place, body, message):
    (tmp_path / "target.part").write_bytes(b"12345")
    url = answer(headed(f"Content-Range: bytes {place}", status="206 Partial Content", body=body))
    assert message in refused(url, tmp_path)


def test_what_is_no_http(answer, tmp_path):
    told = refused(answer(lambda file: file.write(b"\xff\xfe220 mail ready\r\n")), tmp_path)
    assert "the server does not answer in HTTP" in told
    chunked = headed("Transfer-Encoding: chunked", body=b"-5\r\nhello\r\n")
    assert "the connection broke off" in refused(answer(chunked), tmp_path)


def test_a_full_disk_is_told_at_once(serve, tmp_path):
    """A full disk is simulated by a folder in place of the file."""
    server = serve()
    (tmp_path / "target.part").mkdir()
    with pytest.raises(DownloadError, match=r"cannot write .*target.part: Is a directory"):
        download(Remote(f"{server.url}/file"), tmp_path / "target")
    assert len(server.asked) == 1


def test_http_without_a_checksum_is_said(serve, tmp_path, archives):
    with pytest.warns(PropmatWarning, match="lowres.zip: no checksum of it is known and http") as told:
        fetch_alphamatting(tmp_path, part="test", base_url=serve(files=archives).url)
    assert len(told) == 2
    assert told[0].filename == __file__


# Archives


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name if isinstance(name, str) else name[0])
            info.compress_type = zipfile.ZIP_DEFLATED
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


def unfit(content, tmp_path, **limits):
    """The one line by which an archive is refused, leaving nothing behind."""
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DownloadError) as raised:
        unpack(tmp_path / "a.zip", tmp_path / "target", _archive.Limits(**limits))
    assert names(tmp_path) == ["a.zip"]
    assert str(raised.value).isprintable()
    return str(raised.value)


BOMBS = {
    "one": lambda: zipped({"a.png": bytes(3_000_000)}),
    "many": lambda: zipped({f"{k}.png": bytes(30_000) for k in range(100)}),
    "claims less": lambda: understated(zipped({"a.png": bytes(3_000_000)}), 3_000_000),
}


def understated(content, size):
    """An archive whose headers claim a member to have ten bytes."""
    return content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little"))


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs(tmp_path, bomb):
    told = unfit(BOMBS[bomb](), tmp_path, harmless=1_000_000)
    assert ("is damaged" if bomb == "claims less" else "unpacks to more than such an archive may") in told


def test_archives_within_the_limits_unpack(tmp_path):
    (tmp_path / "a.zip").write_bytes(BOMBS["many"]())
    unpack(tmp_path / "a.zip", tmp_path / "target", _archive.Limits(harmless=3_000_000, members=100))
    assert len(names(tmp_path / "target")) == 100


def test_too_much_of_everything(tmp_path):
    noise = {f"{k}.png": CONTENT for k in range(3)}
    assert "unpacks to more than" in unfit(zipped(noise), tmp_path, unpacked=500_000)
    assert "has 3 members, at most 2 are unpacked" in unfit(zipped(noise), tmp_path, members=2)
    assert "claims a list of members of" in unfit(zipped(noise), tmp_path, directory=100)
    twice = zipped({"a.png": b"1", "b.png": b"2"}).replace(b"b.png", b"a.png")
    assert "has two members of one name" in unfit(twice, tmp_path)


@pytest.mark.parametrize("members", [{"a": b"1", "a/b.png": b"2"}, {"a" * 300: b"1"}])
def test_members_that_cannot_be_written(tmp_path, members):
    assert "target.zip: is damaged" in unfit(zipped(members), tmp_path)


@pytest.mark.parametrize(
    "pair", [("a.png", "A.PNG"), ("d/a", "d/./a"), ("d/a", "d//a"), ("\xe9", "e\u0301"), ("a", "a/"), ("\xdf", "SS")]
)
def test_two_members_that_some_systems_hold_for_one(tmp_path, pair):
    assert "target.zip: has two members of one name" in unfit(zipped(dict.fromkeys(pair, b"1")), tmp_path)


@pytest.mark.parametrize("name", ["nul", "d/CON.png", "com1", "a.png:s", "a.png.", "d /a.png", ".", ""])
def test_names_that_are_none_everywhere(tmp_path, name):
    told = unfit(zipped({"b.png": b"1", name: b"2"}), tmp_path)
    assert re.search(r"has a member '.*' that (has no name|Windows takes for something else)", told)


@pytest.mark.parametrize("members", [{}, {"d/": b""}, {"__MACOSX/._a.png": b"1"}])
def test_archives_without_files(tmp_path, members):
    assert "target.zip: holds no files" in unfit(zipped(members), tmp_path)


def test_a_file_of_the_name_of_its_archive_lies_in_the_folder(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"target": b"1"}))
    unpack(tmp_path / "a.zip", tmp_path / "target")
    assert names(tmp_path) == ["a.zip", "target", "target/target"]


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("damaged", [False, True])
def test_other_ways_of_packing(tmp_path, method, damaged):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.png", CONTENT)
    content = bytearray(buffer.getvalue())
    if damaged:
        content[100:2000] = bytes(1900)
    assert f"is packed by method {method}, where stored and deflated ones are read" in unfit(bytes(content), tmp_path)


@pytest.mark.parametrize("place", ["unknown method", "encrypted"])
def test_members_that_cannot_be_unpacked(tmp_path, place):
    content = bytearray(zipped({"a.png": CONTENT}))
    central = content.rindex(b"PK\1\2")
    offset, value = {"unknown method": (10, 77), "encrypted": (8, 1)}[place]
    content[central + offset] = value
    told = unfit(bytes(content), tmp_path)
    assert {"unknown method": "is packed by method 77", "encrypted": "is encrypted"}[place] in told


def test_what_macos_adds_is_passed_over(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"target/GT01.png": b"1", "__MACOSX/target/._GT01.png": b"2"}))
    unpack(tmp_path / "a.zip", tmp_path / "target")
    assert names(tmp_path / "target") == ["GT01.png"]


# Complete data sets


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
    assert len(server.asked) == 3  # existing files are not fetched again
    with pytest.warns(PropmatWarning, match="no checksum"):
        fetch_alphamatting(root, part="test", base_url=server.url + "/")
    assert (root / "trimap_lowres" / "Trimap3" / "doll.png").read_bytes() == b"trimap"


@pytest.mark.filterwarnings("ignore:http.*no checksum:propmat.errors.PropmatWarning")
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


def test_archives_that_are_there_are_not_fetched(tmp_path, archives):
    """Archives that the user put into the folder are verified and kept."""
    for name in [name for name in archives if "training" in name]:
        (tmp_path / name).write_bytes(archives[name])
    fetch_alphamatting(tmp_path, base_url="http://127.0.0.1:1")
    assert (tmp_path / "gt_training_lowres" / "GT01.png").read_bytes() == CONTENT
    assert (tmp_path / "gt_training_lowres.zip").exists()
    (tmp_path / "gt_training_lowres" / "GT01.png").unlink()
    (tmp_path / "gt_training_lowres").rmdir()
    (tmp_path / "gt_training_lowres.zip").write_bytes(archives["gt_training_lowres.zip"][::-1])
    with pytest.raises(DownloadError, match=r"gt_training_lowres.zip: got SHA-256 .*, the file has SHA-256"):
        fetch_alphamatting(tmp_path, base_url="http://127.0.0.1:1")
    assert (tmp_path / "gt_training_lowres.zip").exists()


def test_the_default_address_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(
        _fetch, "download", lambda remote, *_: (_ for _ in ()).throw(DownloadError(f"{remote.url}: 404"))
    )
    with pytest.raises(DownloadError) as raised:
        fetch_alphamatting(tmp_path)
    told = str(raised.value)
    assert "no longer serves its archives at this address" in told
    archives = "input_training_lowres.zip, trimap_training_lowres.zip, gt_training_lowres.zip"
    assert f"put {archives} from elsewhere into {tmp_path}" in told
    assert told.isprintable()


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
    for root in (tmp_path / "file" / "root", "a\0b", 5):
        with pytest.raises(InputError, match="root: cannot make the folder"):
            fetch_alphamatting(root)
    for part in (["training"], None):
        with pytest.raises(InputError, match="part: takes 'training' or 'test', got"):
            fetch_alphamatting(tmp_path, part=part)
    with pytest.raises(InputError, match="base_url: takes an address, got int"):
        fetch_alphamatting(tmp_path, base_url=5)
