"""Pictures behind URLs: read, written, listed; errors name the URL."""

import sys

import numpy as np
import pytest

from propmat.errors import InputError, MissingDependencyError
from propmat.io import _remote, read_image, read_matte, write_image
from propmat.io._size import size_of

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(params=["memory", "file"])
def base(request, tmp_path):
    if request.param == "file":
        yield f"file://{tmp_path}"
        return
    system = fsspec.filesystem("memory")
    yield f"memory:/{tmp_path}"
    system.rm("/", recursive=True)


@pytest.mark.parametrize("name", ["a.png", "b/c.tif", "d/e/f.webp"])
def test_pictures_come_back(base, name, tmp_path):
    pixels = np.arange(3 * 16 * 20, dtype=np.uint16).reshape(16, 20, 3).astype(np.uint8)
    write_image(f"{base}/{name}", pixels)
    write_image(tmp_path / "local.png", pixels)
    assert (read_image(f"{base}/{name}") == read_image(tmp_path / "local.png")).all()
    assert size_of(f"{base}/{name}") == (16, 20)
    folder, _, last = name.rpartition("/")
    assert _remote.names_in(f"{base}/{folder}") == [last] or not folder  # nothing but what was written


def test_a_file_is_replaced_as_a_whole(base):
    place = f"{base}/m.png"
    for grey in (0.0, 1.0):
        write_image(place, np.full((4, 4), grey))
        assert (read_matte(place) == 255 * grey).all()
    assert [name for name in _remote.names_in(base) if name.endswith(".png")] == ["m.png"]


def test_a_write_that_fails_leaves_the_former_file(tmp_path, monkeypatch):
    local = fsspec.filesystem("file")
    write_image(f"file://{tmp_path}/m.png", np.zeros((4, 4)))
    before = (tmp_path / "m.png").read_bytes()

    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(local), "mv", fails)
    with pytest.raises(InputError, match=r"m.png: cannot be written: .*No space left"):
        write_image(f"file://{tmp_path}/m.png", np.ones((4, 4)))
    assert (tmp_path / "m.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m.png"]


def test_patterns_find_urls(base):
    for name in ("x/1.png", "x/y/2.png", "x/3.txt"):
        _remote.write_bytes(f"{base}/{name}", b"a")
    found = _remote.fitting(f"{base}/x/**/*.png")
    assert [place.rpartition("/x/")[2] for place in found] == ["1.png", "y/2.png"]
    assert all(_remote.is_url(place) for place in found)
    assert _remote.read_bytes(found[0]) == b"a"


def test_what_is_missing_is_named(base):
    with pytest.raises(InputError, match=r"nothing.png: cannot be read: there is no such file"):
        read_image(f"{base}/nothing.png")
    assert _remote.names_in(f"{base}/nothing") == []
    assert size_of(f"{base}/nothing.png") is None
    with pytest.raises(InputError, match="nowhere://a.png: cannot be opened: .*nowhere"):
        read_image("nowhere://a.png")


def test_fsspec_may_be_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingDependencyError, match=r"needs fsspec: pip install .propmat\[batch\]"):
        read_image("memory://a.png")


@pytest.mark.parametrize("place", ["C:/a.png", "a:b", "x/y::z", "/a//b", "s3:/b"])
def test_paths_are_no_urls(place):
    assert not _remote.is_url(place)
    assert _remote.is_url("zip://a.png::s3://b/c.zip")
    assert _remote.suffix_of_url("zip://a.png::s3://b/c.zip") == ".png"
