"""Where a stream rides: its legs, one for each carrier, and what earlier carriers still deliver.

Knows offsets of what is sent, and no bytes. The ingress alone decides where a stream rides; both ends then move in the
same way, each for the direction in which it sends:

- A **rescue** trusts nobody. Every new leg begins at `sender.acked`, the first offset that the peer is not known to
  have. What the old carriers still bring arrives twice, which harms nobody.
- A **planned move**, from one carrier to one, trusts the old carrier, which works. The new leg begins where the old one
  stopped, and what is in flight is noted as a drain: if the old carrier dies before it has delivered, the range is
  repaired over the legs that there are then. So a move costs no byte twice and no round trip.

What must stay true: every offset in [sender.acked, sender.total) that was sent at all is in flight on a leg, or among
some leg's repairs, or in a drain; or the stream has no legs, and the next ride begins at `acked`.
"""

from relay.session.carrier import CarrierEnd
from relay.session.leg import Leg
from relay.session.sender import Parts, Sender

MOST_DRAINS = 64
"""Earlier carriers, or parts of what one had, that are waited for at once; the next move sends again what is not
acknowledged. An ingress moves a stream four times a second at most."""

CarrierLeg = Leg[CarrierEnd]
Drain = tuple[CarrierEnd, int, int]
"""A range that a carrier, which the stream has left by plan, still delivers: carrier, first offset, one behind."""


class Riding:
    """The legs of one stream; `Stream` is built on it, and is what its legs see."""

    __slots__ = ("drains", "id", "is_cut", "is_over", "legs", "sender")

    def __init__(self, number: int, sender: Sender) -> None:
        self.id = number
        """Names it in its session, at both ends."""
        self.sender = sender
        self.is_over = False
        """It has ended at this end, whichever way, and has nothing more to send. This is `state` from CLOSED on
        (states.py), kept beside it because it is asked for every frame."""
        self.is_cut = False
        """It is over, or one end has given it up behind what it wrote: its socket has nothing more to say. It is
        `state` from RESET_ARRIVED on, kept for the same reason."""
        self.legs: list[CarrierLeg] = []
        """Where it rides: none while it is detached, one as a rule, two if it is redundant."""
        self.drains: list[Drain] = []
        """What earlier carriers still deliver after planned moves."""

    def emit(self, leg: CarrierLeg, parts: Parts, most: int) -> int:
        """As `LegStream.emit`."""
        raise NotImplementedError

    def wake(self) -> None:
        """Ask every carrier that the stream rides on to pull, if it was not asked already."""
        for leg in self.legs:
            if not leg.is_queued:
                leg.carrier.enqueue(leg)

    def ride(self, carriers: tuple[CarrierEnd, ...], *, planned: bool) -> None:
        """Go on over *carriers* and no others; each is told before anything else (`announcement`).

        A planned move is one from one carrier to one: it sends on from the next offset and leaves what is in flight
        to the old carrier. Any other sends again from the first offset that the peer is not known to have.
        """
        old = self.legs[0] if planned and len(self.drains) < MOST_DRAINS else None
        self._leave_legs()
        if old is not None:
            self._change_over(old, carriers[0])
        else:
            self.drains.clear()
            for carrier in carriers:
                self.board(carrier, self.sender.acked)
        self.wake()

    def _change_over(self, old: CarrierLeg, carrier: CarrierEnd) -> None:
        """What *old* had in flight is its carrier's to deliver; what it had still to repair goes over *carrier*."""
        leg = self.board(carrier, old.position)
        leg.repair(old.repairs)
        if carrier is old.carrier:
            leg.since = min(leg.since, old.since)
        elif old.position > max(old.since, self.sender.acked):
            self.drains.append((old.carrier, old.since, old.position))

    def board(self, carrier: CarrierEnd, position: int = 0) -> CarrierLeg:
        """Ride on *carrier* as well, from offset *position* on; the carrier is not asked to pull yet."""
        leg = Leg(self, carrier, position)
        self.legs.append(leg)
        carrier.legs[self.id] = leg
        return leg

    def leave(self) -> None:
        """Ride on nothing, and wait for no earlier carrier: it has ended here."""
        self._leave_legs()
        self.drains.clear()

    def _leave_legs(self) -> None:
        for leg in self.legs:
            if leg.carrier.legs.get(self.id) is leg:
                del leg.carrier.legs[self.id]
        self.legs = []

    def lose(self, carrier: CarrierEnd) -> bool:
        """*carrier* is gone. What it still had to deliver from planned moves goes out again over the other legs.

        What it had of the current attachment needs no repair: another leg, if there is one, has all of it; without one
        the stream is detached, and the next `ride` begins at what was acknowledged.

        Returns:
            Whether it is detached: it rides on nothing, and waits for the ingress to attach it.
        """
        self.legs = [leg for leg in self.legs if leg.carrier is not carrier]
        owed = [(start, stop) for at, start, stop in self.drains if at is carrier]
        if owed:
            self.drains = [drain for drain in self.drains if drain[0] is not carrier]
            for leg in self.legs:
                leg.repair(owed)
            self.wake()
        return not self.legs

    def drains_from(self, carrier: CarrierEnd) -> bool:
        """Whether *carrier*, left by a planned move, still has to deliver some of what was written here."""
        return bool(self.drains) and any(at is carrier for at, _, _ in self.drains)

    def forget_drained(self) -> None:
        """What was acknowledged no carrier has to deliver any more."""
        self.drains = [drain for drain in self.drains if drain[2] > self.sender.acked]
