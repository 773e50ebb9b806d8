"""A real browser before the page, and what it must never see: requests that leave the origin, errors in its console."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
PATIENCE = 30_000.0
"""Milliseconds that anything on the page may take on a busy machine."""
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
HEIGHTS = {360: 780}
USUAL_HEIGHT = 900
RETRIED = "net::ERR_INCOMPLETE_CHUNKED_ENCODING"
"""What Chromium says of live events that end, which the page begins again."""


def find_browser() -> str | None:
    """Where one is on this machine."""
    return next((path for path in BROWSERS if Path(path).exists()), None)


@attrs.define
class Looked:
    """What one window has seen so far."""

    origin: str = ""
    requests: list[str] = attrs.field(factory=list)
    told: list[str] = attrs.field(factory=list)
    """Errors and warnings."""

    def check(self) -> None:
        """Nothing left the origin, nothing was in error."""
        foreign = [url for url in self.requests if not url.startswith((self.origin, "data:", "about:"))]
        assert not foreign, foreign
        assert not self.told, self.told


@attrs.frozen
class Window:
    """A page in a browser, and what it has seen."""

    page: Any
    looked: Looked

    def open(self, address: str) -> None:
        """Go to *address*, and wait for the first verdict, or whatever is shown instead."""
        parts = urlsplit(address)
        self.looked.origin = f"{parts.scheme}://{parts.netloc}/"
        self.page.goto(address)
        self.page.wait_for_selector("main > *")

    def view(self, name: str) -> None:
        """Show one of the views."""
        self.page.evaluate("name => { location.hash = name }", name)
        self.page.wait_for_selector(f'nav a[aria-current][href="#{name.partition("?")[0]}"]')

    def answer(self, path: str, content: Mapping[str, Any]) -> None:
        """From now on the ingress seems to answer *content* below /api/v1/."""
        self.page.route(f"**/api/v1/{path}?*", lambda route: route.fulfill(json=dict(content)))

    def hush(self) -> None:
        """No live events any more: what was answered stays."""
        self.page.route("**/api/v1/live?*", lambda route: route.fulfill(status=204))

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        found = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert isinstance(found, int)
        return found


@contextmanager
def window(
    browser: Any, width: int = 1400, language: str = "en", scheme: str = "light", **more: Any
) -> Iterator[Window]:
    """A new window with nothing remembered; when it is left, what it has seen is checked."""
    size = {"width": width, "height": HEIGHTS.get(width, USUAL_HEIGHT)}
    context = browser.new_context(viewport=size, locale=LANGUAGES[language], color_scheme=scheme, **more)
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        looked = Looked()
        page.on("request", lambda request: looked.requests.append(request.url))
        page.on("console", lambda message: _note(looked, message))
        page.on("pageerror", lambda error: looked.told.append(str(error)))
        yield Window(page, looked)
        looked.check()
    finally:
        context.close()


def _note(looked: Looked, message: Any) -> None:
    if message.type in ("error", "warning") and RETRIED not in message.text:
        looked.told.append(f"{message.type}: {message.text}")
