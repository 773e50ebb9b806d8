"""A node as the ingress knows it: its session and the next one, what it told, what it was asked."""

from collections.abc import Iterator

import attrs
import pytest
from trio.testing import MockClock

from ingress.paths.peer import MOST_ASKED, MOST_LEADS, MOST_NEWS, Peer
from relay.callbacks import ignore
from relay.engine import Loop
from relay.model.cause import Cause
from relay.model.families import ALL_FAMILIES, Families
from relay.model.network import Address, Line, Network, Node
from relay.model.vitals import LineReport, Vitals
from relay.session.carrier import CarrierEnd
from relay.session.session import EXPIRY
from relay.session.window import Memory
from relay.wire import bodies
from relay.wire.codes import Purpose
from relay.wire.errors import ProtocolError
from relay.wire.frames import HEADER_SIZE, Kind
from relay.wire.setup import Welcome
from relay.wire.status import Status, status
from tests.relay.session.pair import RecordingSink

HERE = Address("us.test", 48350)
NETWORK = Network(("shanghai",), {"us": Node("us", HERE, (), exit=True)}, {"d": Line("d", "shanghai", "us", HERE)}, 7)
WELCOME = Welcome(NETWORK.digest_for("us"), 7, "0.1.0", False, 2.0**33)


class Unheard:
    """The owner of a carrier that brings nothing."""

    on_pong = on_notice = staticmethod(ignore)


class Known:
    """A peer, and what was told of it."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.told: list[str] = []
        self.peer = Peer("us", loop, Memory(1 << 20), self._on_goaway, self._on_new_session)

    def _on_goaway(self, peer: Peer) -> None:
        assert peer is self.peer
        self.told.append("goaway")

    def _on_new_session(self, peer: Peer) -> None:
        assert peer is self.peer
        self.told.append("new session")

    def carrier(self) -> CarrierEnd:
        """One that is up, and that nobody reads."""
        return self.peer.session.add_carrier("direct", False, ignore, Unheard(), self.loop.now)

    def open(self) -> RecordingSink:
        """Open a stream without a carrier; its sink."""
        sink = RecordingSink()
        sink.stream = self.peer.session.open("a.example", 443, sink, (), self.loop.now)
        return sink

    def resumes(self) -> bool:
        return self.peer.hello(Purpose.THIN, NETWORK, "d").resume


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
async def known(loop: Loop) -> Known:
    return Known(loop)


# ---- its session


async def test_hello_says_what_our_file_says(known: Known) -> None:
    hello = known.peer.hello(Purpose.BULK, NETWORK, "d")
    assert (hello.purpose, hello.token, hello.via) == (Purpose.BULK, known.peer.session.token, "d")
    assert (hello.digest, hello.serial) == (NETWORK.digest_for("us"), 7)


async def test_a_session_is_resumed_once_it_was_welcomed(known: Known) -> None:
    assert not known.resumes()
    known.peer.welcomed(WELCOME)
    assert known.resumes()
    known.peer.renew(Cause.EXIT_LOST)
    assert not known.resumes()


async def test_a_session_that_is_forgotten_twice_is_replaced_once(known: Known) -> None:
    """Two set-ups were under way when the node was restarted, and both are refused."""
    old = known.peer.session
    sinks = [known.open(), known.open()]
    known.peer.forgot(old.token)
    new = known.peer.session
    known.peer.forgot(old.token)
    assert new is not old and known.peer.session is new
    assert new.token != old.token
    assert known.told == ["new session"]
    assert [sink.cause for sink in sinks] == [Cause.EXIT_LOST] * 2


async def test_the_next_session_stands_before_the_streams_of_the_last_one_hear_of_it(known: Known) -> None:
    """Who hears that its stream is lost may open another at once."""
    known.open()
    seen = []
    sink = known.open()
    sink.on_reset = lambda cause: seen.append((cause, list(known.told)))  # type: ignore[method-assign]
    known.peer.renew(Cause.EXIT_LOST)
    assert seen == [(Cause.EXIT_LOST, ["new session"])]


async def test_streams_of_the_new_session_live_on_when_the_old_one_is_named_again(known: Known) -> None:
    old = known.peer.session.token
    known.peer.forgot(old)
    sink = known.open()
    known.peer.forgot(old)
    assert sink.cause is None
    assert len(known.peer.session.streams) == 1


async def test_a_closed_peer_has_no_streams_and_no_clock(known: Known, mock_clock: MockClock) -> None:
    sink = known.open()
    known.peer.close()
    assert sink.cause is Cause.EXIT_LOST
    mock_clock.jump(2 * EXPIRY)
    known.loop._serve()
    assert known.loop.statistics().timers == 0


@pytest.mark.parametrize(
    ("was_welcomed", "has_carrier", "seconds", "expires"),
    [
        (True, False, EXPIRY, True),
        (True, False, EXPIRY - 1, False),
        (True, True, EXPIRY, False),
        (False, False, EXPIRY, False),  # the node never knew it: it is as good as new
    ],
)
async def test_when_it_expires(
    known: Known, mock_clock: MockClock, was_welcomed: bool, has_carrier: bool, seconds: float, expires: bool
) -> None:
    if was_welcomed:
        known.peer.welcomed(WELCOME)
    if has_carrier:
        known.carrier()
    old = known.peer.session
    sink = known.open()
    mock_clock.jump(seconds)
    known.peer.expire(known.loop.now)
    assert (known.peer.session is not old) == expires
    assert sink.cause == (Cause.SESSION_EXPIRED if expires else None)


# ---- what it tells


def body(frame: bytes) -> bytes:
    return frame[HEADER_SIZE:]


async def test_it_drains_until_it_lets_somebody_in_who_asked_later(known: Known, mock_clock: MockClock) -> None:
    mock_clock.jump(10.0)
    known.peer.on_notice(Kind.GOAWAY, b"")
    assert known.peer.is_draining
    assert known.told == ["goaway"]
    known.peer.let_in(known.loop.now - 1.0)  # it was let in before
    assert known.peer.is_draining
    known.peer.let_in(known.loop.now + 1.0)
    assert not known.peer.is_draining
    known.peer.let_in(known.loop.now + 2.0)
    assert not known.peer.is_draining


async def test_c3_goaway_said_again_says_nothing_new(known: Known) -> None:
    for _ in range(1000):
        known.peer.on_notice(Kind.GOAWAY, b"")
    assert known.told == ["goaway"]
    known.peer.let_in(known.loop.now + 1.0)
    known.peer.on_notice(Kind.GOAWAY, b"")
    assert known.told == ["goaway", "goaway"]


async def test_c3_a_node_may_not_tell_of_itself_without_end(known: Known, mock_clock: MockClock) -> None:
    news = body(status(Status(bytes(8), 6)))
    for _ in range(MOST_NEWS):
        known.peer.on_notice(Kind.STATUS, news)
    with pytest.raises(ProtocolError, match="STATUS"):
        known.peer.on_notice(Kind.STATUS, news)
    mock_clock.jump(60.0)
    for _ in range(600):
        mock_clock.jump(10.0)
        known.peer.on_notice(Kind.STATUS, news)


async def test_what_it_told_of_its_lines_outlives_a_welcome(known: Known) -> None:
    report = LineReport("pacific", 0.05)
    known.peer.welcomed(WELCOME)
    assert known.peer.told == Status(WELCOME.digest, 7, (), families=ALL_FAMILIES)
    known.peer.on_notice(Kind.STATUS, body(status(Status(bytes(8), 6, (report,)))))
    assert known.peer.told == Status(bytes(8), 6, (report,))
    known.peer.welcomed(WELCOME)
    assert known.peer.told == Status(WELCOME.digest, 7, (report,), families=ALL_FAMILIES)


async def test_f2_its_families_are_those_that_it_told_last(known: Known) -> None:
    assert known.peer.families is ALL_FAMILIES
    known.peer.welcomed(attrs.evolve(WELCOME, families=Families.IPV4))
    assert known.peer.families is Families.IPV4
    known.peer.on_notice(Kind.STATUS, body(status(Status(bytes(8), 6, families=Families.IPV6))))
    assert known.peer.families is Families.IPV6
    known.peer.on_notice(Kind.STATUS, body(status(Status(bytes(8), 6))))
    assert known.peer.families is ALL_FAMILIES


async def test_a_status_that_is_none_is_its_mistake(known: Known) -> None:
    with pytest.raises(ProtocolError):
        known.peer.on_notice(Kind.STATUS, b"{")
    assert known.peer.told is None


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (None, None),
        (Status(NETWORK.digest_for("us"), 3), None),
        (Status(bytes(8), 6), "us has an older paths.toml (serial 6, here 7): update us"),
        (Status(bytes(8), 8), "us has a newer paths.toml (serial 8, here 7): update shanghai"),
        (
            Status(bytes(8), 7),
            "us has another paths.toml with the same serial (7): bring it the right one and raise `serial`",
        ),
    ],
)
async def test_how_its_file_differs(known: Known, told: Status | None, why: str | None) -> None:
    known.peer.told = told
    assert known.peer.stale(NETWORK, "shanghai") == why


# ---- what it is asked


def ask(known: Known, carrier: CarrierEnd, answers: list[tuple[float, int]]) -> bytes:
    """Ask for a time; the frame that leaves."""
    known.peer.ask_time(
        carrier, lambda number: bodies.time_target(number, "a.example", 443), lambda *answer: answers.append(answer)
    )
    return carrier.data_to_send(known.loop.now)


async def test_an_answer_is_told_once_and_to_who_asked(known: Known) -> None:
    carrier, first, second = known.carrier(), [], []  # type: ignore[var-annotated]
    numbers = [bodies.parse_time(body(ask(known, carrier, answers)))[0] for answers in (first, second)]
    for number in (numbers[1], numbers[1], numbers[1] + 1):
        known.peer.on_notice(Kind.TIMED, body(bodies.timed(number, 0.25, 0)))
    assert (first, second) == ([], [(0.25, 0)])
    known.peer.on_notice(Kind.TIMED, body(bodies.timed(numbers[0], 0.0, int(Cause.REFUSED))))
    assert first == [(0.0, Cause.REFUSED)]


async def test_questions_that_are_never_answered_are_bounded(known: Known) -> None:
    carrier, first, last = known.carrier(), [], []  # type: ignore[var-annotated]
    oldest = bodies.parse_time(body(ask(known, carrier, first)))[0]
    for _ in range(MOST_ASKED - 1):
        ask(known, carrier, [])
    newest = bodies.parse_time(body(ask(known, carrier, last)))[0]
    for number in (oldest, newest):
        known.peer.on_notice(Kind.TIMED, body(bodies.timed(number, 0.1, 0)))
    assert (len(first), len(last)) == (0, 1)
    assert len(known.peer._questions) == MOST_ASKED - 1


async def test_questions_die_with_their_session(known: Known) -> None:
    answers: list[tuple[float, int]] = []
    number = bodies.parse_time(body(ask(known, known.carrier(), answers)))[0]
    known.peer.renew(Cause.EXIT_LOST)
    known.peer.on_notice(Kind.TIMED, body(bodies.timed(number, 0.1, 0)))
    assert answers == []


async def test_it_shows_its_session(known: Known) -> None:
    assert f"{known.peer!r}".startswith("<Peer us, <Initiator ")


async def test_its_clock_is_known_by_what_came_the_quickest_way(known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1000.0)
    peer = known.peer
    assert peer.clock_offset(0.1) is None

    def say(time: float | None) -> float | None:
        told = status(Status(bytes(8), vitals=Vitals(up=1.0, time=time)))
        peer.on_notice(Kind.STATUS, told[HEADER_SIZE:])
        return peer.clock_offset(0.1)

    assert say(None) is None
    assert say(1002.0) == pytest.approx(2.05) and peer.clock_offset(None) is None
    assert say(1001.2) == pytest.approx(2.05)  # it waited on its way
    assert [say(990.0) for _ in range(MOST_LEADS)][-1] == pytest.approx(-9.95)  # it was set
