"""The page of a network that lives: lines are cut under it, streams move, and are ended."""

import re
from typing import Any

import pytest

from tests.page.browser import Window, window
from tests.page.demo import PATIENCE, RunningDemo

pytestmark = pytest.mark.page
RED = ":is([data-state=suspect], [data-state=broken], [data-state=silent])"
WELL = ".verdict[data-grade=well]"
SIZE = 400_000_000


def test_a_cut_line_turns_red_and_blame_is_read(look: Window, whole: RunningDemo) -> None:
    page = look.page
    page.wait_for_selector(WELL)
    best = page.inner_text(".verdict-best")
    line = re.split(r"[ /]", best.removeprefix("best: "))[0]
    assert page.locator(f".map .line{RED}").count() == 0
    assert page.locator(".map .halo.is-best").count() >= 1
    whole.order(f"cut {line}")
    page.wait_for_selector(f".map .label{RED} .name >> text={line}")
    page.wait_for_selector(f".blames .blame >> text={line}")
    page.wait_for_selector(".verdict:is([data-grade=broken], [data-grade=down]) h1")
    assert page.title().startswith("✕ ")
    assert page.get_attribute("link[rel=icon]", "href") == "icon_broken.svg"
    assert line not in page.inner_text(".verdict-best")  # the best path is another one now
    row = page.locator(f"table.lines tr:has-text('{line}')").first
    assert "✕" in row.locator("td.state").inner_text()  # not by its colour alone
    page.wait_for_selector(f".verdict .lasting >> text={line}")
    assert "since" in page.inner_text(".verdict .lasting li >> nth=0")
    whole.order(f"heal {line}")
    page.wait_for_selector(WELL)
    page.wait_for_selector(".lasting:empty", state="attached")


def test_all_lines_cut_is_told_in_the_first_line(look: Window, whole: RunningDemo) -> None:
    look.page.wait_for_selector(WELL)
    whole.order("cut *")
    look.page.wait_for_selector(".verdict[data-grade=down] h1 >> text=Nothing works")
    assert look.page.locator(".map .node[data-state=down], .map .node[data-state=stalled]").count() > 0


def test_a_stream_is_seen_moving_and_is_ended(look: Window, whole: RunningDemo) -> None:
    page = look.page
    page.wait_for_selector(WELL)
    with whole.download(SIZE, "2M") as download:
        look.view("streams")
        row = page.locator(".flow-rows .flow", has_text="target.test").first
        row.wait_for()
        before = row.locator(".path").inner_text()
        whole.order(f"cut {before.partition('/')[0]}")
        moved = page.locator(".flow-rows .flow", has_text="target.test").filter(has_not_text=before)
        moved.wait_for()
        assert int(moved.locator(".moves").inner_text()) >= 1
        moved.locator(".rate", has_text="bit/s").wait_for()
        moved.locator("button").click()
        page.locator("dialog button.danger").click()
        page.locator("[role=alert] >> text=was ended").wait_for()
        page.locator(".flow-rows .flow", has_text="target.test").wait_for(state="detached")
        assert download.wait(PATIENCE) != 0


def test_a_line_is_held_and_released(look: Window, whole: RunningDemo) -> None:
    page = look.page
    page.wait_for_selector(WELL)
    page.click("button[aria-label='Hold line ix-dmit']")
    page.select_option("dialog select", "3600")
    page.click("dialog button.danger")
    page.wait_for_selector(".map .label[data-closed] .name >> text=ix-dmit")
    page.wait_for_selector(".blames .hold >> text=ix-dmit")
    assert "ix-dmit" not in page.inner_text(".verdict-best")
    page.click("button[aria-label='Hold line ix-nube']")
    page.click("dialog button[value=no]")
    page.click("button[aria-label='Release line ix-dmit']")
    page.wait_for_selector(".blames .hold", state="detached")
    page.wait_for_selector("button[aria-label='Hold line ix-dmit']")


def test_a_file_that_is_read_anew_is_another_map(look: Window, whole: RunningDemo) -> None:
    labels = look.page.locator(".map .label")
    look.page.wait_for_selector(WELL)
    assert labels.count() == 9
    with whole.file(lambda text: re.sub(r"\[line\.direct-nube\]\n(?:[^\[].*\n|\n)*", "", text)):
        labels.nth(8).wait_for(state="detached")
        assert labels.count() == 8
    labels.nth(8).wait_for()


def test_why_is_drawn_with_its_terms(look: Window) -> None:
    page = look.page
    look.view("why")
    page.fill("#why-target", "target.test:80")
    page.keyboard.press("Enter")
    page.wait_for_selector(".candidates li.is-taken .cost-bar .term-1")
    assert page.locator(".candidates li").count() == 12
    assert "round trip" in page.inner_text(".candidates li >> nth=0")
    page.check("#why-udp")
    page.click("form.question button[type=submit]")
    page.wait_for_selector("text=Copies")
    page.fill("#why-target", "no target at all")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert] >> text=no target")
    look.looked.told.clear()  # a browser notes each 400


def test_history_is_drawn_and_read_by_keyboard(look: Window) -> None:
    page = look.page
    look.view("history")
    page.wait_for_selector(".chart canvas")
    page.select_option("#history-beside", "ix-nube")
    page.click("button[data-span='3600']")
    page.wait_for_selector(".legend .series-2")
    page.wait_for_selector(".read:not(:empty)")
    row = page.locator("table.overview tr", has_text="ix-nube")
    assert "%" in row.first.locator("td.works").inner_text()
    page.click("table.overview button >> text=us-us >> nth=0")
    page.wait_for_selector(".legend >> text=us-us")
    page.focus(".chart")
    page.keyboard.press("ArrowLeft")
    assert "ms" in page.inner_text(".read")


def test_events_usage_and_nodes_are_told(look: Window, whole: RunningDemo) -> None:
    page = look.page
    look.view("events")
    page.wait_for_selector(".events li >> text=path-up")
    page.fill("#events-filter", "nothing has this in it")
    page.wait_for_selector("text=No events.")
    look.view("usage")
    page.click("text=Lines")
    page.wait_for_selector("table.usage th >> text=ix-dmit")
    look.view("nodes")
    page.wait_for_selector(".node-card >> nth=4")
    assert "descriptors" in page.inner_text(".node-card >> nth=1")
    page.wait_for_selector(".node-card:nth-child(2) >> text=clock is off by")


def test_an_ingress_that_is_away_is_said_to_be(look: Window) -> None:
    look.page.wait_for_selector(WELL)
    look.page.context.set_offline(True)
    look.page.route("**/api/v1/**", lambda route: route.abort())
    look.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")  # begins anew, in vain
    look.page.wait_for_selector(".stale >> text=No word from the ingress")
    look.page.context.set_offline(False)
    look.page.unroute("**/api/v1/**")
    look.page.wait_for_selector(".stale:empty", state="attached")
    look.looked.told.clear()  # a browser notes each request that failed


def test_an_ingress_that_began_anew_asks_who_looks_and_is_not_said_to_be_away(look: Window, whole: RunningDemo) -> None:
    whole.order("kill shanghai")
    look.page.wait_for_selector(".stale >> text=No word from the ingress")
    whole.order("start shanghai")
    look.page.wait_for_selector(".login >> text=ingress page")
    look.page.wait_for_selector(".stale:empty", state="attached")
    look.page.goto(whole.address())
    look.page.wait_for_selector(WELL)
    look.looked.told.clear()  # a browser notes each request that failed


def test_a_stranger_is_told_how_to_come_in_and_an_address_is_of_use_once(browser: Any, whole: RunningDemo) -> None:
    address = whole.address()
    with window(browser) as first:
        first.open(address)
        first.page.wait_for_selector(".verdict[data-grade]")
        assert "token" not in first.page.url
        first.page.reload()
        first.page.wait_for_selector(".verdict[data-grade]")
        first.page.click("text=Leave")
        first.page.wait_for_selector(".login >> text=ingress page")
        first.page.reload()
        first.page.wait_for_selector(".login")
        first.looked.told.clear()  # a browser notes each 401
    with window(browser, language="zh") as second:
        second.open(address)
        second.page.wait_for_selector(".login >> text=已经用过")
        second.looked.told.clear()


def test_a_user_comes_in_with_a_password_and_not_with_another(browser: Any, whole: RunningDemo) -> None:
    base = whole.address().partition("#")[0]
    with whole.user("alice", "a long password"), window(browser, 360) as opened:
        page = opened.page
        opened.open(base)
        page.fill("#login-name", "alice")
        page.fill("#login-password", "another one")
        page.keyboard.press("Enter")
        page.wait_for_selector(".login [role=alert]:not(:empty)")
        page.fill("#login-password", "a long password")
        page.keyboard.press("Enter")
        page.wait_for_selector(".verdict[data-grade]")
        opened.looked.told.clear()  # a browser notes each 401
