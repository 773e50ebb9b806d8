"""Requests on the bed: counted, cut short where they are too slow, and set against the round trip."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from bench.wan.speed import ENOUGH, GAP, Reachable, against, percentiles, requests, trip_of

TARGET = ("198.18.7.6", 9)


def taking(seconds: float, patch: pytest.MonkeyPatch) -> Reachable:
    """What runs and answers every request after so many seconds."""

    async def open_(target: tuple[str, int]) -> Any:
        assert target == TARGET
        return nullcontext()

    async def exchange(_stream: object) -> None:
        await trio.sleep(seconds)

    patch.setattr("bench.wan.speed.exchange", exchange)
    return cast(Reachable, SimpleNamespace(route=SimpleNamespace(open=open_)))


async def test_so_many_requests_one_after_another(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = trio.current_time()
    times = await requests(taking(0.2, monkeypatch), TARGET, 40)
    assert times == pytest.approx([0.2] * 40)
    assert trio.current_time() - began == pytest.approx(40 * (0.2 + GAP))


async def test_no_more_are_begun_once_it_is_enough(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(await requests(taking(ENOUGH / 4, monkeypatch), TARGET, 100)) == 4
    assert len(await requests(taking(ENOUGH * 2, monkeypatch), TARGET, 100)) == 1


def test_a_path_is_as_long_as_its_lines_and_the_way_from_its_exit() -> None:
    trips = {"sh-jpd": 0.03, "jpd-usd": 0.1, "sh-usd": 0.17, "usd": 0.002}
    assert trip_of(trips, "sh-jpd/jpd-usd", "usd") == pytest.approx(0.132)
    assert trip_of(trips, "sh-usd", "usd") == pytest.approx(0.172)


def test_times_are_set_against_the_round_trip() -> None:
    found = against("warm", [0.14, 0.2, 0.15], 0.13)
    assert found == pytest.approx({"warm.trip": 0.13, "warm.p50": 0.15, "warm.above": 0.02, "warm.most": 0.2})


def test_percentiles_of_what_there_is() -> None:
    assert percentiles("alone", [float(n) for n in range(100)]) == {"alone.p50": 49.5, "alone.p99": 98.0}
    assert percentiles("alone", [7.0]) == {"alone.p50": 7.0, "alone.p99": 7.0}
