"""What is looked at in weather that is no fault: who was named, what rides where, what was moved."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from bench.load import Failed
from bench.wan.choice import NAMED_WITHIN, WEATHERS, moves, tells_of_public, thin_over, until_named
from bench.wan.network import WanScene


def saying(*blame: str, after: float = 0.0) -> WanScene:
    """A scene whose ingress says nothing at first, and then that."""

    async def paths() -> Any:
        return {"blame": list(blame) if trio.current_time() >= began + after else []}

    began = trio.current_time()
    return cast(WanScene, SimpleNamespace(paths=paths))


async def test_a_line_is_named_only_with_its_direction(autojump_clock: trio.testing.MockClock) -> None:
    scene = saying("line a-b loses 1.00% of what b sends to a (0.8% to 1.2%)", after=20.5)
    assert await until_named(scene, "line a-b loses ", "of what b sends to a (") == pytest.approx(21.0)
    began = trio.current_time()
    with pytest.raises(
        Failed, match=r"nobody says 'line a-b loses …of what a sends to b \(' within 300 s, but: line a-b"
    ):
        await until_named(scene, "line a-b loses ", "of what a sends to b (")
    assert trio.current_time() - began == pytest.approx(NAMED_WITHIN)


def test_thin_streams_are_counted_on_every_path_over_the_line() -> None:
    def row(path: str, streams: int, bulk: int = 0, redundant: int = 0) -> dict[str, Any]:
        return {"path": path, "streams": streams, "bulk": bulk, "redundant": redundant}

    report = {"paths": [row("a-b/b-c", 5, 2, 1), row("a-b/b-d", 1), row("a-c", 9), row("xa-b", 9)]}
    assert thin_over(report, "a-b") == 3


def test_moves_are_those_of_the_log_since_a_moment(tmp_path: Path) -> None:
    def line(second: int, event: str) -> str:
        return json.dumps({"time": f"2030-01-01T00:00:{second:02}+00:00", "event": event})

    log = tmp_path / "sh.log"
    log.write_text("\n".join((line(1, "streams-moved"), line(5, "streams-moved"), line(6, "streams-rescued"))))
    scene = cast(WanScene, SimpleNamespace(log=lambda: log))
    assert moves(scene, 1893456002.0) == {"moved": 1.0, "rescued": 1.0}


def test_what_is_said_of_lines_that_lose_as_they_are_is_no_finding() -> None:
    assert tells_of_public("line sh-usd is poor: 4% of the pings over it come late")
    assert not tells_of_public("line sh-jpd is poor: 4% of the pings over it come late")
    assert not tells_of_public("node usd drains")


def test_every_weather_has_a_title_of_its_own() -> None:
    assert len({one.title for one in WEATHERS}) == len({one.name for one in WEATHERS}) == len(WEATHERS)
