"""One stream of a client: what its holder is told, whatever the exit says and whenever the client leaves."""

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.choice.demand import Demand
from ingress.client.client_stream import EXIT_CAUSES, MOST_TRIES, ClientStream
from relay.model.cause import Cause
from tests.ingress.client.client_bed import ONE_PATH, TWO_EXITS, ClientBed, ClientBeds, open_beds
from tests.ingress.client.counterparts import Holder
from tests.relay.session.pair import SessionPair


def unheld(tries: int = 1) -> ClientStream:
    """One that is only asked what it may."""
    made = ClientStream(None, None, Demand("a.example", 443), 0.0)  # type: ignore[arg-type]
    made.tries = tries
    return made


@pytest.mark.parametrize("cause", list(Cause))
def test_another_exit_may_take_it_only_while_nothing_has_travelled(cause: Cause) -> None:
    pair = SessionPair()
    pair.connects_at_once = False
    stream = pair.open(0)
    pair.run()
    assert unheld().may_reopen(stream, cause) is (cause in EXIT_CAUSES)
    assert not unheld(MOST_TRIES).may_reopen(stream, cause)
    other = pair.open(0)
    pair.run()
    pair.at_exit(other).connected(0.02, pair.now)
    pair.run()
    assert not unheld().may_reopen(other, cause)
    stream.write(b"x")
    assert unheld().may_reopen(stream, cause) is (cause in EXIT_CAUSES)  # written, and not travelled
    pair.run()
    assert not unheld().may_reopen(stream, cause)


def test_a_stream_found_full_is_told_about_when_it_is_not() -> None:
    """It may have become full since it was last written to, by what other streams hold."""
    pair = SessionPair(memory=(160 * 1024, 1 << 30))
    other, stream = pair.open(0), pair.open(0)
    opening = unheld()
    opening.stream = stream
    stream.write(b"x" * 20_000)
    assert not opening.must_wait()
    other.write(b"x" * 100_000)
    fullness = [opening.must_wait()]
    assert pair.sinks[0][stream.id].rooms == 0
    pair.run()
    assert [*fullness, opening.must_wait()] == [True, False]
    assert pair.sinks[0][stream.id].rooms == 1


async def test_what_the_client_says_before_there_is_a_stream_goes_nowhere(make_bed: ClientBeds) -> None:
    """No door does so: none has been told that the stream is open."""
    bed = await make_bed(is_up=False)
    stream = bed.open(Holder())
    assert not stream.must_wait()
    stream.write(b"nobody listens")
    stream.finish()
    stream.consume_all()
    stream.note_end(Cause.CLIENT_RESET)
    bed.rank(*ONE_PATH)
    await bed.passes(0.25)
    bed.exit().connects()
    await bed.settle()
    assert (bed.exit().heard, bed.exit().sink.fins) == (b"", 0)
    assert bed.journal.of("stream-ended") == []


async def test_bytes_count_as_consumed_once_they_have_left(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(), Holder()
    stream = bed.open(holder)
    await bed.settle()
    bed.exit().connects()
    bed.exit().sends(b"first")
    await bed.settle()
    assert stream.stream is not None
    assert (bytes(holder.data), stream.stream.receiver.consumed) == (b"first", 5)
    holder.has_unsent = True
    bed.exit().sends(b" second")
    await bed.settle()
    assert (bytes(holder.data), stream.stream.receiver.consumed) == (b"first second", 5)
    holder.has_unsent = False
    stream.consume_all()
    assert stream.stream.receiver.consumed == 12


async def test_what_comes_after_the_client_let_go_is_dropped_and_the_stream_ends_with_the_target(
    make_bed: ClientBeds,
) -> None:
    bed, holder = await make_bed(), Holder()
    stream = bed.open(holder)
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    stream.write(b"x" * 100)
    stream.let_go()
    holder.has_unsent = True
    bed.exit().sends(b"late")
    bed.exit().finishes()
    await bed.settle()
    assert (holder.told, bytes(holder.data)) == (["opened"], b"")
    assert bed.exit().sink.fins == 1
    await bed.passes(0.25)
    await bed.passes(0.25)
    assert bed.journal.of("stream-ended") == []
    bed.assert_empty()


@pytest.mark.parametrize("ending", ["connects", "refuses"])
async def test_who_has_let_go_hears_neither_yes_nor_no(make_bed: ClientBeds, ending: str) -> None:
    bed, holder = await make_bed(), Holder()
    bed.open(holder).let_go()
    await bed.settle()
    if ending == "connects":
        bed.exit().connects()
    else:
        bed.exit().refuses(Cause.REFUSED)
    await bed.settle()
    assert holder.told == []


async def test_who_leaves_while_it_waits_is_not_told_that_it_waited_in_vain(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(is_up=False), Holder()
    stream = bed.open(holder)
    stream.let_go()
    stream.refuse(Cause.NO_PATH)
    stream.answer()
    stream.tell_answered()
    assert holder.told == []


async def test_room_is_told_to_who_holds_it_and_to_nobody_else(make_bed: ClientBeds) -> None:
    bed, held, left = await make_bed(), Holder(), Holder()
    streams = [bed.open(held), bed.open(left)]
    await bed.settle()
    for stream in streams:
        stream.write(bytes(300_000))
        assert stream.must_wait()
    streams[1].let_go()
    await bed.settle()
    await bed.passes(0.25)
    assert held.told == ["room"]
    assert left.told == []


async def test_a_reset_is_told_to_the_exit_and_noted_once(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(), Holder()
    stream = bed.open(holder)
    await bed.settle()
    stream.reset()
    stream.reset()
    await bed.settle()
    assert bed.exit().sink.cause is Cause.CLIENT_RESET
    assert [fields["why"] for fields in bed.journal.of("stream-ended")] == ["client-reset"]


# ---- whatever comes, in any order

EXIT_SAYS = ("connects", "sends", "finishes")
CLIENT_DOES = ("write", "finish", "reset", "let_go", "stall", "drain")
WEATHER = ("up", "down", "round", "exit dies")
EVENTS = st.sampled_from(
    (*EXIT_SAYS, *CLIENT_DOES, *WEATHER, Cause.REFUSED, Cause.LIMIT, Cause.DRAINING, Cause.TARGET_RESET)
)


class Script:
    """One stream, to which things happen as far as they can."""

    def __init__(self, bed: ClientBed) -> None:
        self.bed, self.holder = bed, Holder()
        self.stream = bed.open(self.holder)
        self.has_finished = False

    async def happens(self, event: str | Cause) -> None:
        if isinstance(event, Cause):
            for exit_ in self._asked():
                exit_.refuses(event)
        elif event in EXIT_SAYS:
            for exit_ in self._asked():
                self._says(exit_, event)
        elif event in CLIENT_DOES:
            if self.stream.is_current:
                self._does(event)
        else:
            await self._weather(event)

    def _asked(self):
        return [exit_ for exit_ in self.bed.paths.exits.values() if exit_.opened and not exit_.stream.is_over]

    def _says(self, exit_, word: str) -> None:
        """An exit says nothing of the target before it has connected, and nothing behind a FIN."""
        if word == "connects":
            exit_.connects()
        elif exit_.stream.is_connected and exit_.stream.state.name in ("OPEN", "HALF_CLOSED_REMOTE"):
            exit_.finishes() if word == "finishes" else exit_.sends(b"x" * 1000)

    def _does(self, word: str) -> None:
        if word in ("stall", "drain"):
            self.holder.has_unsent = word == "stall"
        elif word in ("reset", "let_go"):
            self.stream.let_go()
            if word == "reset":
                self.stream.reset()
        elif self.stream.is_answered and not self.has_finished:
            self.has_finished = word == "finish"
            self.stream.finish() if self.has_finished else self.stream.write(b"y" * 1000)

    async def _weather(self, word: str) -> None:
        if word == "up":
            self.bed.rank(*TWO_EXITS)
        elif word == "down":
            self.bed.rank()
        elif word == "exit dies":
            self.bed.exit("us").dies()
        else:
            await self.bed.passes(1.0)

    def assert_told_well(self) -> None:
        """At most one yes and one end; an end without a yes is a refusal, and nothing follows it."""
        told = [word for word in self.holder.told if word not in ("room", "fin")]
        words = [word for word in told if isinstance(word, str)]
        early = self.stream.is_answered
        allowed = ([], ["opened"], ["refused"], ["opened", "reset"], *([["reset"]] if early else []))
        assert words in allowed, self.holder.told
        assert self.holder.told.count("fin") <= 1
        if "reset" in words or "refused" in words:
            assert isinstance(self.holder.told[-1], Cause)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(EVENTS, st.booleans()), min_size=5, max_size=20), st.sampled_from(["true", "auto"]))
def test_nothing_raises_and_the_client_is_told_at_most_once(events: list, answer: str) -> None:
    """What an event leads to arrives at once, or only behind the next."""

    async def play() -> None:
        bed = await beds(*TWO_EXITS, answer=answer)
        script = Script(bed)
        for event, arrives in events:
            await script.happens(event)
            if arrives:
                await bed.settle()
            script.assert_told_well()
        script.stream.let_go()
        script.stream.reset()
        for _ in range(3):
            await bed.passes(1.0)
        script.assert_told_well()
        bed.assert_empty()

    with open_beds() as beds:
        trio.run(play, clock=beds)
