"""Turns on the bed: every system once a round, and one that fails takes nobody with it."""

from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest
import trio

from bench.load import Failed
from bench.results import Numbers
from bench.survive.route import Refused
from bench.wan.__main__ import chosen
from bench.wan.bed import Bed
from bench.wan.cases import SYSTEMS, Case, first_byte_cases, limited, speed_cases, take_turns

BED = Bed(("sh", "web"), cast(Any, None))


@attrs.define
class Program:
    """A system that is there, or not."""

    how: str = "somehow"
    reason: str | None = None

    def missing(self) -> str | None:
        return self.reason

    def version(self) -> str:
        assert self.reason is None, "what is missing cannot be asked"
        return "1.0"


def failing(*outcomes: BaseException | float) -> Callable[[], Numbers]:
    """A measure with these outcomes, one after another."""
    left = list(outcomes)

    def run() -> Numbers:
        outcome = left.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return {"figure": outcome}

    return run


def test_in_each_round_every_system_has_its_turn() -> None:
    told: list[str] = []
    cases = [Case(name, Program(), failing(1.0, 2.0)) for name in ("a", "b")]
    rows = take_turns(cases, 2, told.append)
    assert told == ["a, round 1", "b, round 1", "a, round 2", "b, round 2"]
    assert rows["a"].rounds == rows["b"].rounds == [{"figure": 1.0}, {"figure": 2.0}]
    assert (rows["a"].version, rows["a"].how, rows["a"].error) == ("1.0", "somehow", None)


def test_what_is_missing_says_why_and_is_not_run() -> None:
    told: list[str] = []
    rows = take_turns([Case("gone", Program(reason="not installed"), failing())], 3, told.append)
    assert not told
    assert (rows["gone"].error, rows["gone"].rounds) == ("not installed", [])


@pytest.mark.parametrize(
    "error",
    [
        Failed("why"),
        OSError("why"),
        Refused("why"),
        trio.BrokenResourceError("why"),
        trio.TooSlowError("why"),
        BaseExceptionGroup("two", [ExceptionGroup("one", [Failed("why")])]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_round_that_fails_leaves_its_reason_and_the_others(error: BaseException) -> None:
    cases = [Case("bad", Program(), failing(1.0, error, 3.0)), Case("good", Program(), failing(1.0, 2.0, 3.0))]
    rows = take_turns(cases, 3, lambda _: None)
    assert (rows["bad"].error, len(rows["bad"].rounds)) == ("why", 2)
    assert (rows["good"].error, len(rows["good"].rounds)) == (None, 3)


def test_a_bug_of_ours_is_not_a_result() -> None:
    with pytest.raises(ExceptionGroup):
        take_turns([Case("bug", Program(), failing(ExceptionGroup("bug", [KeyError("p50")])))], 1, lambda _: None)


def test_a_round_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.wan.cases.LIMIT", 0.0)
    rows = take_turns([Case("hung", Program(), limited(trio.sleep_forever))], 1, lambda _: None)
    assert rows["hung"].error == "not done after 0 s"


def test_all_systems_are_beside_each_other_at_each_rate() -> None:
    names = [case.name for case in speed_cases(BED)]
    assert names == [f"{rate} Mbit/s: {system}" for rate in (100, 200) for system in SYSTEMS]
    first = [case.name for case in first_byte_cases(BED)]
    assert first == ["answered at once", "waiting for the exit", *SYSTEMS[1:]]


def test_only_some_are_asked_for() -> None:
    assert [case.name for case in first_byte_cases(BED, chosen("direct, haproxy tls"))] == ["haproxy tls", "direct"]
    assert [case.name for case in speed_cases(BED, chosen("ingress"))] == [
        "100 Mbit/s: ingress",
        "200 Mbit/s: ingress",
    ]
    assert chosen(None) == SYSTEMS


def test_a_system_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        chosen("sing-box trojan,nothing")
    assert "no such system: nothing" in capsys.readouterr().err
