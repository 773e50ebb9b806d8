"""What an operator holds: until it is released, its time is over, or its line is gone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.holds import Hold, Holds, left_without, read_holds
from relay.errors import OperatorError
from tests.ingress.choice.figures import path

HOLDS = st.builds(Hold, st.sampled_from(("ix", "pacific", "direct")), st.floats(0, 2e9), st.none() | st.floats(1, 4e9))


def test_it_is_told_in_a_sentence() -> None:
    hold = Hold("ix", 0.0)
    assert hold.sentence.startswith("ix, by hand since 19") and hold.sentence.endswith(": nothing new goes over it")
    assert hold.reason == "line ix is held by hand" and " until 19" in Hold("ix", 0.0, 60.0).sentence


def test_again_is_from_the_first_time_on_and_ends_as_said_last() -> None:
    holds = Holds()
    holds.put(Hold("ix", 100.0, 200.0))
    holds.put(Hold("ix", 150.0))
    assert holds.all == [Hold("ix", 100.0)] and holds.next_end is None
    holds.put(Hold("ix", 160.0, 900.0))
    assert holds.next_end == 900.0 and holds.reasons.keys() == {"ix"}


def test_it_ends_by_hand_by_time_or_with_its_line() -> None:
    holds = Holds()
    with pytest.raises(OperatorError, match="ix is not held; no line is"):
        holds.drop("ix")
    for line, until in (("ix", 10.0), ("pacific", 20.0), ("direct", None)):
        holds.put(Hold(line, 0.0, until))
    assert [hold.line for hold in holds.end(10.0)] == ["ix"] and not holds.end(19.9)
    assert [hold.line for hold in holds.keep(["pacific"])] == ["direct"]
    with pytest.raises(OperatorError, match="ix is not held; held are: pacific"):
        holds.drop("ix")
    holds.drop("pacific")
    assert not holds


def test_what_was_said_since_the_start_stands_above_what_was_kept() -> None:
    holds = Holds()
    holds.put(Hold("ix", 100.0))
    holds.recall([Hold("ix", 5.0, 50.0), Hold("pacific", 6.0)])
    assert {hold.line: hold.since for hold in holds.all} == {"ix": 100.0, "pacific": 6.0}


@given(st.lists(HOLDS))
def test_what_is_kept_is_read_again(found: list[Hold]) -> None:
    holds, again = Holds(), Holds()
    for hold in found:
        holds.put(hold)
    again.recall(read_holds(json.loads(json.dumps(holds.write()))))
    assert again.all == holds.all


@pytest.mark.parametrize("found", [None, 5, "ix", ["ix"], [["ix"]], [["ix", "now", None]], [[1, 2.0, 3.0]]])
def test_nonsense_is_refused(found: object) -> None:
    with pytest.raises(ValueError, match=r"is no (list of )?holds?"):
        read_holds(found)


PATHS = tuple(path(name) for name in ("ix/p>us", "ix/q>eu", "d>us"))
ALL = {"ix/p", "ix/q", "d"}


@pytest.mark.parametrize(
    ("line", "working", "closed", "expected"),
    [
        ("d", ALL, (), []),
        ("ix", ALL, (), ["eu"]),
        ("ix", ALL, ("d",), ["us", "eu"]),
        ("ix", ALL - {"d"}, (), ["us", "eu"]),  # the other path to it is down now
        ("p", {"ix/q", "d"}, (), []),  # it carries nothing now anyhow
        ("p", {"ix/q"}, (), []),  # nothing works to us, and one path is left
        ("ix", ALL, ("ix/p", "ix/q"), []),  # it is closed already
        ("other", ALL, (), []),
    ],
)
def test_which_exits_are_left_without_a_path(
    line: str, working: set[str], closed: tuple[str, ...], expected: list[str]
) -> None:
    assert left_without(PATHS, working, closed, line) == expected
