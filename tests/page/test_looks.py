"""How the page looks and is used, whatever the network: sizes, languages, the dark, the keyboard, hostile names."""

import re
from typing import Any

import pytest

from tests.page.browser import Window, window
from tests.page.demo import RunningDemo
from tests.page.networks import all_down, crowded, empty, hostile, many_streams

pytestmark = pytest.mark.page
VIEWS = ("network", "why", "why?target=target.test", "history", "streams", "events", "usage", "nodes")
KEY = re.compile(r"\b(?:term|state|source|view|link|sum|map|nodes|usage|events)\.[a-z]|\bundefined\b|\bNaN\b")
"""What would be read where a word is missing."""
NETWORKS = {"crowded": crowded, "down": all_down, "empty": empty, "hostile": hostile}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [360, 1400])
def test_every_view_fits(browser: Any, whole: RunningDemo, width: int, language: str, scheme: str) -> None:
    with window(browser, width, language, scheme) as opened:
        opened.open(whole.address())
        for name in VIEWS:
            opened.view(name)
            opened.page.wait_for_load_state("networkidle") if name == "history" else None
            assert opened.overflow() == 0, name
            assert not KEY.findall(opened.page.inner_text("body")), name
        assert ("网络" in opened.page.inner_text("nav")) == (language == "zh")


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_fits(browser: Any, whole: RunningDemo, name: str, width: int) -> None:
    with window(browser, width, "zh", "dark") as opened:
        opened.answer("paths", NETWORKS[name](whole.paths()))
        opened.hush()
        opened.open(whole.address())
        opened.page.wait_for_selector(".map .node")
        assert opened.overflow() == 0
        outside = opened.page.evaluate(
            """() => {
                const edge = document.querySelector('.map').getBoundingClientRect();
                const boxes = [...document.querySelectorAll('.map text')].map((text) => text.getBoundingClientRect());
                return boxes.filter((box) => box.width && (box.left < edge.left || box.right > edge.right)).length;
            }"""
        )
        assert outside == 0


def test_names_from_wire_and_file_are_texts(browser: Any, whole: RunningDemo) -> None:
    with window(browser) as opened:
        opened.answer("paths", hostile(whole.paths()))
        opened.answer("streams", many_streams(3, "<img src=x onerror=window.taken=1>"))
        opened.hush()
        opened.open(whole.address())
        opened.page.wait_for_selector(".blame >> text=<img")
        opened.view("streams")
        opened.page.wait_for_selector(".flow .target >> text=<img")
        assert opened.page.locator("main img").count() == 0
        assert opened.page.evaluate("window.taken") is None


def test_two_thousand_streams_are_a_few_rows(browser: Any, whole: RunningDemo) -> None:
    with window(browser) as opened:
        opened.answer("streams", many_streams(2000, "host.example"))
        opened.open(whole.address())
        opened.view("streams")
        page = opened.page
        page.wait_for_selector("text=2000 of 2000")
        assert page.locator(".flow-rows .flow").count() < 60
        page.locator(".flow-box").evaluate("box => { box.scrollTop = box.scrollHeight }")
        page.wait_for_selector(".flow-rows .flow[aria-rowindex='2001']")
        page.fill("#streams-filter", "host.example:1999")
        page.wait_for_selector("text=1 of 2000")
        page.click("[role=columnheader].age button")
        assert page.get_attribute("[role=columnheader].age", "aria-sort") == "descending"


def test_the_language_is_the_browsers_can_be_switched_and_is_remembered(browser: Any, whole: RunningDemo) -> None:
    with window(browser, language="zh") as opened:
        page = opened.page
        opened.open(whole.address())
        page.wait_for_selector("nav >> text=网络")
        assert page.get_attribute("html", "lang") == "zh-CN"
        page.click("text=English")
        page.wait_for_selector("nav >> text=Network")
        page.reload()
        page.wait_for_selector("nav >> text=Network")
        assert page.get_attribute("html", "lang") == "en"


def test_all_of_it_can_be_reached_by_keyboard_and_the_focus_is_seen(look: Window) -> None:
    page = look.page
    page.wait_for_selector(".verdict[data-grade=well]")
    page.evaluate("document.activeElement.blur()")
    reached, seen = [], []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent"))
        seen.append(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert reached[0] == "Skip to the content"
    assert reached[1:8] == ["Network", "Why", "History", "Streams", "Events", "Usage", "Nodes"]
    assert set(seen) == {"solid"}, seen
    page.keyboard.press("Enter")
    assert page.locator(".path-name[aria-pressed=true]").count() == 1
    assert page.locator(".halo.is-chosen").count() >= 1
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_nothing_moves_for_those_who_want_that(browser: Any, whole: RunningDemo) -> None:
    with window(browser, reduced_motion="reduce") as opened:
        opened.open(whole.address())
        opened.page.wait_for_selector(".map .line")
        lasting = (
            "[...new Set([...document.querySelectorAll('*')].map((one) => getComputedStyle(one).transitionDuration))]"
        )
        assert opened.page.evaluate(lasting) == ["0s"]
        assert opened.page.evaluate("document.getAnimations().length") == 0


def test_what_is_said_is_named_for_those_who_do_not_see(look: Window) -> None:
    page = look.page
    page.wait_for_selector(".verdict[data-grade=well]")
    assert "9 lines; 0 lines out of order" in str(page.get_attribute("svg.map", "aria-label"))
    assert page.get_attribute(".verdict h1", "role") == "status"
    assert page.get_attribute(".verdict .blames", "aria-live") == "polite"
    for name in VIEWS:
        look.view(name)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('button, a, input, select')]
                .filter((one) => one.checkVisibility() && !one.textContent.trim())
                .filter((one) => !one.getAttribute('aria-label') && !one.labels?.length)
                .map((one) => one.outerHTML)"""
        )
        assert nameless == [], name
