"""Hedging alone: which OPENs are said again, where, in which order, and how many. The streams are real ones."""

import pytest

from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.client.hedging import BUDGET, BURST, Hedging
from relay.model.cause import Cause
from relay.session.initiator import InitiatorStream
from tests.ingress.choice.figures import chooser, figure
from tests.ingress.client.counterparts import SessionPaths
from tests.ingress.client.messages import HOST
from tests.relay.session.pair import RecordingSink
from tests.world import Journal

DEMAND = Demand(HOST, 443)
LATE = 1.0
"""Seconds after which every OPEN here is overdue."""


class Openings:
    """A Hedging over three paths to one exit; the second shares a line with the first, which swallows everything."""

    def __init__(self) -> None:
        self.paths = SessionPaths()
        figures = (figure("ix/a>us", 100), figure("ix/b>us", 110), figure("c>us", 140), figure("d>eu", 150))
        for one in figures:
            self.paths.build(one.name, one.exit)
        self.paths.hold("ix/a")
        self.chooser: Chooser = chooser(*figures)
        self.hedging = Hedging(self.chooser, self.paths)

    def open(self, now: float = 0.0) -> InitiatorStream:
        """Open a stream over the first path, as the opener does."""
        choice = self.chooser.decide(DEMAND, now)
        assert choice is not None and choice.paths == ("ix/a",)
        stream = self.paths.open(choice, RecordingSink(), now)
        assert stream is not None
        self.hedging.add(choice, stream, now)
        return stream

    @property
    def us(self):
        return self.paths.exits["us"]

    def rides_on(self, stream: InitiatorStream) -> str:
        """The path of its first leg."""
        number = self.us.pair.ingress.carriers[stream.legs[0].carrier.number].name
        return {"path-1": "ix/a", "path-2": "ix/b", "path-3": "c"}[number]


@pytest.fixture
def made(journal: Journal) -> Openings:
    return Openings()


def test_what_is_overdue_is_said_again_over_a_path_without_a_common_line(made: Openings, journal: Journal) -> None:
    stream = made.open(now=0.0)
    made.hedging.look(made.paths.patience)
    assert (made.rides_on(stream), len(made.hedging)) == ("ix/a", 1)
    made.hedging.look(made.paths.patience + 0.001)
    assert (made.rides_on(stream), len(made.hedging)) == ("c", 0)
    made.us.pair.run()
    assert made.us.opened == 1
    assert journal.of("opening-hedged") == [{"stream": stream.id, "path": "ix/a", "to": "c"}]
    made.paths.release("ix/a")
    made.us.pair.run()
    assert made.us.opened == 1


def test_nothing_is_hedged_twice(made: Openings, journal: Journal) -> None:
    made.open()
    for now in range(1, 10):
        made.hedging.look(float(now))
    assert len(journal.of("opening-hedged")) == 1


def test_a_path_that_cannot_carry_it_is_passed_over(made: Openings) -> None:
    made.paths.close("c")
    stream = made.open()
    made.hedging.look(LATE)
    assert made.rides_on(stream) == "ix/b"


def test_without_another_path_to_the_same_exit_it_waits_and_costs_nothing(made: Openings, journal: Journal) -> None:
    made.paths.close("c")
    made.paths.close("ix/b")
    made.open()
    for now in range(1, 20):
        made.hedging.look(float(now))
    assert len(made.hedging) == 1
    assert journal.of("opening-hedged") == []
    made.paths.build("c", "us")
    made.hedging.look(20.0)
    assert len(journal.of("opening-hedged")) == 1


def test_what_is_acknowledged_is_forgotten(made: Openings, journal: Journal) -> None:
    made.paths.release("ix/a")
    stream = made.open()
    made.us.pair.run()
    assert stream.is_acknowledged
    made.hedging.look(0.0)
    assert len(made.hedging) == 0
    made.hedging.look(LATE)
    assert journal.of("opening-hedged") == []


def test_what_needs_no_hedge_is_not_kept_until_the_next_look(made: Openings) -> None:
    made.open().reset(Cause.CLIENT_RESET)
    made.paths.release("ix/a")
    made.open()
    made.us.pair.run()
    made.open()
    assert len(made.hedging) == 1


def test_what_is_over_is_forgotten(made: Openings, journal: Journal) -> None:
    made.open().reset(Cause.CLIENT_RESET)
    made.hedging.look(LATE)
    assert len(made.hedging) == 0
    assert journal.of("opening-hedged") == []


def test_the_oldest_are_hedged_first_and_no_more_than_the_budget_allows(made: Openings, journal: Journal) -> None:
    streams = [made.open(now=float(at) / 100) for at in range(8)]
    made.hedging.look(LATE)
    assert [fields["stream"] for fields in journal.of("opening-hedged")] == [one.id for one in streams[: int(BURST)]]
    assert len(made.hedging) == 8 - int(BURST)
    made.hedging.look(LATE)
    assert len(journal.of("opening-hedged")) == int(BURST)


def test_the_budget_grows_with_openings(made: Openings, journal: Journal) -> None:
    for _ in range(5):
        made.open()
    made.hedging.look(LATE)  # all of it is spent
    kept = made.open(now=LATE)
    for _ in range(round(1 / BUDGET) - 2):
        made.open(now=LATE).reset(Cause.CLIENT_RESET)
    made.hedging.look(2 * LATE)
    assert len(journal.of("opening-hedged")) == 5
    made.open(now=2 * LATE).reset(Cause.CLIENT_RESET)
    made.open(now=2 * LATE).reset(Cause.CLIENT_RESET)  # one more for the rounding of twenty twentieths
    made.hedging.look(2 * LATE)
    assert [fields["stream"] for fields in journal.of("opening-hedged")][5:] == [kept.id]


def test_the_budget_is_bounded(made: Openings, journal: Journal) -> None:
    for _ in range(1000):
        made.open().reset(Cause.CLIENT_RESET)
    for _ in range(10):
        made.open()
    made.hedging.look(LATE)
    assert len(journal.of("opening-hedged")) == BURST


def test_the_patience_is_that_of_the_path_the_stream_rides_on(made: Openings, journal: Journal) -> None:
    """Detached there is none: it is hedged with the next look."""
    made.paths.patience = 60.0
    stream = made.open()
    made.hedging.look(59.0)
    assert journal.of("opening-hedged") == []
    made.paths.close("ix/a")
    assert not stream.legs
    made.hedging.look(59.0)
    assert len(journal.of("opening-hedged")) == 1
    assert made.rides_on(stream) == "c"
