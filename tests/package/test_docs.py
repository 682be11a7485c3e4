"""Every example in a docstring, in README.md and in docs/ is run."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest

import propmat

ROOT = Path(__file__).parents[2]
MODULES = [
    module.name
    for module in pkgutil.walk_packages(propmat.__path__, "propmat.")
    if "._cpu" not in module.name and not module.name.endswith("__main__")
]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(autouse=True)
def _plain_printing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # examples may write files
    with np.printoptions(legacy=False):
        yield


class Finder(doctest.DocTestFinder):
    """Finds decorated functions where they are defined."""

    def _from_module(self, module, object):
        return super()._from_module(module, inspect.unwrap(object))


@pytest.mark.parametrize("name", ["propmat", *MODULES])
def test_docstrings(name):
    runner = doctest.DocTestRunner()
    for test in Finder().find(importlib.import_module(name), name):
        runner.run(test)
    assert runner.failures == 0


def test_docstrings_of_decorated_functions_are_found():
    examples = Finder().find(importlib.import_module("propmat.metrics._differences"), "differences")
    assert {"differences.sad", "differences.mse"} <= {test.name for test in examples if test.examples}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_pages(page):
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def test_links_of_the_readme_lead_to_files():
    targets = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(targets) > 5
    assert [target for target in targets if not (ROOT / target).is_file()] == []


def rows(page):
    """What others call it and what takes its place, of each line of the tables on a page."""
    return re.findall(r"^\| `(.+?)` \| `(.+?)` \|", page, re.MULTILINE)


def test_every_line_of_the_migration_table_runs():
    page = (ROOT / "docs" / "from_pymatting.md").read_text(encoding="utf-8")
    names = {}
    for example in doctest.DocTestParser().get_examples(page):
        exec(example.source, names)
    for theirs, ours in rows(page):
        try:
            exec(ours, names)
        except Exception as error:
            pytest.fail(f"in place of {theirs}: {ours} fails: {error!r}")
    assert len(rows(page)) == len(re.findall(r"^\| `", page, re.MULTILINE)) > 20


def test_the_migration_table_names_what_there_is():
    pymatting = pytest.importorskip("pymatting")
    page = (ROOT / "docs" / "from_pymatting.md").read_text(encoding="utf-8")
    for theirs, _ in rows(page):
        for name in re.findall(r"([A-Za-z_]+)\(", theirs):
            assert hasattr(pymatting, name), name
