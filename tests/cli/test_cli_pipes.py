"""The command line and other processes: pipes, encodings, interrupts, log records, invalid names."""

import io as std_io
import logging
import os
import signal
import subprocess
import sys
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

import propmat
from propmat import io
from propmat.cli import _commands, _process, main

PNG = b"\x89PNG\r\n\x1a\n"

pytestmark = pytest.mark.usefixtures("no_compiling")


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=2, shape=(60, 80))


@pytest.fixture
def stdin(monkeypatch):
    """Give standard input a file's bytes."""

    def give(path):
        with open(path, "rb") as file:
            monkeypatch.setattr(sys, "stdin", std_io.TextIOWrapper(std_io.BytesIO(file.read())))

    return give


def start(*arguments, **options):
    options.setdefault("stdout", subprocess.PIPE)
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path)), **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "propmat", *arguments], stderr=subprocess.PIPE, env=environment, **options
    )


def run(*arguments, **options):
    process = start(*arguments, **options)
    out, err = process.communicate(timeout=300)
    lines = [line for line in err.decode().splitlines() if "compiling" not in line]
    return process.returncode, out, lines


@pytest.mark.parametrize(
    ("streamed", "arguments"),
    [
        ("image.png", ["alpha", "-", "trimap.png"]),
        ("trimap.png", ["alpha", "image.png", "-"]),
        ("image.png", ["cutout", "-", "trimap.png"]),
        ("truth.png", ["alpha", "image.png", "--mask", "-"]),
        ("truth.png", ["trimap", "-"]),
        ("truth.png", ["foreground", "image.png", "-"]),
        ("image.png", ["cutout", "image.png", "trimap.png", "--background", "-"]),
    ],
)
def test_any_input_and_the_output_are_streams(files, capsysbinary, stdin, streamed, arguments):
    plain = [streamed if given == "-" else given for given in arguments]
    if len(set(plain)) < len(plain):
        (files / "copy.png").write_bytes((files / streamed).read_bytes())
        plain[-1] = "copy.png"
    assert main([*plain, "-o", "expected.png"]) == 0
    capsysbinary.readouterr()
    stdin(streamed)
    assert main([*arguments, "-o", "-"]) == 0
    told = capsysbinary.readouterr()
    assert told.out == (files / "expected.png").read_bytes()
    assert told.err == b""


def test_evaluate_from_a_stream(files, capsys, stdin):
    stdin("truth.png")
    assert main(["evaluate", "-", "truth.png", "trimap.png"]) == 0
    assert "sad          0\n" in capsys.readouterr().out


def test_info_goes_elsewhere_when_the_picture_is_on_standard_output(files, capsysbinary):
    assert main(["alpha", "image.png", "trimap.png", "-o", "-", "--info"]) == 0
    told = capsysbinary.readouterr()
    assert told.out.startswith(PNG)
    assert io.read_matte(std_io.BytesIO(told.out)).shape == (60, 80)
    assert b"80 x 60 pixels" in told.err


def test_one_output_to_a_file_and_one_to_a_stream(files, capsysbinary):
    given = ["foreground", "image.png", "truth.png"]
    assert main([*given, "-o", "f.png", "--background-output", "b.png"]) == 0
    assert main([*given, "-o", "-", "--background-output", "same.png"]) == 0
    assert capsysbinary.readouterr().out == (files / "f.png").read_bytes()
    assert (files / "same.png").read_bytes() == (files / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alpha", "-", "-", "-o", "out.png"], "image and trimap: - is standard input"),
        (["cutout", "-", "--mask", "-", "-o", "-"], "image and mask: - is standard input"),
        (["foreground", "-", "-", "-o", "out.png"], "image and alpha: - is standard input"),
        (["evaluate", "-", "-", "-"], "alpha and truth and trimap: - is standard input"),
        (["cutout", "-", "trimap.png", "-o", "-", "--background", "-"], "image and background: - is standard input"),
        (["foreground", "image.png", "truth.png", "-o", "-", "--background-output", "-"], "is named twice"),
        (["demo", "--output", "-"], "'-' names no folder"),
        (["alpha", "-", "trimap.png", "-o", "-"], "cannot be read: the file is empty"),
    ],
)
def test_streams_that_cannot_be(files, capsys, monkeypatch, arguments, message):
    monkeypatch.setattr(sys, "stdin", std_io.TextIOWrapper(std_io.BytesIO()))
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert message in told.err


def test_a_terminal_gets_no_picture(files, capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["alpha", "image.png", "trimap.png", "-o", "-"]) == 1
    assert "a terminal" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="no /dev/fd")
def test_process_substitution(files):
    script = '"$0" -m propmat alpha <(cat image.png) <(cat trimap.png) -o - | cat > piped.png'
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(["bash", "-c", script, sys.executable], capture_output=True, env=environment, timeout=300)
    assert (done.returncode, done.stdout) == (0, b"")
    assert main(["alpha", "image.png", "trimap.png", "-o", "file.png"]) == 0
    assert (files / "piped.png").read_bytes() == (files / "file.png").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "status"), [(["info"], 141), (["alpha", "image.png", "trimap.png", "-o", "-"], 141), (["--help"], 0)]
)
def test_a_closed_pipe_is_no_error(files, arguments, status):
    read, write = os.pipe()
    os.close(read)
    told = run(*arguments, stdout=write)
    os.close(write)
    assert told == (status, None, [])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("arguments", [["info"], ["alpha", "image.png", "trimap.png", "-o", "-"]])
def test_a_full_standard_output_is_one_line(files, arguments):
    with open("/dev/full", "wb") as full:
        status, _, lines = run(*arguments, stdout=full)
    assert status == 1
    assert len(lines) == 1
    assert "No space left" in lines[0]


@pytest.mark.parametrize("descriptor", [0, 1, 2])
def test_closed_descriptors(files, descriptor):
    """A daemon's children may have none of the three; what they open then takes the numbers."""
    redirected = f'exec {descriptor}>&-; "$0" -m propmat alpha image.png trimap.png -o out.png --info'
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(["bash", "-c", redirected, sys.executable], capture_output=True, env=environment, timeout=300)
    assert done.returncode == 0
    assert io.read_matte("out.png").shape == (60, 80)


@pytest.mark.parametrize("encoding", ["ascii:strict", "cp1252:strict", "utf-8:strict"])
def test_names_that_an_encoding_lacks(files, encoding):
    environment = {"PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"}
    name = os.fsdecode("写真ő".encode() + b"\xff")
    status, _, lines = run("alpha", f"{name}.png", "trimap.png", "-o", "out.png", env=environment)
    assert status == 1
    assert len(lines) == 1
    assert "cannot be read" in lines[0]
    status, _, lines = run("alpha", "image.png", "trimap.png", "-o", f"{name}.psd", env=environment)
    assert (status, len(lines)) == (1, 1)
    status, out, lines = run("demo", "--output", name, env=environment)
    assert (status, lines) == (0, [])
    assert b"wrote" in out
    assert {path.name for path in (files / name).iterdir()} == {
        "alpha.png",
        "cutout.png",
        "composite.png",
        "sheet.png",
    }


def test_streams_are_left_as_they_were(files, capsys):
    before = sys.stdout.errors, sys.stderr.errors, sys.unraisablehook, warnings.showwarning
    handlers, level = list(logging.getLogger("propmat").handlers), logging.getLogger("propmat").level
    assert main(["info"]) == 0
    assert (sys.stdout.errors, sys.stderr.errors, sys.unraisablehook, warnings.showwarning) == before
    assert logging.getLogger("propmat").handlers == handlers
    assert logging.getLogger("propmat").level == level


def test_log_records_are_lines(files, capsys, monkeypatch):
    def command(arguments):
        logging.getLogger("propmat").info("preparing, once")
        logging.getLogger("propmat").debug("hidden")
        return ""

    monkeypatch.setattr(_commands, "info", command)
    assert main(["info"]) == 0
    assert capsys.readouterr() == ("", "propmat: preparing, once\n")


def interrupted_class(*_):
    """Python turns an interrupt while a class is made into a RuntimeError."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise RuntimeError("Error calling __set_name__") from error


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("raising", [interrupted, interrupted_class])
def test_an_interrupt_is_one_line(files, capsys, monkeypatch, raising):
    before = {path.name for path in files.iterdir()}
    monkeypatch.setattr(_commands.Method, "solve", raising)
    assert main(["alpha", "image.png", "trimap.png", "-o", "out.png"]) == 130
    assert main(["demo", "--output", "folder"]) == 130
    assert capsys.readouterr() == ("", 2 * "propmat: error: interrupted; nothing was written\n")
    assert {path.name for path in files.iterdir()} == before


def test_an_interrupt_that_python_would_drop_comes_again(capsys):
    def dropped():
        sys.unraisablehook(SimpleNamespace(exc_type=KeyboardInterrupt))
        time.sleep(0.01)  # the interrupt is raised between bytecode instructions

    with _process.reporting(), pytest.raises(KeyboardInterrupt):
        dropped()
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_an_interrupt_of_the_process(files):
    os.mkfifo("image.fifo")
    process = start("alpha", "image.fifo", "trimap.png", "-o", "out.png")
    with open("image.fifo", "wb"):  # blocks until the FIFO is opened for reading
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert err == b"propmat: error: interrupted; nothing was written\n"
    assert not (files / "out.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alpha", "", "trimap.png", "-o", "out.png"], "image: '' names no file"),
        (["alpha", "image.png", "", "-o", "out.png"], "trimap: '' names no file"),
        (["alpha", "image.png", "--mask", "", "-o", "out.png"], "mask: '' names no file"),
        (["alpha", "image.png", "trimap.png", "-o", ""], "output: '' names no file"),
        (["cutout", "image.png", "trimap.png", "-o", "out.png", "--background", ""], "background: '' names no file"),
        (["foreground", "image.png", "truth.png", "-o", "out.png", "--background-output", ""], "background-output: ''"),
        (["alpha", "a\0b.png", "trimap.png", "-o", "out.png"], "names no file"),
        (["evaluate", "", "truth.png", "trimap.png"], "alpha: '' names no file"),
        (["demo", "--output", ""], "output: '' names no folder"),
        (["demo", "--output", "image.png"], "is not a folder"),
        (["demo", "--output", "image.png/a/b"], "is not a folder"),
        (["alpha", ".", "trimap.png", "-o", "out.png"], ".: "),
        (["alpha", "image.png", "trimap.png", "-o", "."], ".: "),
        (["alpha", "image.png", "trimap.png", "-o", "folder.png"], "folder.png: "),
        (["alpha", "image.png", "trimap.png", "-o", "trimap.png"], "is also an input"),
        (["alpha", "image.png", "--mask", "truth.png", "-o", "truth.png"], "is also an input"),
        (["cutout", "image.png", "trimap.png", "-o", "sky.png", "--background", "sky.png"], "is also an input"),
        (["alpha", "image.png", "trimap.png", "-o", "out.png", "--radius", "9" * 400], "radius: takes"),
        (["alpha", "image.png", "trimap.png", "-o", "out.png", "--radius", "-1"], "radius: takes"),
        (["alpha", "image.png", "trimap.png", "-o", "out.png", "--epsilon", "nan"], "epsilon: takes"),
        (["alpha", "image.png", "trimap.png", "-o", "out.png", "--epsilon", "1e999"], "epsilon: takes"),
        (["alpha", "image.png", "trimap.png", "-o", "out.png", "--method", "knn", "--radius", "2"], "no such setting"),
    ],
)
def test_names_and_numbers_that_are_none(files, capsys, arguments, message):
    (files / "folder.png").mkdir()
    io.write_image("sky.png", np.zeros((4, 4)))
    before = {path.name for path in files.iterdir()}
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert message in told.err
    assert {path.name for path in files.iterdir()} == before


UNREADABLE = b"\x89PNG\r\n\x1a\n and then nothing"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alpha", "bad.png", "bad.png", "-o", "out.psd"], "'.psd'"),
        (["cutout", "bad.png", "bad.png", "-o", "out.jpg"], "JPEG holds no transparency"),
        (["cutout", "bad.png", "--mask", "bad.png", "-o", "none/out.png"], "there is no folder"),
        (["trimap", "bad.png", "-o", "out.svg"], "'.svg'"),
        (["trimap", "bad.png", "-o", "none/out.png"], "there is no folder"),
        (["foreground", "bad.png", "bad.png", "-o", "out.png", "--background-output", "none/b.png"], "no folder"),
        (["foreground", "bad.png", "bad.png", "-o", "out.webp", "--depth", "16"], "WEBP holds no 16 bits"),
        (["alpha", "bad.png", "bad.png", "-o", "out.bmp", "--depth", "16"], "BMP holds no 16 bits"),
        (["cutout", "bad.png", "bad.png", "-o", "out.png", "--background", "blau"], "neither a file nor a colour"),
        (["alpha", "bad.png", "bad.png", "-o", "out.png", "--method", "knn", "--epsilon", "1"], "no such setting"),
        (["alpha", "bad.png", "bad.png", "-o", "out.png", "--width", "3"], "width: goes with --mask"),
    ],
)
def test_outputs_and_options_are_checked_before_pixels_are_read(files, capsys, arguments, message):
    (files / "bad.png").write_bytes(UNREADABLE)
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert message in told.err


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(files, capsys):
    (files / "bad.png").write_bytes(UNREADABLE)
    (files / "locked").mkdir(mode=0o500)
    assert main(["alpha", "bad.png", "bad.png", "-o", "locked/out.png"]) == 1
    assert "locked" in capsys.readouterr().err
    assert main(["demo", "--output", "locked/folder"]) == 1
    assert "locked is not writable" in capsys.readouterr().err
