"""Conditions of a line and the words that change them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.demo.emulator.line import BadCommand, Conditions, Dial, EmulatedLine
from ingress.demo.emulator.units import parse_duration, parse_rate, parse_share

HEALTHY = Conditions(round_trip=0.1, jitter=0.002, loss=0.01, rate=1e6)


def state(line: EmulatedLine) -> tuple[object, ...]:
    ways = [(way.delay, way.jitter, way.loss, way.rate, way.blocked) for way in (line.towards, line.back)]
    return (line.dial, line.conditions, *ways)


def test_each_way_takes_half_of_the_round_trip() -> None:
    line = EmulatedLine("a", HEALTHY)
    assert (line.towards.delay, line.back.delay, line.towards.jitter) == (0.05, 0.05, 0.001)


@pytest.mark.parametrize(
    ("way", "towards", "back"), [("towards", True, False), ("back", False, True), ("both", True, True)]
)
def test_a_black_hole_may_be_of_one_way_and_answers_no_dial(way: str, towards: bool, back: bool) -> None:
    line = EmulatedLine("a", HEALTHY)
    line.blackhole(way)
    assert (line.towards.blocked, line.back.blocked, line.dial) == (towards, back, Dial.SILENT)


def test_slow_adds_to_what_the_line_began_with() -> None:
    line = EmulatedLine("a", HEALTHY)
    line.slow("80ms")
    line.slow("50ms")
    assert line.conditions.round_trip == pytest.approx(0.15)


@given(st.lists(st.sampled_from(["blackhole", "freeze", "refuse", "slow", "jitter", "lose", "limit"]), max_size=6))
def test_heal_undoes_everything(changes: list[str]) -> None:
    words = {"slow": ("80ms",), "jitter": ("5ms",), "lose": ("3%",), "limit": ("50KB/s",)}
    line = EmulatedLine("a", HEALTHY)
    for change in changes:
        getattr(line, change)(*words.get(change, ()))
    line.heal()
    assert state(line) == state(EmulatedLine("a", HEALTHY))


def test_quantities_have_units() -> None:
    assert parse_duration("80ms") == pytest.approx(0.08)
    assert parse_rate("50KB/s") == 50_000
    assert parse_rate("8Mbit/s") == 1_000_000
    assert parse_share("0.5%") == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("change", "word"),
    [("slow", "80"), ("slow", "fast"), ("lose", "101%"), ("limit", "0KB/s"), ("limit", "ms"), ("blackhole", "up")],
)
def test_a_wrong_word_changes_nothing(change: str, word: str) -> None:
    line = EmulatedLine("a", HEALTHY)
    with pytest.raises(BadCommand):
        getattr(line, change)(word)
    assert state(line) == state(EmulatedLine("a", HEALTHY))
