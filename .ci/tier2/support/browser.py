"""A real browser: Debian's chromium, which may ask nobody but this machine."""

import contextlib
import os
import pathlib
import shutil
import urllib.parse

from playwright.sync_api import sync_playwright

from . import look

MODES = ["light", "dark"]
SIZES = {320: 640, 1280: 900}
SCREENSHOTS = pathlib.Path(os.environ.get("SCREENSHOTS") or pathlib.Path(__file__).parents[3] / "target" / "ci" / "screenshots")
OPTIONS = [
    # root, as whom this runs in the CI, has no sandbox.
    "--no-sandbox",
    # No reports, no updates, no lists: whatever the browser itself wants to know, it finds no host.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--no-first-run",
    "--no-pings",
]


class Browser:
    """The browser, for as long as a block lasts."""

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        playwright = self._stack.enter_context(sync_playwright())
        self._browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        self._stack.callback(self._browser.close)
        return self

    def __exit__(self, *details):
        self._stack.__exit__(*details)

    @contextlib.contextmanager
    def open(self, address, mode="light", width=1280, path="/", history=None):
        """The page of a forebay, in a window of its own; with a history of the last day that is made up, if there is one."""
        # Times are told where the reader is: the same place on every machine.
        context = self._browser.new_context(
            color_scheme=mode, viewport={"width": width, "height": SIZES[width]}, timezone_id="Europe/Berlin", locale="en-GB"
        )
        if history is not None:
            context.route("**/history?*", lambda route: route.fulfill(json=history))
        try:
            yield View(context, f"http://{address}", path)
        finally:
            context.close()

    def views(self, address, state, ready, expected=(), history=None):
        """Looks at the page in both modes and both sizes, checks what holds in every state, and keeps what it saw.

        `ready` waits until the page says what it has to say in this state.
        """
        for mode in MODES:
            for width in SIZES:
                with self.open(address, mode, width, history=history) as view:
                    ready(view)
                    view.check(expected)
                    view.keep(f"{state}-{mode}-{width}")


class View:
    """One window, and everything that went on in it."""

    def __init__(self, context, origin, path):
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.origin = origin
        self.complaints = []
        self.asked = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"a dialog: {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.document = self.page.goto(f"{origin}{path}")

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def says(self, text):
        """Waits until this can be read on the page."""
        self.page.get_by_text(text).locator("visible=true").first.wait_for()

    def verdict(self, title):
        """Waits for the verdict."""
        self.page.wait_for_function("title => document.getElementById('condition').textContent === title", arg=title)
        assert self.page.title() == f"{title} · forebay"

    def text(self, part):
        """What can be read in a part of the page, with plain spaces."""
        return self.page.locator(f"#{part}").inner_text().replace("\xa0", " ")

    def check(self, expected=()):
        """What holds in every state. Complaints that are meant are those with one of the `expected` words."""
        policy = self.document.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy, policy
        elsewhere = {url for url in self.asked if urllib.parse.urlsplit(url).scheme != "data" and not url.startswith(self.origin)}
        assert not elsewhere, f"the page asked others: {elsewhere}"
        unexpected = [text for text in self.complaints if not any(word in text for word in expected)]
        assert not unexpected, f"the browser complains: {unexpected}"
        look.check_width(self.page)
        look.check_contrast(self.page)
        look.check_names(self.page)

    def keep(self, name):
        """Keeps what the page looks like."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")
