"""The states of a stream at one end, and what leads from one to another: two tables, and nothing else decides.

**StreamState** says how far the stream's end has come. Names in brackets are those of TCP (RFC 9293 section 3.3.2).
Either direction may end first:

                      OPEN [ESTABLISHED]
             FINISH  |                  |  FIN_ARRIVED
                     v                  v
    FINISHING [FIN-WAIT-1]          HALF_CLOSED_REMOTE [CLOSE-WAIT]
        |            |                  |
        | FIN_ACKED  | FIN_ARRIVED      | FINISH
        v            v                  v
    HALF_CLOSED_     LAST_ACK [CLOSING, LAST-ACK]
    LOCAL                    |
    [FIN-WAIT-2]             | FIN_ACKED
        | FIN_ARRIVED        v
        +----------------> CLOSED

TCP's CLOSING and LAST-ACK are one state here: they differ only in who waits in TIME-WAIT, and there is none. Its task
(somebody must say the last ACK again, should it be lost) is done without the stream: the ingress has last words, and
what the exit said last is made up for by GONE, its answer about streams that it does not know.

From every state of the diagram but CLOSED, four ways lead out of it. Two give up what goes one way and keep the other,
until all that was written before the reset has arrived:

    CUT         to RESET_WRITTEN   this end gives up, behind what it wrote: that still goes, and RESET behind it like a
                                   FIN, until the peer has acknowledged it
    CUT_HEARD   to RESET_ARRIVED   the peer has, and what it wrote before is still on its way, or has not left us

and two end it at once, from these two states as well:

    GIVE_UP     to RESETTING       this end gives up, and keeps the stream until the peer says that it knows (the exit)
    FORGET      to RESET           this end no longer knows the stream: it gave up and left last words (the ingress),
                                   the peer gave up, a reset has had its turn, or the session is over

FORGET leads from RESETTING to RESET as well. CLOSED and RESET are the ends: a stream that is complete is forgotten too,
but that is no event, it stays CLOSED.

**Reach** says how far its opening has come. It is a table of its own because it runs beside the other: a client may
write everything and finish before the exit has even heard of the stream. Everything may arrive twice, so that an event
of the opening changes nothing once it is known.

What is no state: that bytes were put on a carrier (`Stream.has_sent`), which carriers it rides on (`legs`, none while
it is detached), what an earlier carrier still delivers (`drains`, `owed`), why it was reset (`cause`). None of them
decides what may happen next to the stream itself.

A pair that is not in the first table is a mistake of ours, a StateError (`Stream.advance`). What a peer does wrong
never gets here: an acknowledgement of a FIN that was not sent, a second FIN elsewhere, bytes behind it fail by their
offsets before (a ProtocolError of the sender or receiver), and frames about streams that are over are ignored.
"""

import enum


class StateError(RuntimeError):
    """An event that cannot happen in the state that a stream is in: a mistake in this program."""


class StreamState(enum.IntEnum):
    """How far a stream's end has come, at this end. From RESET_ARRIVED on its near side is cut off, from CLOSED on it
    is over: see `Stream.is_cut` and `Stream.is_over`."""

    OPEN = 0
    """Both directions may have bytes."""
    FINISHING = 1
    """We have finished; the peer does not have all of it yet, or has not said so."""
    HALF_CLOSED_LOCAL = 2
    """The peer has all of ours, the FIN included; its own bytes still come."""
    HALF_CLOSED_REMOTE = 3
    """All of the peer's bytes and its FIN have arrived; ours still go."""
    LAST_ACK = 4
    """Both have finished, and all of the peer's has arrived; it has not acknowledged all of ours."""
    RESET_ARRIVED = 5
    """Given up by the peer, behind what it wrote. Nothing is sent any more; its bytes are still taken and delivered."""
    RESET_WRITTEN = 6
    """Given up at this end, behind what was written. Nothing is taken any more; that and the RESET still go."""
    CLOSED = 7
    """Both directions are complete. Nothing is missing at either end."""
    RESETTING = 8
    """Given up at this end, at once. Only RESET is said of it, on every leg, until the peer's RESET comes."""
    RESET = 9
    """Over before both directions were complete, and known here no longer."""


class Reach(enum.IntEnum):
    """How far a stream's opening has come, as this end knows."""

    OPENING = 0
    """The exit is not known to know the stream: the ingress says OPEN wherever it rides, and nothing less."""
    ATTACHED = 1
    """The exit knows it, and dials. At an exit the first state there is."""
    CONNECTED = 2
    """The exit has reached the target."""


class StreamEvent(enum.IntEnum):
    """What may happen to a stream."""

    ATTACHED = 0
    """ATTACHED has come."""
    CONNECTED = 1
    """CONNECTED has come; or at the exit, the target is connected."""
    FINISH = 2
    """Our writer has ended: there is a FIN to send."""
    FIN_ACKED = 3
    """The peer has acknowledged our FIN, and with it all bytes before it."""
    FIN_ARRIVED = 4
    """The peer's FIN is here, and all bytes before it. Our reader has been told."""
    CUT = 5
    """This end gives the stream up, behind what it wrote."""
    CUT_HEARD = 6
    """The peer's RESET is here, and says what was written before it."""
    GIVE_UP = 7
    """This end gives the stream up at once, and must be heard."""
    FORGET = 8
    """This end lets go of the stream before it is complete: it takes nothing and says nothing more."""


_ENDS_AT_ONCE = {StreamEvent.GIVE_UP: StreamState.RESETTING, StreamEvent.FORGET: StreamState.RESET}
_ENDS = {
    StreamEvent.CUT: StreamState.RESET_WRITTEN,
    StreamEvent.CUT_HEARD: StreamState.RESET_ARRIVED,
    **_ENDS_AT_ONCE,
}
"""The ways out of the diagram."""

TRANSITIONS: dict[StreamState, dict[StreamEvent, StreamState]] = {
    StreamState.OPEN: {
        StreamEvent.FINISH: StreamState.FINISHING,
        StreamEvent.FIN_ARRIVED: StreamState.HALF_CLOSED_REMOTE,
        **_ENDS,
    },
    StreamState.FINISHING: {
        StreamEvent.FIN_ACKED: StreamState.HALF_CLOSED_LOCAL,
        StreamEvent.FIN_ARRIVED: StreamState.LAST_ACK,
        **_ENDS,
    },
    StreamState.HALF_CLOSED_LOCAL: {
        StreamEvent.FIN_ARRIVED: StreamState.CLOSED,
        **_ENDS,
    },
    StreamState.HALF_CLOSED_REMOTE: {
        StreamEvent.FINISH: StreamState.LAST_ACK,
        **_ENDS,
    },
    StreamState.LAST_ACK: {
        StreamEvent.FIN_ACKED: StreamState.CLOSED,
        **_ENDS,
    },
    StreamState.RESET_ARRIVED: _ENDS_AT_ONCE,
    StreamState.RESET_WRITTEN: _ENDS_AT_ONCE,
    StreamState.CLOSED: {},
    StreamState.RESETTING: {StreamEvent.FORGET: StreamState.RESET},
    StreamState.RESET: {},
}

REACHES: dict[Reach, dict[StreamEvent, Reach]] = {
    Reach.OPENING: {StreamEvent.ATTACHED: Reach.ATTACHED, StreamEvent.CONNECTED: Reach.CONNECTED},
    Reach.ATTACHED: {StreamEvent.ATTACHED: Reach.ATTACHED, StreamEvent.CONNECTED: Reach.CONNECTED},
    Reach.CONNECTED: {StreamEvent.ATTACHED: Reach.CONNECTED, StreamEvent.CONNECTED: Reach.CONNECTED},
}

MAY_FINISH = frozenset(state for state, row in TRANSITIONS.items() if StreamEvent.FINISH in row)
"""Our writer has not ended: `Stream.finish` still means something."""
HALF_CLOSED = frozenset({StreamState.FINISHING, StreamState.HALF_CLOSED_LOCAL, StreamState.HALF_CLOSED_REMOTE})
"""One side has finished and the other has not: such a stream may be silent for ever, and somebody has to watch it."""
