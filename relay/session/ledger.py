"""What a stream owes and is owed: what has arrived and what the peer may write, as it was told; what the memory counts.

A promise is kept: below `receiver.limit` the peer may write, and what it may write counts in the memory from the moment
it was promised, not from the one it arrives. The stream says when something was written or consumed; the session says
when acknowledgements leave. docs/memory.md has the arithmetic.
"""

from collections.abc import Iterable
from typing import Protocol

from relay.session.receiver import Receiver
from relay.session.riding import Riding
from relay.session.sender import Sender
from relay.session.sink import Sink
from relay.session.window import BACKLOG, FLOOR, FRESH, Memory, Window
from relay.wire import bodies

ALONG = 3
"""An acknowledgement that is said anyway also says what was consumed, if that is an eighth of the window: the sender
would run dry if it heard of halves only."""


class LedgerSession(Protocol):
    """The session, as far as promises and acknowledgements go."""

    now: float
    """The time last told, in seconds."""
    srtt: float
    """Round trip to the peer in seconds, a guess at first, never 0."""

    @property
    def memory(self) -> Memory:
        """What all streams of the process share."""

    def ack_later(self, stream: "Ledger") -> None:
        """Have `stream.ack_now` called within a quarter round trip, unless `take_ack` comes before."""

    def take_ack(self, stream: "Ledger") -> bool:
        """Whether an acknowledgement of *stream* waits. It does so no longer: the caller says it."""

    def has_ack_waiting(self, stream: "Ledger") -> bool:
        """Whether an acknowledgement of *stream* waits for the clock."""

    def look_later(self, stream: "Ledger") -> None:
        """Have `stream.look_again` called in a moment."""


class Ledger(Riding):
    """The accounts of one stream; `Stream` is built on it."""

    __slots__ = ("ack_told", "limit_told", "over", "receiver", "session", "sink", "start", "window")

    def __init__(self, session: LedgerSession, number: int, sink: Sink, start: int, allowed: int) -> None:
        """As `Stream`."""
        super().__init__(number, Sender(number, allowed))
        self.session = session
        self.sink = sink
        self.receiver = Receiver(start)
        self.window = FRESH if start == FRESH.size else Window(start)
        self.start = start
        """What the memory counts for it as long as it lives; 0 once that was given back."""
        self.over = 0
        """Bytes beyond `start` that the peer may have us keep: counted in the memory as used."""
        self.ack_told = 0
        """What the peer was told to have arrived, the FIN counted."""
        self.limit_told = start
        """Below which offset the peer was told that it may write."""
        session.memory.started += start

    @property
    def room(self) -> int:
        """How many bytes the writer may add now; what it writes beyond is kept all the same.

        To be asked right after `write`: only then is `sink.on_room` sure to follow a 0. At any other time, `must_wait`.
        """
        sender, memory = self.sender, self.session.memory
        room = sender.limit - sender.end
        if memory.used > memory.short_at:
            kept = sender.kept
            room = min(room, max(memory.share(kept), FLOOR) - kept)
        return room if room > 0 else 0

    def judge_window(self) -> bool:
        """Half a window was consumed. Returns whether it was what held the peer back; then it may have grown."""
        session = self.session
        if self.window is FRESH:
            self.window = Window(FRESH.size)
        base = self.legs[0].carrier.base_rtt if self.legs else 0.0
        return self.window.consume(self.receiver.consumed, session.now, session.srtt, base or session.srtt)

    def promise(self, part: int) -> bool:
        """Let the peer write further, if that is worth saying: by 1 / 2***part* of the window at least. What waits in
        the kernel, because nobody reads it, was consumed in vain: the window stands that far back.

        Returns:
            Whether `receiver.limit` was raised.
        """
        receiver, memory = self.receiver, self.session.memory
        size = memory.window(self.window.size, self.start, self.over)
        more, least = receiver.consumed + size - receiver.limit, size >> part
        if more < least:
            return False
        backlog = self.sink.backlog() - BACKLOG
        if backlog > 0:
            more -= backlog
            if more < least:
                self.session.look_later(self)
                return False
        receiver.limit += more
        self.count()
        return True

    def look_again(self) -> None:
        """The kernel may have sent what stood in the way of a further promise."""
        if self.start and self.promise(1):
            self.ack_now()

    def count(self) -> None:
        """Have the memory know what the peer may have us keep now."""
        receiver = self.receiver
        over = max(receiver.limit - receiver.consumed - self.start, 0) + receiver.held - receiver.early
        self.session.memory.used += over - self.over
        self.over = over

    def ack_now(self) -> None:
        """Tell the peer what has arrived and how far it may write, at the next pull."""
        for leg in self.legs:
            if not leg.must_ack:
                leg.must_ack = True
                if not leg.is_queued:
                    leg.carrier.enqueue(leg)

    def may_ack_along(self) -> bool:
        """Whether an acknowledgement waits that may go with bytes that are sent now: a record less is a wake-up less at
        each hop. Of two legs either may die, so there both say it, by the clock."""
        return len(self.legs) == 1 and self.session.take_ack(self)

    def ack(self) -> bytes:
        """An ACK of all there is to acknowledge; the caller sends it."""
        receiver = self.receiver
        size = self.window.size
        if self.start and receiver.consumed + size - receiver.limit >= size >> ALONG:
            self.promise(ALONG)
        self.ack_told, self.limit_told = told, limit = receiver.acknowledged, receiver.limit
        return bodies.ack(self.id, told, limit)

    def drop_bytes(self) -> None:
        """Let go of all bytes, in both directions, and give their memory back: nothing of them will be asked for again.
        Harmless when repeated."""
        self.session.memory.used -= self.sender.clear()
        self.drop_received()

    def drop_received(self) -> None:
        """Let go of what has come, and take nothing more."""
        self.receiver.clear()
        self.give_back()

    def give_back(self) -> None:
        """Have the memory know that nothing will come any more, and that nothing is kept of what came."""
        memory = self.session.memory
        memory.used -= self.over
        memory.started -= self.start
        self.over = self.start = 0


def holds_all(memory: Memory, streams: Iterable[Ledger]) -> bool:
    """Whether *streams* hold all of *memory*, and not only have promised it away: then whoever cannot be given less
    than INITIAL_WINDOW is refused. To be asked only of such: it looks at every stream once all is promised."""
    return memory.is_full and sum(one.sender.kept + one.receiver.kept for one in streams) >= memory.limit
