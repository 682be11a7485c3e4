"""The page in Chromium, as a user has it before them."""

import os
import shutil
from contextlib import contextmanager

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def chromium():
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Root may not use the sandbox, and /dev/shm of containers is small.
        options = ["--no-sandbox", "--disable-dev-shm-usage"] if os.name == "posix" else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


class Studio:
    """A page that is open, its pictures by their pixels."""

    def __init__(self, page, address):
        self.page, self.problems = page, []
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(address)
        page.locator("#method option").first.wait_for(state="attached")
        self.shape = None

    def open(self, path, shape):
        self.page.set_input_files("#open", str(path))
        self.shape = shape
        self.page.locator("#state:not([data-phase=''])").wait_for()

    def place(self, x, y):
        """Where a pixel of the whole picture is on the screen."""
        box = self.page.get_by_role("img", name="Painting").bounding_box()
        height, width = self.shape
        scale = 0.96 * min(box["width"] / width, box["height"] / height)
        left = box["x"] + (box["width"] - width * scale) / 2
        top = box["y"] + (box["height"] - height * scale) / 2
        return left + x * scale, top + y * scale

    def stroke(self, label, *points, steps=4):
        self.page.get_by_role("button", name=label, exact=True).click()
        mouse = self.page.mouse
        mouse.move(*self.place(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.place(*point), steps=steps)
        mouse.up()

    def wait_for(self, phase, timeout=120):
        self.page.locator(f"#state[data-phase='{phase}']").wait_for(timeout=1e3 * timeout)

    def exported(self, what, form=".png 8"):
        """The content of a file, by way of the dialog."""
        page = self.page
        page.get_by_role("button", name="Export").click()
        page.get_by_label("What", exact=True).select_option(what)
        page.get_by_label("Format", exact=True).select_option(form)
        with page.expect_download(timeout=120_000) as download:
            page.get_by_role("button", name="Download").click()
        page.get_by_role("button", name="Close").click()
        return download.value.path()

    def undone(self):
        """Whether nothing can be undone."""
        return self.page.get_by_role("button", name="Undo").is_disabled()
