"""The page in a real Chromium: what is painted, shown, exported and kept."""

import io as streams
import re
import threading
from importlib.util import find_spec

import numpy as np
import pytest

import propmat
from propmat import io
from tests.studio.browsing import CHROMIUM, Studio, chromium

needed = ("starlette", "uvicorn", "websockets", "playwright")
pytestmark = [
    pytest.mark.skipif(not all(map(find_spec, needed)), reason="needs the extras studio and test"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
]

SHAPE = (150, 200)
DESKTOP, TELEPHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=3, shape=SHAPE)


@pytest.fixture(scope="module")
def photo(sample, tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    io.write_image(path, sample.image)
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def server(tmp_path):
    from tests.studio.serving import served

    with served(tmp_path / "studio") as running:
        yield running


@pytest.fixture
def opened(browser, server):
    """Opens pages; their consoles must stay without errors."""
    contexts, pages = [], []

    def one(context=None, **options):
        if context is None:
            context = browser.new_context(**{"viewport": DESKTOP, "accept_downloads": True, **options})
            contexts.append(context)
        pages.append(Studio(context.new_page(), server.address))
        return pages[-1]

    yield one
    problems = [problem for page in pages for problem in page.problems]
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def studio(opened, photo):
    page = opened()
    page.open(photo, SHAPE)
    return page


def matte_of(studio):
    return io.read_matte(studio.exported("matte"))


def expected(studio, photo):
    trimap = io.read_trimap(studio.exported("trimap"))
    assert {0, 128, 255} == set(np.unique(trimap).tolist())
    return np.rint(255 * propmat.closed_form(io.read_image(photo), trimap))


def test_two_strokes_and_the_file_is_the_librarys(studio, photo):
    studio.stroke("Foreground", (90, 70), (110, 80))
    studio.stroke("Background", (10, 10), (10, 140), (60, 145))
    studio.wait_for("exact")
    assert studio.page.locator("#state").text_content().startswith("exact")
    found = matte_of(studio)
    assert "propmat alpha photo.png photo-trimap.png" in studio.page.locator("#command").text_content()
    np.testing.assert_array_equal(found, expected(studio, photo))


def test_a_reload_finds_all_and_undo_goes_to_the_start(studio, photo):
    studio.stroke("Foreground", (90, 70), (110, 80))
    studio.stroke("Background", (10, 10), (10, 140))
    studio.page.get_by_label("Method", exact=True).select_option("random_walk")
    studio.wait_for("exact")
    trimap = io.read_trimap(studio.exported("trimap"))
    studio.page.reload()
    studio.wait_for("exact")
    assert studio.page.get_by_label("Method", exact=True).input_value() == "random_walk"
    np.testing.assert_array_equal(io.read_trimap(studio.exported("trimap")), trimap)
    studio.page.get_by_role("button", name="Undo").click()
    studio.wait_for("waiting")
    studio.page.get_by_role("button", name="Undo").click()
    studio.page.locator("#undo:disabled").wait_for()
    assert (io.read_trimap(studio.exported("trimap")) == 128).all()
    for _ in range(2):
        studio.page.get_by_role("button", name="Redo").click()
    studio.wait_for("exact")
    np.testing.assert_array_equal(io.read_trimap(studio.exported("trimap")), trimap)


def test_a_mask_with_its_band_and_what_is_odd_at_its_place(studio, sample, tmp_path):
    mask = sample.alpha > 0.5
    io.write_image(tmp_path / "mask.png", mask.astype(float))
    studio.page.set_input_files("#mask", str(tmp_path / "mask.png"))
    studio.wait_for("exact")
    trimap = io.read_trimap(studio.exported("trimap"))
    np.testing.assert_array_equal(trimap, np.rint(255 * propmat.trimap_from_mask(mask, width="2%").labels))
    studio.page.get_by_label("Band width", exact=True).fill("0")
    studio.page.locator("#findings", has_text="no pixel is unknown").wait_for()
    studio.stroke("Unknown", (100, 75))
    studio.page.locator("#findings button").first.click()


def test_a_broken_file_is_told_and_changes_nothing(studio, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    studio.problems.clear()
    studio.page.set_input_files("#open", str(tmp_path / "broken.png"))
    notice = studio.page.get_by_role("alert")
    notice.wait_for()
    assert notice.text_content().startswith("broken.png: cannot be read")
    # Chromium writes a refused upload into the console by itself.
    assert all("400" in problem for problem in studio.problems)
    studio.problems.clear()
    assert studio.page.get_by_label("Picture", exact=True).locator("option").count() == 1


def test_two_tabs_with_two_pictures(opened, studio, photo, sample, tmp_path):
    other = opened(studio.page.context)
    io.write_image(tmp_path / "other.png", sample.image[::-1])
    other.open(tmp_path / "other.png", SHAPE)
    other.stroke("Foreground", (90, 70), (110, 80))
    other.stroke("Background", (190, 10), (190, 140))
    other.wait_for("exact")
    studio.page.bring_to_front()
    studio.stroke("Foreground", (60, 70))
    assert studio.page.locator("#state").get_attribute("data-phase") == "waiting"
    studio.stroke("Background", (10, 10))
    studio.wait_for("exact")
    np.testing.assert_array_equal(matte_of(studio), expected(studio, photo))
    other.page.bring_to_front()
    np.testing.assert_array_equal(matte_of(other), expected(other, tmp_path / "other.png"))


def test_the_keyboard_alone(studio, photo):
    page = studio.page
    page.get_by_role("img", name="Painting").focus()

    def press(*keys):
        for key in keys:
            page.keyboard.press(key)

    press("f", "Enter", *["ArrowRight"] * 3, "Enter")
    press("b", *["ArrowUp"] * 12, "Enter", *["ArrowLeft"] * 12, "Enter")
    studio.wait_for("exact")
    np.testing.assert_array_equal(matte_of(studio), expected(studio, photo))
    page.get_by_role("img", name="Painting").focus()
    press("Control+z")
    studio.wait_for("waiting")
    press("Control+y")
    studio.wait_for("exact")
    press("g")
    page.locator("#redo:disabled").wait_for()
    press("+", "+", "0", "1", "[", "]", "v", "Alt+ArrowLeft")
    assert page.locator("#view").input_value() == "photograph"
    press("Tab")
    assert page.evaluate("document.activeElement !== document.getElementById('painting')")


def drag(studio, *points):
    """A finger on the screen, by the protocol of Chromium."""
    session = studio.page.context.new_cdp_session(studio.page)

    def touch(kind, *at):
        places = [dict(zip("xy", studio.place(*point), strict=True)) for point in at]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", points[0])
    for point in points[1:]:
        touch("touchMove", point)
    touch("touchEnd")


def test_a_telephone(opened, photo):
    studio = opened(viewport=TELEPHONE, has_touch=True, is_mobile=True, device_scale_factor=1)
    studio.open(photo, SHAPE)
    assert studio.page.evaluate("document.documentElement.scrollWidth") <= TELEPHONE["width"]
    studio.page.get_by_role("button", name="Foreground").tap()
    drag(studio, (90, 70), (100, 72), (110, 80))
    studio.page.get_by_role("button", name="Background").tap()
    drag(studio, (10, 10), (10, 60), (10, 140))
    studio.wait_for("exact")
    np.testing.assert_array_equal(matte_of(studio), expected(studio, photo))
    session = studio.page.context.new_cdp_session(studio.page)
    before = io.read_trimap(studio.exported("trimap"))
    for kind, gap in (("touchStart", 20), ("touchMove", 40), ("touchMove", 90), ("touchEnd", None)):
        places = [] if gap is None else [{"x": 195 - gap, "y": 300}, {"x": 195 + gap, "y": 300}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
    np.testing.assert_array_equal(io.read_trimap(studio.exported("trimap")), before)


def test_controls_have_names_and_stay_on_the_screen(studio):
    page = studio.page
    for name in ("Foreground", "Background", "Unknown", "Eraser", "Undo", "Redo", "Export"):
        assert page.get_by_role("button", name=name, exact=True).count() == 1, name
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    unnamed = page.evaluate(
        """[...document.querySelectorAll('button, input, select')].filter(one =>
        !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length)).map(one => one.id)"""
    )
    assert unnamed == []


RELATIVE_LUMINANCE = """
() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    if (!/rgba\\(.*, 0\\)/.test(colour)) return colour;
    return element.parentElement ? behind(element.parentElement) : 'white';
  };
  const texts = [...document.querySelectorAll('button, select, label, h1, summary, p, output, dd, dt')]
    .filter((one) => one.offsetParent && one.textContent.trim() && !one.disabled);
  return texts.map((one) => {
    const [a, b] = [light(getComputedStyle(one).color), light(behind(one))].sort((x, y) => y - x);
    return [one.id || one.textContent.trim().slice(0, 30), (a + 0.05) / (b + 0.05)];
  });
}
"""


def test_text_has_the_contrast_of_wcag_aa(studio):
    seen = []
    for scheme in ("light", "dark"):
        studio.page.emulate_media(color_scheme=scheme)
        ratios = studio.page.evaluate(RELATIVE_LUMINANCE)
        assert len(ratios) > 20
        assert [pair for pair in ratios if pair[1] < 4.5] == []
        seen.append(ratios)
    assert seen[0] != seen[1]


VIEWS = ["photograph", "matte", "checkerboard", "colour", "split"]


def test_views_show_what_they_say(studio, sample):
    studio.stroke("Foreground", (90, 70), (110, 80))
    studio.stroke("Background", (10, 10), (10, 140), (60, 145))
    studio.wait_for("exact")
    alpha = matte_of(studio)
    seen = {}
    for view in VIEWS:
        studio.page.get_by_label("Show", exact=True).select_option(view)
        studio.page.wait_for_timeout(300)
        shot = studio.page.screenshot()
        seen[view] = io.read_image(streams.BytesIO(shot))

    def at(view, x, y):
        column, row = map(round, studio.place(x + 0.5, y + 0.5))
        return seen[view][row, column].astype(int)

    places = [(10, 60), (100, 75), (95, 72), (10, 100)]
    for x, y in places:
        assert abs(at("matte", x, y) - alpha[y, x]).max() <= 2
        assert abs(at("photograph", x, y) - 255 * sample.image[y, x]).max() <= 40  # JPEG, enlarged
    for x, y in [(10, 60), (10, 100)]:
        assert (at("colour", x, y) == 255).all()
        assert at("checkerboard", x, y).tolist() in ([255] * 3, [189] * 3)
        assert abs(at("split", x, y) - at("photograph", x, y)).max() <= 2


def test_a_lost_connection_is_made_again(browser, server, opened, studio):
    page = studio.page
    page.context.set_offline(True)
    page.evaluate("() => 0")
    studio.problems.clear()
    page.context.set_offline(False)
    studio.stroke("Foreground", (90, 70))
    studio.stroke("Background", (10, 10))
    studio.wait_for("exact")
    studio.problems.clear()


def shows(page, name):
    from playwright.sync_api import expect

    expect(page).to_have_title(re.compile(f"^{name}"))


def test_of_pictures_chosen_one_after_another_the_last_is_shown(server, studio, sample, tmp_path):
    """Though the server answers for the first one last."""
    page, chosen = studio.page, studio.page.get_by_label("Picture", exact=True)
    io.write_image(tmp_path / "other.png", sample.image[::-1])
    page.set_input_files("#open", str(tmp_path / "other.png"))
    shows(page, "other.png")
    first = chosen.locator("option", has_text="photo.png").get_attribute("value")
    held = []
    page.route(re.compile(f"/api/pictures/{first}$"), lambda route: held.append(route))
    chosen.select_option("photo.png")
    chosen.select_option("other.png")
    shows(page, "other.png")
    with page.expect_response(re.compile(first)):
        held[0].continue_()
    page.wait_for_timeout(300)
    assert page.title().startswith("other.png")
    assert [session.folder.name != first for session in server.workspace.sessions if session.watched] == [True]


def test_a_stroke_ends_where_another_picture_is_opened(server, studio, sample, tmp_path):
    page = studio.page
    page.mouse.move(*studio.place(20, 20))
    page.mouse.down()
    page.mouse.move(*studio.place(60, 30))
    io.write_image(tmp_path / "other.png", sample.image[::-1])
    page.set_input_files("#open", str(tmp_path / "other.png"))
    shows(page, "other.png")
    page.mouse.move(*studio.place(150, 120))
    page.mouse.up()
    page.keyboard.down("Shift")
    page.mouse.click(*studio.place(100, 100))  # no straight line from a point of the other picture
    page.keyboard.up("Shift")
    page.locator("#undo:enabled").wait_for()
    states = {server.workspace.name(one.folder.name): one.state() for one in server.workspace.sessions}
    assert [len(states[name]["strokes"]) for name in ("photo.png", "other.png")] == [1, 1]
    trimap = io.read_trimap(studio.exported("trimap"))
    assert (trimap[:60, :60] == 128).all()


def test_a_stroke_that_has_not_come_is_sent_after_another_picture_is_opened(server, studio, sample, tmp_path):
    page, sockets = studio.page, []

    def pass_on_only_later(socket):
        sockets.append(socket)
        onward = socket.connect_to_server()
        socket.on_message(lambda message: onward.send(message) if len(sockets) > 1 else None)

    page.route_web_socket(re.compile("/socket"), pass_on_only_later)
    page.reload()
    page.locator("#state:not([data-phase=''])").wait_for()
    studio.stroke("Foreground", (90, 70), (110, 80))
    io.write_image(tmp_path / "other.png", sample.image[::-1])
    page.set_input_files("#open", str(tmp_path / "other.png"))
    shows(page, "other.png")
    sockets[0].close()
    page.get_by_label("Picture", exact=True).select_option("photo.png")
    page.locator("#undo:enabled").wait_for()


def test_a_stroke_of_keys_ends_when_the_mouse_paints(server, studio):
    studio.page.get_by_role("img", name="Painting").focus()
    for key in ("f", "Enter", "ArrowRight", "ArrowRight"):
        studio.page.keyboard.press(key)
    studio.stroke("Background", (10, 10), (10, 140))
    studio.wait_for("exact")
    assert len(server.workspace.sessions[0].state()["strokes"]) == 2


def test_a_touch_that_the_system_takes_away_paints_nothing(opened, server, photo):
    studio = opened(viewport=TELEPHONE, has_touch=True, is_mobile=True, device_scale_factor=1)
    studio.open(photo, SHAPE)
    session = studio.page.context.new_cdp_session(studio.page)
    place = dict(zip("xy", studio.place(90, 70), strict=True))
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
    session.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})
    drag(studio, (20, 20), (30, 30))
    studio.page.locator("#undo:enabled").wait_for()
    assert len(server.workspace.sessions[0].state()["strokes"]) == 1


def test_colours_are_those_of_the_last_matte(studio, monkeypatch):
    """Though it came while those of another one were fetched."""
    from propmat.studio import _session

    held, estimate, calls = threading.Event(), _session.foreground, []

    def slow_at_first(*given):
        calls.append(given)
        if len(calls) == 1:
            held.wait(60)
        return estimate(*given)

    monkeypatch.setattr(_session, "foreground", slow_at_first)
    studio.page.get_by_label("Show", exact=True).select_option("checkerboard")
    studio.stroke("Foreground", (90, 70), (110, 80))
    with studio.page.expect_request(re.compile("layer=foreground")):
        studio.stroke("Background", (10, 10), (10, 140))
    with studio.page.expect_request(re.compile("layer=foreground")):
        studio.stroke("Background", (180, 10), (190, 20))
    held.set()


def test_a_picture_that_another_tab_deletes(opened, studio):
    other = opened(studio.page.context)
    other.page.on("dialog", lambda dialog: dialog.accept())
    other.page.get_by_role("button", name="Delete this picture").click()
    studio.page.locator("#state", has_text="picture: there is none").wait_for()
    other.page.locator("#remove:disabled").wait_for()  # there is none to delete
    studio.problems.clear()  # Chromium writes refused sockets into the console by itself


def test_planes_are_about_as_fine_as_the_canvas(studio):
    for scale in (3.0, 1.0, 0.61, 0.59, 0.27, 0.1):
        covered = studio.page.evaluate(
            """async (scale) => {
            const { Viewport } = await import('/static/viewport.js');
            const one = Object.assign(new Viewport(), { picture: { width: 4000, height: 3000 }, scale });
            return scale * 2 ** one.level;
            }""",
            scale,
        )
        assert 0.6 < covered <= max(1.2, scale)


def test_pictures_longer_than_canvases_are_shown_smaller(opened, tmp_path):
    studio, shape = opened(), (3, 70_000)
    io.write_image(tmp_path / "long.png", np.zeros(shape))
    studio.open(tmp_path / "long.png", shape)
    with studio.page.expect_response(re.compile("photo.level=2")) as answer:
        studio.page.get_by_role("button", name="One pixel each").click()
    assert answer.value.ok


@pytest.mark.slow
def test_twelve_megapixels(opened, server, tmp_path):
    """A large photograph with a narrow band: previews, the exact matte, and its file."""
    small = propmat.datasets.synthetic(seed=5, shape=(300, 400))
    image = np.repeat(np.repeat(small.image, 10, axis=0), 10, axis=1)
    io.write_image(tmp_path / "large.jpg", image)
    mask = np.repeat(np.repeat(small.alpha > 0.5, 10, axis=0), 10, axis=1)
    io.write_image(tmp_path / "mask.png", mask.astype(float))
    studio = opened()
    studio.open(tmp_path / "large.jpg", mask.shape)
    studio.page.get_by_label("Band width", exact=True).evaluate("one => { one.disabled = false; one.value = 1 }")
    studio.page.set_input_files("#mask", str(tmp_path / "mask.png"))
    studio.wait_for("exact")
    trimap = io.read_trimap(studio.exported("trimap"))
    expected = np.rint(255 * propmat.closed_form(io.read_image(tmp_path / "large.jpg"), trimap))
    np.testing.assert_array_equal(matte_of(studio), expected)
    studio.stroke("Foreground", (2000, 1500), (2100, 1550))
    studio.wait_for("preview")
    assert (io.read_trimap(studio.exported("trimap"))[1500, 2000:2050] == 255).all()


def test_the_address_has_the_token_and_the_page_keeps_it(studio):
    assert re.search(r"\?token=.+#[0-9a-f]{20}$", studio.page.url)
