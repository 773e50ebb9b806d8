"""Whoever is told of a beginning is told of the end, once each, whatever comes in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.alerts.hold import QuietHold
from ingress.alerts.notice import Effect, Fact, Notice
from ingress.alerts.watch import GATHER, MOST_SETTLE, SETTLE, AlertWatch

WHEN = {"line": 60.0, "exit": 30.0, "config": 0.0}
CUT = Fact("line", "ix", "nothing answers over it")


class Told:
    """A watch that is looked at once a second."""

    def __init__(self) -> None:
        self.watch = AlertWatch(WHEN)
        self.now = 1000.0
        self.effect = Effect()
        self.notices: list[list[Notice]] = []

    def stays(self, *facts: Fact, seconds: float) -> list[list[Notice]]:
        """What is told while these are all that is wrong."""
        before = len(self.notices)
        for _ in range(round(seconds)):
            if found := self.watch.look(facts, self.effect, self.now):
                self.notices.append(found)
            self.now += 1.0
        return self.notices[before:]


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_lasts_is_told_once_and_once_more_when_it_is_over(told: Told) -> None:
    told.effect = Effect(5, 2, 1)
    assert told.stays(CUT, seconds=60) == []
    ((begun,),) = told.stays(CUT, seconds=600)
    assert (begun.key, begun.is_over, begun.why) == (("line", "ix"), False, CUT.why)
    assert begun.seconds == 60 + GATHER
    told.effect = Effect(8, 4, 1)
    ((over,),) = told.stays(seconds=600)
    assert (over.is_over, over.seconds, over.effect, over.times) == (True, 660, Effect(3, 2, 0), 1)
    assert "0 told of 0" in repr(told.watch)


def test_what_passes_is_not_told(told: Told) -> None:
    told.stays(CUT, seconds=59)
    assert told.stays(seconds=600) == told.stays(Fact("path", "a/b", ""), seconds=600) == []


def test_all_of_a_moment_is_one_message(told: Told) -> None:
    others = [Fact("line", f"line-{at}", "") for at in range(9)]
    told.stays(CUT, seconds=2)
    ((first, *rest),) = told.stays(CUT, *others, seconds=120)
    assert first.name == "ix"
    assert len(rest) == 9


def test_a_message_waits_for_what_is_due_a_moment_later(told: Told) -> None:
    late = Fact("exit", "us", "")
    told.stays(CUT, seconds=32)
    (both,) = told.stays(CUT, late, seconds=120)
    assert {notice.name for notice in both} == {"ix", "us"}


def test_short_breaks_are_the_same_event(told: Told) -> None:
    told.stays(CUT, seconds=70)
    for _ in range(4):
        assert told.stays(seconds=SETTLE - 1) == told.stays(CUT, seconds=5) == []
    ((over,),) = told.stays(seconds=600)
    assert over.times == 5


def test_each_event_makes_the_next_harder_to_end(told: Told) -> None:
    waits = []
    for _ in range(8):
        told.stays(CUT, seconds=70)
        since = told.now
        while not told.stays(seconds=1):
            pass
        waits.append(told.now - since - 1)
    assert waits[:3] == [SETTLE, 2 * SETTLE, 4 * SETTLE]
    assert max(waits) == MOST_SETTLE


def test_the_last_words_of_an_event_are_kept(told: Told) -> None:
    told.stays(CUT, seconds=70)
    told.stays(Fact("line", "ix", ""), seconds=5)
    ((over,),) = told.stays(seconds=100)
    assert over.why == CUT.why


NAMES = st.sampled_from([("line", "a"), ("line", "b"), ("exit", "a"), ("config", "")])
STEPS = st.lists(st.tuples(st.frozensets(NAMES), st.integers(1, 90)), max_size=40)


@given(STEPS)
def test_no_end_is_lost_and_nothing_is_told_twice(steps: list[tuple[frozenset[tuple[str, str]], int]]) -> None:
    told = Told()
    for present, seconds in steps:
        told.stays(*(Fact(*key, "") for key in sorted(present)), seconds=seconds)
    told.stays(seconds=MOST_SETTLE + 2)
    for key in {notice.key for found in told.notices for notice in found}:
        states = [notice.is_over for found in told.notices for notice in found if notice.key == key]
        assert states == [False, True] * (len(states) // 2)


@given(st.lists(st.tuples(st.frozensets(NAMES), st.integers(1, 90), st.booleans()), max_size=40))
def test_nor_in_quiet_hours(steps: list[tuple[frozenset[tuple[str, str]], int, bool]]) -> None:
    watch, hold, now = AlertWatch(WHEN), QuietHold(), 0.0
    known: set[tuple[str, str]] = set()

    def heard(facts: list[Fact], is_quiet: bool) -> None:
        found = hold.pass_on(watch.look(facts, Effect(), now), is_quiet=is_quiet)
        assert not (is_quiet and found)
        for notice in found:
            assert notice.is_over or notice.key not in known
            (known.discard if notice.is_over else known.add)(notice.key)

    for present, seconds, is_quiet in steps:
        for _ in range(seconds):
            heard([Fact(*key, "") for key in sorted(present)], is_quiet)
            now += 1.0
    for _ in range(int(MOST_SETTLE) + 2):
        heard([], False)
        now += 1.0
    assert not known


def notice(is_over: bool, times: int = 1) -> Notice:
    return Notice("line", "ix", is_over, "", 70.0, Effect(), times)


def test_what_was_over_before_anybody_heard_is_one_notice() -> None:
    hold = QuietHold()
    assert hold.pass_on([notice(False)], is_quiet=True) == []
    assert hold.pass_on([notice(True, 2)], is_quiet=True) == []
    assert hold.pass_on([notice(False)], is_quiet=True) == []
    assert hold.pass_on([notice(True)], is_quiet=True) == []
    (only,) = hold.pass_on([], is_quiet=False)
    assert (only.is_over, only.times) == (True, 3)


def test_what_is_still_wrong_after_a_quiet_while_is_not_told_again() -> None:
    hold = QuietHold()
    assert hold.pass_on([notice(False)], is_quiet=False) == [notice(False)]
    hold.pass_on([notice(True)], is_quiet=True)
    hold.pass_on([notice(False)], is_quiet=True)
    assert hold.pass_on([], is_quiet=False) == []
    assert hold.pass_on([notice(True)], is_quiet=False) == [notice(True)]
