"""One browser and one demo for all tests of the page."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.page.browser import Window, find_browser, window
from tests.page.demo import RunningDemo, running_demo


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a screen."""
    path = find_browser()
    if path is None:
        pytest.skip("no browser on this machine: apt-get install -y chromium")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright in .venv: `./run proof page` installs it"
    )
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo(browser: Any) -> Iterator[RunningDemo]:
    """A whole network, with its page."""
    with running_demo() as running:
        yield running


@pytest.fixture
def whole(demo: RunningDemo) -> Iterator[RunningDemo]:
    """The same, with all its lines, and whatever a test does to them undone."""
    yield demo
    demo.order("heal *")


@pytest.fixture
def look(browser: Any, whole: RunningDemo) -> Iterator[Window]:
    """The page as a person sees it who has run `ingress page`, on a wide screen, in English."""
    with window(browser) as opened:
        opened.open(whole.address())
        opened.page.wait_for_selector(".verdict[data-grade]")
        yield opened
