"""A leg: one stream on one carrier. Holds what that carrier has had of the stream, and what it has still to be told.

A stream with one leg is the rule; one with two is redundant, and everything goes out on both. A leg never changes its
carrier: a move makes new legs (`Stream.ride`), and the marks below begin anew, because what was said on a carrier that
was left may not have arrived.

Legs are where streams and carriers meet, so they lie below both: a carrier finds its streams through them and calls no
more than `LegStream` has; a stream finds its carriers, whose class is the parameter here.
"""

from typing import Generic, Protocol, TypeVar

from relay.session.sender import NO_REPAIRS, Cursor, Parts

C = TypeVar("C")
"""What a leg is a leg on: `CarrierEnd`, which is defined with the help of legs."""


class LegStream(Protocol[C]):
    """The stream, as its legs and the carriers below them see it."""

    @property
    def id(self) -> int:
        """Its number in the session."""

    def emit(self, leg: "Leg[C]", parts: Parts, most: int) -> int:
        """Append to *parts* what there is to say on *leg* now, about *most* bytes of payload, and count it as sent;
        `leg.has_more` says whether that was not all of the payload.

        Returns:
            The bytes appended; 0 is no mistake (what the turn was asked for was settled meanwhile).
        """


class Leg(Cursor, Generic[C]):
    """What one carrier has had of one stream, as a `Cursor` of its sender. Made by `Riding.board`; gone when the stream
    leaves or the carrier dies.

    The marks say what is put on the carrier at its next turn; whoever sets one wakes the stream.
    """

    __slots__ = ("announce", "carrier", "has_more", "is_queued", "must_ack", "must_connect", "stream")

    def __init__(self, stream: LegStream[C], carrier: C, position: int) -> None:
        """*position* is the first offset that this carrier is to be given."""
        self.position = self.since = position
        self.repairs = NO_REPAIRS
        self.stream = stream
        self.carrier = carrier
        self.announce = True
        """OPEN, ATTACH or ATTACHED has still to be said on this carrier, before anything else of the stream."""
        self.must_ack = False
        """An ACK is due here, without waiting for payload to go with."""
        self.must_connect = False
        """CONNECTED is due here; set at exits only."""
        self.has_more = False
        """Its last turn was too short for all the payload that may be sent now; set by `emit`."""
        self.is_queued = False
        """It waits for a turn in the carrier's `ready`. The carrier's own mark: nobody else sets it."""
