"""Outputs that cannot be written are refused before any computation; files are complete, and reproducible."""

import io
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from propmat.errors import InputError, MissingDependencyError, PropmatWarning
from propmat.io import _replacing, check_output, read_image, write_image, write_images

NAMES = ["a.png", "a.tif", "a.jpg", "a.webp", "a.bmp", "a.exr", "a.dpx"]
POSIX = os.name == "posix"


@pytest.fixture
def colours(rng):
    return rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def refused_by_both(target, message, *, depth=8, transparent=False, **keywords):
    """`check_output` and `write_image` say the same."""
    with pytest.raises(InputError, match=message) as early:
        check_output(target, depth=depth, transparent=transparent, **keywords)
    with pytest.raises(InputError, match=message) as late:
        write_image(target, np.zeros((2, 2, 4 if transparent else 3)), depth=depth, **keywords)
    assert str(early.value) == str(late.value)


# Before any computation


@pytest.mark.parametrize("depth", [8.0, True, "8", None, 12, 0])
def test_depth_is_8_or_16(tmp_path, depth):
    refused_by_both(tmp_path / "a.png", "depth: takes 8 or 16, got", depth=depth)


@pytest.mark.parametrize("suffix", ["png", 3, b".png", ".psd"])
def test_suffix_of_a_stream(suffix):
    refused_by_both(io.BytesIO(), "<BytesIO>: no format has suffix", suffix=suffix)


@pytest.mark.parametrize(("name", "most"), [("a.webp", 16383), ("a.jpg", 65500), ("a.JPEG", 65500)])
def test_the_longest_side_is_judged_before_there_are_pixels(tmp_path, name, most):
    check_output(tmp_path / name, shape=(most, 1))
    for shape in ((most + 1, 1), (1, most + 1)):
        with pytest.raises(InputError, match=f"holds no sides above {most} pixels; formats that do: .png, .tif"):
            check_output(tmp_path / name, shape=shape)


@pytest.mark.parametrize("shape", [None, 3, (3,), (0, 3), ("a", 3)])
def test_shape_is_a_pair(tmp_path, shape):
    with pytest.raises(InputError, match="shape: takes a"):
        check_output(tmp_path / "a.png", shape=shape)


def test_formats_that_are_named_hold_all_that_is_asked(tmp_path):
    refused_by_both(tmp_path / "a.webp", "formats that do: .png, .tif, .tiff, .exr$", depth=16, transparent=True)


@pytest.mark.parametrize("name", ["a.psd", "a", "a.gif", "a.jp2"])
def test_suffix(tmp_path, name):
    refused_by_both(tmp_path / name, rf"{name}: no format has suffix .*; takes \.png")


@pytest.mark.parametrize("name", ["a.jpg", "a.bmp", "a.dpx"])
def test_transparency(tmp_path, name):
    refused_by_both(tmp_path / name, r"holds no transparency; formats that do: \.png", transparent=True)


@pytest.mark.parametrize("name", ["a.jpg", "a.bmp", "a.webp"])
def test_depth(tmp_path, name):
    refused_by_both(tmp_path / name, r"holds no 16 bits; formats that do: \.png", depth=16)
    for depth in (0, 12, "8", True):
        refused_by_both(tmp_path / "a.png", "depth: takes 8 or 16, got", depth=depth)


@pytest.mark.parametrize("place", ["no/a.png", "file.png/a.png", "folder.png"])
def test_place(tmp_path, place):
    (tmp_path / "file.png").touch()
    (tmp_path / "folder.png").mkdir()
    refused_by_both(tmp_path / place, r"there is no folder|is a directory or a device")


def test_devices_and_pipes(tmp_path):
    if not POSIX:
        pytest.skip("no devices as files")
    os.mkfifo(tmp_path / "pipe.png")
    refused_by_both(tmp_path / "pipe.png", "is a directory or a device")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.png"))
        refused_by_both(tmp_path / "s.png", "is a directory or a device")


def test_name_that_no_file_can_have(tmp_path):
    refused_by_both(tmp_path / ("a" * 300 + ".png"), "cannot be written: File name too long")
    refused_by_both("a\0.png", "null")


def test_read_only_file_is_not_replaced(tmp_path, colours):
    for name in ("a.png", "a.exr"):
        write_image(tmp_path / name, colours)
        before = (tmp_path / name).read_bytes()
        (tmp_path / name).chmod(0o444)
        refused_by_both(tmp_path / name, rf"{name}: exists and is read-only")
        assert (tmp_path / name).read_bytes() == before
        (tmp_path / name).chmod(0o644)


def test_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # permissions do not apply to root
    refused_by_both(tmp_path / "a.png", "may not be written into")


def test_openimageio_is_asked_for_before(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    for name, settings in (
        ("a.exr", {}),
        ("a.dpx", {}),
        ("a.png", {"depth": 16, "transparent": True}),
        ("a.tif", {"depth": 16, "coloured": True}),
    ):
        with pytest.raises(MissingDependencyError, match="vfx"):
            check_output(tmp_path / name, **settings)
    check_output(tmp_path / "a.png", depth=16)  # grey
    check_output(tmp_path / "a.png", transparent=True)


def test_what_can_be_written_passes_and_leaves_nothing(tmp_path):
    for name in NAMES:
        check_output(tmp_path / name)
        check_output(str(tmp_path / name), transparent=name in ("a.png", "a.tif", "a.webp", "a.exr"))
    check_output(io.BytesIO(), transparent=True)
    refused_by_both(io.BytesIO(), "<BytesIO>: JPEG holds no transparency", transparent=True, suffix=".jpg")
    refused_by_both(tmp_path / "a.png", "suffix: goes with a file object", suffix=".png")
    refused_by_both(io.StringIO(), "takes a binary file object")
    refused_by_both(7, "takes a path or a binary file object, got int")
    assert not list(tmp_path.iterdir())


def test_several_outputs_are_several(tmp_path, colours):
    with pytest.raises(InputError, match="arrays: takes a path for each picture, each another one"):
        write_images({tmp_path / "a.png": colours, str(tmp_path / "a.png"): colours})
    write_images({})
    assert not list(tmp_path.iterdir())


# Reproducible files


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_bytes_do_not_depend_on_the_time(tmp_path, rng, monkeypatch, name, depth, channels):
    pixels = rng.random((6, 9, channels))
    pixels = pixels[..., 0] if channels == 1 else pixels
    try:
        check_output(tmp_path / name, depth=depth, transparent=channels == 4)
    except InputError:
        pytest.skip("not a combination that is written")
    write_image(tmp_path / name, pixels, depth=depth)
    content = (tmp_path / name).read_bytes()
    year = time.strftime("%Y").encode()
    assert year + b":" not in content
    assert year + b"-" not in content
    # Libraries take the time from the system, where a test cannot stop it; their resolution is a second.
    if depth == 16 or name in ("a.exr", "a.dpx"):
        time.sleep(1.01)
    write_image(tmp_path / name, pixels, depth=depth)
    assert (tmp_path / name).read_bytes() == content


# Properties of files that a rename would lose


@pytest.mark.skipif(not POSIX, reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
@pytest.mark.parametrize("name", ["a.png", "a.exr"])
def test_mode_is_kept(tmp_path, colours, mode, name):
    (tmp_path / name).touch()
    (tmp_path / name).chmod(mode)
    write_image(tmp_path / name, colours)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
    write_images({tmp_path / name: colours, tmp_path / "b.png": colours})
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode


@pytest.mark.skipif(not POSIX or os.geteuid() != 0, reason="owners are changed by root")
def test_owner_is_kept(tmp_path, colours):
    (tmp_path / "a.png").touch()
    os.chown(tmp_path / "a.png", 1234, 5678)
    write_image(tmp_path / "a.png", colours)
    assert ((tmp_path / "a.png").stat().st_uid, (tmp_path / "a.png").stat().st_gid) == (1234, 5678)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes")
def test_extended_attributes_are_kept(tmp_path, colours):
    (tmp_path / "a.png").touch()
    try:
        os.setxattr(tmp_path / "a.png", "user.note", b"mine")
    except OSError:
        pytest.skip("not on this file system")
    write_image(tmp_path / "a.png", colours)
    assert os.getxattr(tmp_path / "a.png", "user.note") == b"mine"


def test_hard_links_are_parted_and_that_is_said(tmp_path, colours):
    write_image(tmp_path / "a.png", colours)
    os.link(tmp_path / "a.png", tmp_path / "b.png")
    with pytest.warns(PropmatWarning, match=r"a\.png: is one of 2 hard links"):
        write_image(tmp_path / "a.png", colours[::-1])
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), colours)


def test_file_and_folder_are_synced(tmp_path, colours, monkeypatch):
    if not POSIX:
        pytest.skip("folders are not synced here")
    order = []
    sync, move = os.fsync, os.replace

    def watched_sync(descriptor):
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("move"), move(*paths)))
    write_image(tmp_path / "a.png", colours)
    assert order == ["file", "move", "folder"]


KILLED = """
import os, sys, signal, numpy as np
from propmat.io import write_image
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
write_image(sys.argv[1], np.zeros((4, 5, 3)))
"""


@pytest.mark.skipif(not POSIX, reason="kill -9")
@pytest.mark.parametrize("name", ["a.png", "a.exr"])
def test_leftovers_of_killed_runs_go_with_the_next_file(tmp_path, colours, name):
    (tmp_path / name).write_bytes(b"precious")
    run = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], check=False, timeout=120)
    assert run.returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.iterdir() if path.name != name]
    assert len(left) == 1
    assert left[0].startswith(".propmat-")
    assert (tmp_path / name).read_bytes() == b"precious"
    write_image(tmp_path / "other.png", colours)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "other.png"]


@pytest.mark.skipif(not POSIX, reason="locks of POSIX")
def test_files_of_living_runs_and_of_others_stay(tmp_path, colours):
    import fcntl

    mine = [".propmat-notes", ".propmat-1-x", "propmat-1-0123456789abcdef.png"]
    for name in mine:
        (tmp_path / name).touch()
    living = tmp_path / ".propmat-1-0123456789abcdef.png"
    with open(living, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_image(tmp_path / "a.png", colours)
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*mine, living.name, "a.png"])
    write_image(tmp_path / "a.png", colours)
    assert not living.exists()


def test_large_folders_are_listed_now_and_again(tmp_path, monkeypatch):
    """The names that are looked at are in proportion to the files that are written."""
    listed, scan = [0], os.scandir

    def counting(folder):
        entries = scan(folder)
        listed[0] += len(list(scan(folder)))
        return entries

    monkeypatch.setattr(os, "scandir", counting)
    for k in range(2000):
        _replacing._sweep(tmp_path)
        (tmp_path / f"{k}.png").touch()
    assert listed[0] < 2000 * 70  # each time it would be 2 million
    (tmp_path / ".propmat-1-0123456789abcdef.png").touch()
    for _ in range(2000 // 64 + 1):
        _replacing._sweep(tmp_path)
    assert not (tmp_path / ".propmat-1-0123456789abcdef.png").exists()


# Faults at every byte


class Fault(OSError):
    pass


def faulty_write(monkeypatch, allowed, short):
    """os.write as of a disk that is full after `allowed` bytes, or that takes a few bytes at a time."""
    write, left = os.write, [allowed]

    def limited(descriptor, data):
        if not left[0]:
            raise Fault(28, "No space left on device")
        count = write(descriptor, bytes(data[: min(left[0], short)]))
        left[0] -= count
        return count

    monkeypatch.setattr(os, "write", limited)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("existing", [False, True])
def test_disk_full_at_every_byte(tmp_path, rng, name, existing):
    pixels = rng.integers(0, 256, (2, 3, 3), dtype=np.uint8)
    target = tmp_path / name
    write_image(target, pixels)
    whole = target.read_bytes()
    target.unlink()
    steps = range(len(whole)) if len(whole) < 400 else range(0, len(whole), len(whole) // 200)
    if existing:
        target.write_bytes(b"precious")
    for allowed in steps:
        with pytest.MonkeyPatch.context() as patch:
            faulty_write(patch, allowed, 7)
            with pytest.raises(InputError, match=rf"{name}: cannot be written: No space left on device"):
                write_image(target, pixels)
        assert [path.name for path in tmp_path.iterdir()] == ([name] if existing else [])
        assert not existing or target.read_bytes() == b"precious"
    with pytest.MonkeyPatch.context() as patch:
        faulty_write(patch, len(whole), 7)
        write_image(target, pixels)
    assert target.read_bytes() == whole


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("error", [Fault(5, "Input/output error"), KeyboardInterrupt()])
def test_every_other_step_may_fail(tmp_path, colours, monkeypatch, call, existing, error):
    if call == "chmod" and not existing:
        pytest.skip("modes are carried over from existing files")
    target = tmp_path / "a.png"
    if existing:
        target.write_bytes(b"precious")

    def fail(*arguments, **keywords):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises((InputError, KeyboardInterrupt)):
            write_image(target, colours)
    assert [path.name for path in tmp_path.iterdir()] == (["a.png"] if existing else [])
    assert not existing or target.read_bytes() == b"precious"


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("error", [Fault(5, "Input/output error"), KeyboardInterrupt()])
def test_of_several_files_all_or_none_are_replaced(tmp_path, colours, monkeypatch, links, failing, error):
    old, new, last = tmp_path / "old.png", tmp_path / "new.png", tmp_path / "last.png"
    for path in (old, last):
        path.write_bytes(path.name.encode())
    move, calls = os.replace, []

    def fail_once(*paths):
        calls.append(paths)
        if len(calls) == failing:
            raise error
        move(*paths)

    def refuse(*paths):
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_once)
        if not links:
            patch.setattr(os, "link", refuse)
        with pytest.raises((InputError, KeyboardInterrupt)):
            write_images({old: colours, new: colours, last: colours})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.png", "old.png"]
    assert (old.read_bytes(), last.read_bytes()) == (b"old.png", b"last.png")
    write_images({old: colours, new: colours, last: colours})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.png", "new.png", "old.png"]


# File objects


@pytest.mark.parametrize("suffix", [None, ".png", ".tif", ".jpg", ".webp", ".bmp", ".exr", ".dpx"])
def test_file_objects_get_what_files_get(tmp_path, colours, suffix):
    name = f"a{suffix or '.png'}"
    write_image(tmp_path / name, colours)
    stream = io.BytesIO()
    write_image(stream, colours, suffix=suffix)
    assert stream.getvalue() == (tmp_path / name).read_bytes()


def test_nothing_reaches_a_stream_before_all_is_encoded(colours):
    stream = io.BytesIO()
    with pytest.raises(InputError):
        write_image(stream, colours * 2.0)
    with pytest.raises(InputError, match="holds no sides"):
        write_image(stream, np.zeros((1, 70000), np.uint8), suffix=".webp")
    assert stream.getvalue() == b""


def test_streams_that_take_little_at_a_time(colours):
    class Slow(io.RawIOBase):
        taken = b""

        def writable(self):
            return True

        def write(self, data):
            self.taken += bytes(data[:5])
            return len(data[:5])

    slow, whole = Slow(), io.BytesIO()
    write_image(slow, colours)
    write_image(whole, colours)
    assert slow.taken == whole.getvalue()


def test_closed_pipes_and_full_disks_are_told_apart(colours):
    class Broken(io.RawIOBase):
        error = BrokenPipeError(32, "Broken pipe")

        def write(self, data):
            raise self.error

    with pytest.raises(BrokenPipeError):
        write_image(Broken(), colours)
    Broken.error = OSError(28, "No space left on device")
    with pytest.raises(InputError, match="<Broken>: cannot be written: No space left on device"):
        write_image(Broken(), colours)


def test_caller_who_raises_over_rounding_is_no_obstacle(tmp_path):
    with np.errstate(all="raise"):
        write_image(tmp_path / "a.exr", np.array([[[1e-30, 1, 1, 1e-30]]]))
        write_image(tmp_path / "a.png", np.array([[1e-320, 0.5]]))
    assert Path(tmp_path / "a.png").is_file()


@pytest.mark.parametrize("taken", [0, -1, 10**9, None])
def test_streams_that_take_nothing_are_refused(colours, taken):
    class Stuck(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            return taken

    with pytest.raises(InputError, match=f"<Stuck>: cannot be written: its write took {taken} of"):
        write_image(Stuck(), colours)


def test_objects_that_do_not_count_bytes(colours):
    class Plain:
        taken = b""

        def write(self, data):
            self.taken += bytes(data)

    stream = Plain()
    write_image(stream, colours)
    np.testing.assert_array_equal(read_image(io.BytesIO(stream.taken)), colours)
