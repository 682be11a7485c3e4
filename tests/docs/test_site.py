"""The documentation is built as users build it, once, and walked in Chromium."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs import site
from tests.package.test_surface import LIST
from tests.studio.browsing import CHROMIUM, chromium

ROOT = Path(__file__).parents[2]
SPHINX = ("furo", "matplotlib", "myst_parser", "numpydoc", "sphinx", "sphinx_design", "sphinx_gallery")
MISSING = [name for name in (*SPHINX, "cv2", "jax", "torch") if not find_spec(name)]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs the extra docs: {', '.join(MISSING)} not found"),
]
walked = pytest.mark.skipif(not (CHROMIUM and find_spec("playwright")), reason="needs Chromium and playwright")

DESKTOP, TELEPHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
EXAMPLES = sorted(path.stem for path in (ROOT / "docs" / "gallery").glob("*.py"))


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the site. Warnings are errors."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-W", "--keep-going", "-q", "-d", f"{folder}/doctrees"]
    command = [sys.executable, "-m", "sphinx", *options, "docs", f"{folder}/html"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    return folder / "html"


@pytest.fixture(scope="module")
def address(built):
    with site.serving(built) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser, address):
    """A page whose console must stay without errors, and which may ask the served site alone."""
    opened = browser.new_page(viewport=DESKTOP)
    problems = []
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else problems.append(asked.url))
    opened.on("response", lambda got: problems.append(f"{got.status} {got.url}") if got.status >= 400 else None)
    yield opened
    opened.close()
    assert problems == []


def test_everything_public_is_in_the_reference(built):
    from sphinx.util.inventory import InventoryFile

    with (built / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, path: path)
    known = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    surface = json.loads(LIST.read_text(encoding="utf-8"))
    wanted = {f"{module}.{name}" for module, names in surface.items() for name in names} | set(surface)
    assert wanted - known == set()


def test_no_link_is_broken(built):
    assert list(site.broken(built)) == []


def test_every_script_of_the_gallery_has_its_figures(built):
    index = (built / "auto_gallery" / "index.html").read_text(encoding="utf-8")
    for name in EXAMPLES:
        assert f'href="{name}.html"' in index
        figures = re.findall(rf"sphx_glr_{name}_\d+\.png", (built / "auto_gallery" / f"{name}.html").read_text("utf-8"))
        assert len(set(figures)) >= 2


OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PICTURES = """async () => {
    const all = [...document.images];
    all.forEach(image => { image.loading = "eager"; });
    await Promise.allSettled(all.map(image => image.decode()));
    return all.filter(image => !image.naturalWidth).map(image => image.src);
}"""


@walked
def test_every_page_shows_its_pictures_and_fits_the_screen(page, address, built):
    wide = []
    for name in site.pages(built):
        page.goto(address + name)
        assert page.evaluate(PICTURES) == []
        for size in (TELEPHONE, DESKTOP):
            page.set_viewport_size(size)
            if (by := page.evaluate(OVERFLOW)) > 0:
                wide.append(f"{name}: {by} pixels wider than {size['width']}")
    assert wide == []


@walked
@pytest.mark.parametrize("size", [DESKTOP, TELEPHONE], ids=["desktop", "telephone"])
def test_search(page, address, size):
    page.set_viewport_size(size)
    page.goto(address)
    if size is TELEPHONE:
        page.locator(".mobile-header label[for='__navigation']").click()
    box = page.get_by_placeholder("Search")
    box.fill("halo")
    box.press("Enter")
    found = page.locator("#search-results ul.search li a")
    found.first.wait_for()
    assert any("colours" in link for link in found.evaluate_all("all => all.map(link => link.href)"))


@walked
def test_dark_and_light(page, address):
    brightness = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(address + "auto_gallery/methods.html")
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness[scheme] = sum(map(int, re.findall(r"\d+", colour)[:3]))
    assert brightness["dark"] < 200 < 600 < brightness["light"]


@walked
@pytest.mark.parametrize(
    ("card", "links", "heading"),
    [
        ("A mask of a network", [], "Hair from a mask of rembg"),
        ("A training loop", [], "Gradients"),
        ("A method of your own", ["Adding a method"], "Adding a method"),
    ],
    ids=["hair from a mask of rembg", "gradients", "a method"],
)
def test_in_three_clicks(page, address, card, links, heading):
    page.goto(address)
    page.locator(".sd-card", has_text=card).click()
    for name in links:
        page.get_by_role("link", name=name).first.click()
    assert 1 + len(links) <= 3
    assert page.get_by_role("heading", name=heading).first.is_visible()
