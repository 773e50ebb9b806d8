"""Events that are kept: which, how many, and what they say."""

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.history.happened import HOUR, MOST_OF_ALL, MOST_OF_ONE, Happenings
from ingress.history.said import KEPT, names_in, sentence
from ingress.history.said_chinese import CHINESE
from tests.test_docs import ROOT

NAMES = st.sampled_from(sorted(KEPT))
FIELDS = st.dictionaries(st.sampled_from(["path", "to", "node", "why", "count"]), st.text() | st.integers())


class Wall:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1.8e9

    def __call__(self) -> float:
        return self.now


def test_every_kind_that_is_kept_stands_in_the_manual_and_is_more_than_debug() -> None:
    rows = re.findall(r"^\| (`.+?) \| (?:info|warning|error)", (ROOT / "docs/logs.md").read_text(), re.MULTILINE)
    assert set(KEPT) - {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)} == set()


def test_an_event_waits_with_its_time_and_what_it_is_about() -> None:
    wall = Wall()
    happenings = Happenings(wall)
    happenings.told("streams-rescued", "info", {"count": 3, "path": "a", "to": "b", "why": "silent"})
    happenings.told("loop-lagged", "warning", {"seconds": 1.5})
    first, second = happenings.take()
    assert (first.at, first.about, first.other, first.fields["count"]) == (1.8e9, "a", "b", 3)
    assert (second.about, second.other, second.level) == ("", "", "warning")
    assert happenings.take() == [] and happenings.left_out == 0


def test_one_that_flaps_leaves_room_for_others() -> None:
    wall = Wall()
    happenings = Happenings(wall)
    for _ in range(3 * MOST_OF_ONE):
        happenings.told("path-dead", "info", {"path": "a"})
    happenings.told("path-dead", "info", {"path": "b"})
    assert len(happenings.take()) == MOST_OF_ONE + 1 and happenings.left_out == 2 * MOST_OF_ONE
    wall.now += HOUR
    happenings.told("path-dead", "info", {"path": "a"})
    assert len(happenings.take()) == 1


@pytest.mark.parametrize("step", [HOUR, -1.0])
def test_all_of_an_hour_are_bounded_and_a_clock_that_is_set_back_begins_another(step: float) -> None:
    wall = Wall()
    happenings = Happenings(wall)
    for number in range(MOST_OF_ALL + 10):
        happenings.told("path-up", "info", {"path": str(number)})
    assert len(happenings.take()) == MOST_OF_ALL and happenings.left_out == 10
    wall.now += step
    happenings.told("path-up", "info", {"path": "a"})
    assert len(happenings.take()) == 1


def test_what_nobody_writes_goes_oldest_first() -> None:
    happenings = Happenings(Wall(), most=2)
    for name in ("a", "b", "c"):
        happenings.told("path-up", "info", {"path": name})
    assert [one.about for one in happenings.take()] == ["b", "c"] and happenings.left_out == 1


@given(event=NAMES, fields=FIELDS)
def test_whatever_the_fields_there_is_a_sentence(event: str, fields: dict[str, Any]) -> None:
    assert "{" not in KEPT[event].text.format_map(dict.fromkeys(_fields_of(event), "x"))
    assert sentence(event, fields)
    assert all(isinstance(name, str) for name in names_in(event, fields))


def _fields_of(event: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(KEPT[event].text) if name]


@given(event=NAMES, fields=FIELDS)
def test_every_sentence_is_there_in_chinese_with_the_same_fields(event: str, fields: dict[str, Any]) -> None:
    names = [name for _, name, _, _ in string.Formatter().parse(CHINESE[event]) if name]
    assert sorted(names) == sorted(_fields_of(event))
    assert sentence(event, fields, "zh")


def test_sentences_in_chinese() -> None:
    assert set(CHINESE) == set(KEPT)
    assert sentence("path-dead", {"path": "a/b"}, "zh") == "a/b 不通"
    assert sentence("carrier-lost", {"path": "a", "why": "silent"}, "zh") == "a 的承载连接已断开：没有任何回音"
    assert sentence("unheard-of", {"path": "a", "n": 1}, "zh") == "unheard-of path=a n=1"


def test_sentences() -> None:
    assert sentence("path-dead", {"path": "a/b"}) == "a/b is dead"
    assert sentence("carrier-lost", {"path": "a"}) == "a carrier over a ended: -"
    assert sentence("unheard-of", {"path": "a", "n": 1}) == "unheard-of path=a n=1"
    assert names_in("unheard-of", {"path": "a"}) == ("", "")
