"""Every class of errors, every status of a solve and every warning has its entry on the page of messages."""

from pathlib import Path

import pytest

from propmat import errors
from propmat.io._picture import SEVERAL
from propmat.solvers import Status
from tests.docs.messages import VARIABLE, warned

PAGE = Path(__file__).parents[2] / "docs" / "troubleshooting.md"
TEXT = " ".join(PAGE.read_text(encoding="utf-8").replace("`", "").split())
WARNED = dict(warned())
LEAST = 8  # characters of a part that identifies a message

# Calls that pass on what another place has worded, which is looked for below or is itself passed to `warn`.
PASSED_ON = {"_photographs/_photograph.py", "cli/_compile.py", "io/_decoding.py", "solvers/_base.py"}


def parts(message):
    return [part for part in map(str.strip, message.split(VARIABLE)) if len(part) >= LEAST]


@pytest.mark.parametrize("name", errors.__all__)
def test_class(name):
    assert f"| `{name}` |" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("status", Status)
def test_status(status):
    assert f"{status.value} ({status.name})" in TEXT


@pytest.mark.parametrize("place", WARNED)
def test_warning(place):
    found = parts(WARNED[place])
    assert found or place.partition(":")[0] in PASSED_ON
    assert [part for part in found if part not in TEXT] == []


def test_every_warning_is_found():
    assert len(WARNED) > 40
    assert {place.partition(":")[0] for place, message in WARNED.items() if not parts(message)} == PASSED_ON


def test_remarks_on_files():
    assert SEVERAL in TEXT
