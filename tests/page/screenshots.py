"""Makes the pictures of docs/page/: the demo's page while a line is cut under a download, in two sizes and languages.

The demo is too young to have a past: the graph shows a day that is made up (`made_up_day`), all else is as it is."""

import io
import math
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.page.browser import Window, find_browser, window
from tests.page.demo import RunningDemo, running_demo

FOLDER = Path(__file__).parents[2] / "docs" / "page"
LARGEST = 150_000
"""Bytes of a picture."""
SIZE = 400_000_000
DAY = 86_400
STEP = 150


def main() -> None:
    """All of them."""
    path = find_browser() or sys.exit("no browser on this machine: apt-get install -y chromium")
    FOLDER.mkdir(exist_ok=True)
    with running_demo() as demo, sync_playwright() as driver, demo.download(SIZE, "1500k"):
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with opened(browser, demo) as wide, opened(browser, demo, 360, "zh", "dark") as narrow:
            wide.page.wait_for_selector(".flow-rows, .verdict[data-grade=well]")
            demo.order("cut ix-dmit")
            for one in (wide, narrow):
                one.page.wait_for_selector(".map .label[data-state=suspect] .name >> text=ix-dmit")
                one.page.wait_for_selector(".verdict .lasting >> text=ix-dmit")
                one.page.wait_for_selector(".map .label .rate >> text=↓")
            save("network", wide, 900)
            save("phone", narrow, 1240)
            wide.view("why?target=target.test")
            wide.page.wait_for_selector(".candidates li.is-taken")
            save("why", wide, 900)
            demo.order("heal *")
        with opened(browser, demo, 1400, "en", "dark") as dark:
            dark.page.route("**/api/v1/history?*", lambda route: route.fulfill(json=made_up_day(route.request.url)))
            dark.view("history?of=ix-dmit&beside=direct-dmit")
            dark.page.wait_for_selector(".chart canvas")
            dark.page.wait_for_selector(".read:not(:empty)")
            save("history", dark, 820)
        browser.close()


@contextmanager
def opened(
    browser: Any, demo: RunningDemo, width: int = 1400, language: str = "en", scheme: str = "light"
) -> Iterator[Window]:
    """The page, a session begun."""
    with window(browser, width, language, scheme) as one:
        one.open(demo.address())
        one.page.wait_for_selector(".verdict[data-grade]")
        yield one


def save(name: str, one: Window, height: int) -> None:
    """The upper part of the page, with as few colours as keep it small."""
    width = one.page.viewport_size["width"]
    shot = one.page.screenshot(full_page=True, animations="disabled")
    picture = Image.open(io.BytesIO(shot)).convert("RGB").crop((0, 0, width, height))
    data = io.BytesIO()
    with_common_colours(picture).save(data, "PNG", optimize=True)
    assert data.tell() <= LARGEST, name
    (FOLDER / f"{name}.png").write_bytes(data.getvalue())


def with_common_colours(picture: Image.Image) -> Image.Image:
    """*picture* in its 256 most common colours, exactly; the others, the edges of letters, in the nearest of them."""
    counted = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for _, colour in counted[:256] for channel in colour])
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def made_up_day(url: str) -> dict[str, Any]:
    """A day with a peak in the evening, a lossy hour and two outages, as `history` is answered."""
    chance, now = random.Random(1), time.time()
    usual, start = (0.175 if "direct" in url else 0.031), now - DAY
    outages = (
        [] if "direct" in url else [(start + 0.44 * DAY, start + 0.463 * DAY), (start + 0.8 * DAY, start + 0.803 * DAY)]
    )
    series = []
    for place in range(DAY // STEP):
        at = start + place * STEP
        if any(begin <= at <= end for begin, end in outages):
            continue
        evening = math.exp(-(((place * STEP / DAY) - 0.62) ** 2) / 0.01)
        trip = usual * (1 + 0.12 * evening + 0.01 * chance.random())
        late = max(0.0, chance.gauss(-0.02, 0.01) + (0.07 * evening if "direct" in url else 0.012 * evening))
        spread = 0.03 + 0.05 * chance.random() + 0.5 * evening * chance.random()
        point = {"rtt": trip, "p95": trip * (1 + spread), "deviation": trip * 0.02, "late": late}
        moved = {"watched": STEP, "up": 2e6, "down": 9e7 * (1 + evening)}
        series.append({"at": at, **point, "loss_up": None, "loss_down": None, **moved})
    told = [{"from": begin, "to": end, "why": "line ix-dmit: nothing comes over it"} for begin, end in outages]
    return {"version": 1, "step": STEP, "series": series, "outages": told}


if __name__ == "__main__":
    main()
