"""The promises of a session under any order of faults: a state machine over a pair and several carriers.

At every step what arrived is a prefix of what was written, an end is believed only when it is true, and the books
balance. At the end one carrier lives, and then everything that was promised has to happen.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relay.model.cause import Cause
from relay.session.initiator import LEAST_EARLY
from relay.session.session import EXPIRY
from relay.session.states import StreamState
from relay.session.stream import Stream
from relay.wire.codes import Feature
from tests.relay.session.flows import Flow, content, content_of, held_by, is_over
from tests.relay.session.pair import EXIT, INGRESS, PLENTY, RecordingSink, SessionPair

OURS, NOTHING = Feature.RESET_IN_ORDER, Feature(0)
MOST_CARRIERS = 4
MOST_STREAMS = 6
LIVING = {
    (False, False, False): StreamState.OPEN,
    (True, False, False): StreamState.FINISHING,
    (True, True, False): StreamState.HALF_CLOSED_LOCAL,
    (False, False, True): StreamState.HALF_CLOSED_REMOTE,
    (True, False, True): StreamState.LAST_ACK,
}
"""The state of a stream that lives, by what its sender and receiver say: finished, all acknowledged, all arrived."""
_SIZES = st.sampled_from([1, 20, 21, 700, 5_000, 16_384, 40_000, 120_000])
_PICK = st.integers(0, 11)
_ENDS = st.sampled_from([INGRESS, EXIT])


class SessionMachine(RuleBasedStateMachine):
    """Rules are what clients, targets, the network and the ingress's choice may do; the invariants are the promises."""

    @initialize(
        carriers=st.integers(0, 2),
        full=st.sampled_from([PLENTY, 300_000, 50_000]),
        ending=st.integers(0, 2),
        announced=st.sampled_from([(OURS, OURS), (NOTHING, OURS), (OURS, NOTHING), (NOTHING, NOTHING)]),
    )
    def begin(self, carriers: int, full: int, ending: int, announced: tuple[Feature, Feature]) -> None:
        self.full, self.ending, self.announced = full, ending, announced
        self.pair = SessionPair(carriers, memory=(full, full), announced=announced)
        self.pair.connects_at_once = False
        self.flows: list[Flow] = []
        self.planned = 0
        """Planned moves so far; of one stream they are at most as many."""

    # ---- what there is to act on

    def alive(self, end: int | None = None) -> list[int]:
        """Carriers that live, as *end* (or both ends) know."""
        ends = (INGRESS, EXIT) if end is None else (end,)
        return [at for at, one in enumerate(self.pair.carriers) if all(one.ends[end] for end in ends)]

    def some(self, pick: int, end: int | None = None) -> list[int]:
        """Up to two of the carriers that live."""
        alive = self.alive(end)
        return list(dict.fromkeys(alive[one % len(alive)] for one in (pick, pick // 3)))[: pick % 3] if alive else []

    def sink(self, flow: Flow, end: int) -> RecordingSink | None:
        return self.pair.sinks[end].get(flow.stream.id)

    def working(self, end: int) -> list[tuple[Flow, RecordingSink]]:
        """Flows whose client or target is still there."""
        pairs = [(flow, self.sink(flow, end)) for flow in self.flows if not flow.was_reset[end]]
        return [(flow, sink) for flow, sink in pairs if sink is not None and sink.cause is None]

    def writing(self, end: int) -> list[tuple[Flow, RecordingSink]]:
        return [
            (flow, sink)
            for flow, sink in self.working(end)
            if not flow.is_finished[end] and (end == INGRESS or sink.stream.is_connected) and not flow.was_forgotten
        ]

    # ---- clients and targets

    @rule(pick=_PICK)
    @precondition(lambda self: len(self.flows) < MOST_STREAMS)
    def open(self, pick: int) -> None:
        self.flows.append(Flow(self.pair.open(*self.some(pick, INGRESS))))

    @rule(pick=_PICK, took=st.floats(0, 1))
    def connect(self, pick: int, took: float) -> None:
        waiting = [sink for _, sink in self.working(EXIT) if not sink.stream.is_connected]
        if waiting:
            waiting[pick % len(waiting)].stream.connected(took, self.pair.now)

    @rule(end=_ENDS, pick=_PICK, size=_SIZES, is_last=st.sampled_from([False, False, True]), is_rude=st.booleans())
    def write(self, end: int, pick: int, size: int, is_last: bool, is_rude: bool) -> None:
        if writing := self.writing(end):
            flow, sink = writing[pick % len(writing)]
            if sink.stream.room or (is_rude and size < 1000):
                sink.stream.write(content(flow.stream.id, end, flow.written[end], size))
                flow.written[end] += size
            if is_last:
                self.finish_one(flow, end, sink)

    @rule(end=_ENDS, pick=_PICK)
    def finish(self, end: int, pick: int) -> None:
        if writing := self.writing(end):
            flow, sink = writing[pick % len(writing)]
            self.finish_one(flow, end, sink)

    def finish_one(self, flow: Flow, end: int, sink: RecordingSink) -> None:
        flow.is_finished[end] = True
        sink.stream.finish()

    @rule(end=_ENDS, pick=_PICK, is_holding=st.booleans())
    def read_slowly(self, end: int, pick: int, is_holding: bool) -> None:
        if working := self.working(end):
            working[pick % len(working)][1].is_holding = is_holding

    @rule(end=_ENDS, pick=_PICK, size=_SIZES)
    def consume(self, end: int, pick: int, size: int) -> None:
        if working := self.working(end):
            working[pick % len(working)][1].consume(size)

    @rule(end=_ENDS, pick=_PICK, is_at_once=st.sampled_from([False, False, True]))
    def reset(self, end: int, pick: int, is_at_once: bool) -> None:
        if working := self.working(end):
            flow, sink = working[pick % len(working)]
            if not is_over(flow, end, sink):
                flow.was_reset[end] = True
                flow.was_cut[end] = not (is_at_once or sink.stream.is_cut) and OURS in self.announced[1 - end]
                give_up = sink.stream.abort if is_at_once else sink.stream.reset
                give_up(Cause.TARGET_RESET if end == EXIT else Cause.CLIENT_RESET)

    @rule(pick=_PICK)
    def withdraw(self, pick: int) -> None:
        if working := self.working(INGRESS):
            working[pick % len(working)][0].stream.withdraw()

    @rule(pick=_PICK)
    def exit_forgets(self, pick: int) -> None:
        working = [(flow, sink) for flow, sink in self.working(EXIT) if sink.stream.id in self.pair.exit.streams]
        if working and pick > 8:
            flow, sink = working[pick % len(working)]
            flow.was_forgotten = True
            self.pair.exit.forget(sink.stream)

    # ---- the network

    @rule(is_bulk=st.booleans())
    @precondition(lambda self: len(self.alive(INGRESS)) + len(self.alive(EXIT)) < 2 * MOST_CARRIERS)
    def new_carrier(self, is_bulk: bool) -> None:
        self.pair.new_carrier(is_bulk=is_bulk)

    @rule(pick=_PICK, towards=_ENDS)
    @precondition(lambda self: self.pair.carriers)
    def pull(self, pick: int, towards: int) -> None:
        self.pair.pull(pick % len(self.pair.carriers), towards)

    @rule(pick=_PICK, towards=_ENDS, most=st.one_of(_SIZES, st.just(PLENTY)))
    @precondition(lambda self: self.pair.carriers)
    def deliver(self, pick: int, towards: int, most: int) -> None:
        number = pick % len(self.pair.carriers)
        if not self.pair.carriers[number].is_held[towards]:
            self.pair.deliver(number, most, towards=towards)

    @rule()
    def deliver_everything(self) -> None:
        self.pair.step()

    @rule(pick=_PICK, towards=st.sampled_from([INGRESS, EXIT, None]), is_released=st.booleans())
    @precondition(lambda self: self.pair.carriers)
    def hold(self, pick: int, towards: int | None, is_released: bool) -> None:
        number = pick % len(self.pair.carriers)
        if is_released:
            self.pair.release(number)
        else:
            self.pair.hold(number, towards)

    @rule(pick=_PICK, end=st.sampled_from([INGRESS, EXIT, None]))
    @precondition(lambda self: self.pair.carriers)
    def kill(self, pick: int, end: int | None) -> None:
        self.pair.kill(pick % len(self.pair.carriers), end)

    @rule(seconds=st.sampled_from([0.001, 0.01, 0.03, 0.3, 5.0]))
    def wait(self, seconds: float) -> None:
        self.pair.advance(seconds)

    @rule(pick=_PICK)
    @precondition(lambda self: self.alive(INGRESS))
    def ping(self, pick: int) -> None:
        alive = self.alive(INGRESS)
        self.pair.ping(alive[pick % len(alive)])

    @rule(pick=_PICK)
    def outlast(self, pick: int) -> None:
        """Nothing lives for a minute, or nothing that one of the ends knows of: it ends honestly, by its own clock."""
        if pick < 11:
            return
        for number in range(len(self.pair.carriers)):
            self.pair.kill(number)
        self.pair.advance(EXPIRY + 0.01)
        self.check_expired(INGRESS)
        self.check_expired(EXIT)
        self.begin(1, self.full, self.ending, self.announced)

    def check_expired(self, end: int) -> None:
        session = self.pair.sessions[end]
        assert (
            session.has_expired(self.pair.now)
            and not session.streams
            and session.memory.used == session.memory.started == 0
        )
        for flow, sink in self.working(end):
            assert sink.cause is not None or is_over(flow, end, sink) or flow.was_forgotten

    # ---- the ingress's choice

    @rule(which=st.integers(0, 63), pick=_PICK, planned=st.booleans())
    def attach(self, which: int, pick: int, planned: bool) -> None:
        streams = [flow.stream for at, flow in enumerate(self.flows) if which >> at & 1]
        self.planned += planned
        self.pair.attach(streams, *self.some(pick, INGRESS), planned=planned)

    @rule(pick=_PICK, planned=st.booleans())
    @precondition(lambda self: self.alive(INGRESS))
    def evacuate(self, pick: int, planned: bool) -> None:
        """All riders of one carrier move to another; a rescue also gives up on what the carrier owes."""
        alive = self.alive(INGRESS)
        old, new = alive[pick % len(alive)], alive[(pick + 1) % len(alive)]
        self.planned += planned
        self.pair.attach(self.pair.ingress.riders(self.pair.end(old)), new, planned=planned)
        if not planned:
            self.pair.ingress.give_up_on(self.pair.end(old), self.pair.now)

    @rule(end=_ENDS, pick=_PICK, size=_SIZES, is_held=st.booleans())
    @precondition(lambda self: len(self.alive(INGRESS)) > 1)
    def leave_bytes_behind(self, end: int, pick: int, size: int, is_held: bool) -> None:
        """A planned move right behind bytes that are still under way, and may stay so for ever."""
        writing = [(flow, sink) for flow, sink in self.writing(end) if flow.stream.legs and sink.stream.room]
        if not writing:
            return
        flow, sink = writing[pick % len(writing)]
        alive = self.alive(INGRESS)
        old = next(at for at in alive if self.pair.end(at) is flow.stream.legs[0].carrier)
        sink.stream.write(content(flow.stream.id, end, flow.written[end], size))
        flow.written[end] += size
        self.pair.pull(old, 1 - end)
        if is_held:
            self.pair.hold(old, 1 - end)
        self.planned += 1
        self.pair.attach([flow.stream], next(at for at in alive[pick % 2 :] + alive if at != old), planned=True)

    @rule(pick=_PICK, other=_PICK)
    @precondition(lambda self: self.flows and self.alive(INGRESS))
    def add_leg(self, pick: int, other: int) -> None:
        stream, alive = self.flows[pick % len(self.flows)].stream, self.alive(INGRESS)
        carrier = self.pair.end(alive[other % len(alive)])
        if stream.id not in carrier.legs:
            stream.add_leg(carrier)

    # ---- promises

    @invariant()
    def what_arrived_is_a_prefix_of_what_was_written(self) -> None:
        for flow in self.flows:
            for end in (INGRESS, EXIT):
                self.check_received(flow, end, self.sink(flow, end))

    def check_received(self, flow: Flow, end: int, sink: RecordingSink | None) -> None:
        if sink is None:
            return
        done, size = flow.checked[end], len(sink.data)
        assert size <= flow.written[1 - end]
        while done < size:
            piece = min(size - done, 65521)
            assert sink.data[done : done + piece] == content(flow.stream.id, 1 - end, done, piece)
            done += piece
        flow.checked[end] = done
        flow.was_withdrawn |= sink.cause is Cause.CONNECT_TIMEOUT
        if sink.cause is Cause.LIMIT:
            flow.was_reset[1 - end] = True
        if sink.cause is not None and flow.was_cut[1 - end] and not self.may_lack_bytes(flow):
            assert size == flow.written[1 - end], "a reset that overtook what was written before it"
            assert sink.fins == flow.is_finished[1 - end], "a reset that overtook the FIN before it"
        if sink.fins:
            assert flow.is_finished[1 - end] and size == flow.written[1 - end], "a clean end of a stream that was cut"

    def may_lack_bytes(self, flow: Flow) -> bool:
        return flow.was_forgotten or flow.was_withdrawn or self.has_cut_short()

    def has_cut_short(self) -> bool:
        return any(session.resets_cut_short for session in self.pair.sessions)

    @invariant()
    def what_was_withdrawn_was_never_connected_and_is_kept(self) -> None:
        for flow in self.flows:
            sink = self.sink(flow, INGRESS)
            if sink is not None and sink.cause is Cause.CONNECT_TIMEOUT:
                exit_ = self.sink(flow, EXIT)
                assert exit_ is None or (not exit_.stream.is_connected and exit_.stream.is_over)
                kept = flow.stream.withdrawn
                assert kept is None or kept == content_of(flow)
                assert kept is not None or flow.written[INGRESS] > LEAST_EARLY

    @invariant()
    def the_books_balance(self) -> None:
        for session in self.pair.sessions:
            kept = sum(held_by(stream) for stream in session.streams.values())
            assert session.memory.used == kept >= 0
            assert session.memory.started == sum(stream.start for stream in session.streams.values())

    @invariant()
    def the_state_agrees_with_what_was_sent_and_has_arrived(self) -> None:
        for session in self.pair.sessions:
            for stream in session.streams.values():
                facts = (stream.sender.is_finished, stream.sender.is_complete, stream.receiver.is_complete)
                if stream.cause is None:
                    assert stream.state is LIVING[facts]
                else:
                    assert stream.state in (
                        StreamState.RESETTING,
                        *[StreamState.RESET_WRITTEN] * (stream.sender.marks > stream.sender.is_finished),
                        *[StreamState.RESET_ARRIVED] * (stream.receiver.reset_at is not None),
                    )
                assert stream.is_cut == (stream.cause is not None)
                assert stream.is_over == (stream.state is StreamState.RESETTING)

    @invariant()
    def nothing_is_held_beyond_what_was_promised(self) -> None:
        for session in self.pair.sessions:
            for stream in session.streams.values():
                receiver = stream.receiver
                assert receiver.received + receiver.early <= receiver.limit

    @invariant()
    def gaps_come_from_planned_moves_and_what_is_repaired_after_them(self) -> None:
        """One each: so an honest sender stays below what is allowed (relay/session/receiver.py)."""
        for session in self.pair.sessions:
            for stream in session.streams.values():
                assert stream.receiver.ranges <= 2 * self.planned

    @invariant()
    def whatever_waits_will_be_asked_for(self) -> None:
        for end in (INGRESS, EXIT):
            session = self.pair.sessions[end]
            for stream in session.streams.values():
                for leg in stream.legs:
                    assert leg.carrier.legs[stream.id] is leg and session.carriers[leg.carrier.number] is leg.carrier
                    has_more = leg.must_ack or leg.must_connect or stream.sender.has_more(leg)
                    has_time = stream.id in session._ack_pending and session.next_deadline() is not None
                    waits = (leg.announce and not has_time) or (has_more and not stream.is_over)
                    assert leg.is_queued == (leg in leg.carrier.ready) and (leg.is_queued or not waits)
            for carrier in self.pair.carriers:
                own = carrier.ends[end]
                assert own is None or carrier.is_ready[end] or not (own.ready or own.control)
                assert own is None or all(session.streams.get(id) is leg.stream for id, leg in own.legs.items())
            awaited, armed = session.next_deadline(), self.pair.armed[end]
            assert awaited is None or (armed is not None and armed <= awaited)

    # ---- and in the end

    def teardown(self) -> None:
        if not hasattr(self, "pair"):
            return
        self.pair.new_carrier()
        self.heal()
        for end in (INGRESS, EXIT):
            for _, sink in self.working(end):
                sink.is_holding = False
                sink.consume()
        self.pair.run()
        self.check_everything_arrived()
        self.finish_everything()
        self.pair.run()
        self.check_everything_arrived()
        for number in self.broken():
            self.pair.kill(number)
        self.rescue_the_detached()
        self.pair.run()
        self.check_everything_ended()

    def broken(self) -> list[int]:
        """Carriers that somebody holds for alive and that are not, or not both ways."""
        carriers = enumerate(self.pair.carriers)
        return [at for at, one in carriers if any(one.ends) and (any(one.is_held) or not one.is_whole)]

    def heal(self) -> None:
        """The last carrier lives. The others die, or recover, or stay black holes that the ingress gives up on.

        In the last case the exit hears nothing of a death that the ingress knows of, and nobody tells the ingress
        of the others: what it knows, and its own giving up, must be enough.
        """
        for number in self.broken() if self.ending == 1 else range(len(self.pair.carriers) - 1):
            if self.ending == 1:
                self.pair.release(number)
            if self.ending == 0 or (self.ending == 1 and not self.pair.carriers[number].is_whole):
                self.pair.kill(number)
        self.pair.run()
        for number in self.broken():
            if self.pair.carriers[number].ends[INGRESS] is not None:
                own = self.pair.end(number)
                stuck = [one for one in self.pair.ingress.riders(own) if self.is_stuck(one)]
                self.pair.attach(stuck, len(self.pair.carriers) - 1)
                self.pair.ingress.give_up_on(own, self.pair.now)
        self.rescue_the_detached()

    def is_stuck(self, stream: Stream) -> bool:
        """Whether no carrier that it rides on works."""
        broken = {self.pair.carriers[at].ends[INGRESS] for at in self.broken()}
        return all(leg.carrier in broken for leg in stream.legs)

    def rescue_the_detached(self) -> None:
        """Streams without a carrier get the last one; and those that the exit forgot are asked for."""
        forgotten = {flow.stream.id for flow in self.flows if flow.was_forgotten}
        detached = [one for one in self.pair.ingress.streams.values() if not one.legs or one.id in forgotten]
        self.pair.attach(detached, len(self.pair.carriers) - 1)

    def untroubled(self) -> list[Flow]:
        return [flow for flow in self.flows if not (any(flow.was_reset) or flow.was_forgotten or flow.was_withdrawn)]

    def check_everything_arrived(self) -> None:
        self.what_arrived_is_a_prefix_of_what_was_written()
        for flow in self.untroubled():
            for end in (INGRESS, EXIT):
                sink = self.sink(flow, end)
                assert sink is not None and sink.cause is None
                assert len(sink.data) == flow.written[1 - end]
                assert sink.fins == flow.is_finished[1 - end]

    def finish_everything(self) -> None:
        for _, sink in self.working(EXIT):
            sink.stream.connected(0.0, self.pair.now)
        for end in (INGRESS, EXIT):
            for flow, sink in self.writing(end):
                self.finish_one(flow, end, sink)

    def check_everything_ended(self) -> None:
        self.pair.assert_forgotten()
        for flow in self.flows:
            for end in (INGRESS, EXIT):
                sink = self.sink(flow, end)
                if sink is None:
                    assert end == EXIT and flow not in self.untroubled()
                elif flow in self.untroubled():
                    assert sink.fins == 1 and sink.cause is None
                elif not flow.was_reset[end] and not (flow.was_forgotten and end == EXIT):
                    assert sink.cause is not None or is_over(flow, end, sink), "left hanging"


TestSession = SessionMachine.TestCase
TestSession.settings = settings(
    max_examples=250, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
