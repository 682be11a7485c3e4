"""The documentation as it is built: its files served, its links read."""

import threading
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urljoin, urlsplit


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextmanager
def serving(folder):
    """Serve a folder at the loopback address; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Page(HTMLParser):
    """The links of a page, where they lead from, and the anchors that it has."""

    ADDRESSES = {"a": "href", "link": "href", "img": "src", "script": "src"}

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        address = found.get(self.ADDRESSES.get(tag, ""))
        if address and not urlsplit(address).scheme:
            self.links.append(address)


def pages(folder):
    """By path from the folder, all pages."""
    return {path.relative_to(folder).as_posix(): Page(path) for path in sorted(folder.rglob("*.html"))}


def broken(folder):
    """Links within the site that lead to no file, or to no anchor of their page."""
    read = pages(folder)
    for name, page in read.items():
        for link in page.links:
            target = urlsplit(urljoin(f"http://site/{name}", link))
            path, anchor = unquote(target.path).lstrip("/"), unquote(target.fragment)
            if not (folder / path).is_file():
                yield f"{name}: {link}: there is no such file"
            elif anchor and path in read and anchor not in read[path].anchors:
                yield f"{name}: {link}: there is no such anchor"
