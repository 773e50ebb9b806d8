"""What a door asks of the shell. The shell carries out a list of events in its order, each once.

Authenticate, Open, Associate, Transparent and Close stand last in their list, so that a question may be answered on the
spot.
Streams are told apart by the number of their *lane*, which the door gives when it asks for one, and never twice; doors
with one stream call it 0.
Made by the thousand a second and never changed after: plain slotted classes without validators.
"""

import attrs


@attrs.define
class Send:
    """Bytes for the client."""

    data: bytes


@attrs.define
class Authenticate:
    """Ask whether this is a user; the answer is `door.authenticated(...)`, now or later. Never to be logged."""

    user: bytes
    password: bytes = attrs.field(repr=False)


@attrs.define
class Open:
    """Ask for a stream to a target; the answer is `door.opened(lane)` or `door.refused(cause, lane)`, or for now
    `door.opening(lane)`."""

    host: str
    """A literal address in its usual spelling, or a lower-case ASCII name without a trailing dot (see `names`)."""
    port: int
    """1 to 65535."""
    lane: int = 0


@attrs.define
class Associate:
    """Ask for a relay of datagrams (RFC 1928 section 7); the answer is `door.associated(bound)`. The
    association lives as long as the client's connection."""

    host: str
    """The literal address from which the client says that it will send; empty if it does not know, as nearly always."""
    port: int
    """And the port; 0 likewise."""


@attrs.define
class Upstream:
    """Bytes towards the target, on a stream that is open."""

    data: bytes
    lane: int = 0


@attrs.define
class FinishUpstream:
    """A stream has served: end it cleanly and forget it. What still comes from it is dropped."""

    lane: int = 0


@attrs.define
class ResetUpstream:
    """A stream is of no more use: reset it and forget it. What still comes from it is dropped."""

    lane: int = 0


@attrs.define
class Released:
    """What the gateway held back of a stream stands before this: it counts as consumed once the client takes it."""

    lane: int


@attrs.define
class Transparent:
    """From now on bytes pass both ways untouched, on a stream that is open and the only one, and the door is not asked
    again."""

    early: bytes
    """What the client sent behind its handshake; goes to the target first, and once."""
    lane: int = 0


@attrs.define
class Close:
    """End the client's connection; streams that are still there, open or opening, are reset.

    Without `reset`, everything sent before is delivered, then FIN; what the client still sends is read and dropped
    for a short while, because closing a socket with unread bytes resets it and takes the last answer with it.
    With `reset`, RST: the client must not take what it has for the whole.
    """

    reset: bool
    reason: str
    """For the log: what the client did, or what happened. Holds nothing that the client or the target wrote."""


Event = (
    Send | Authenticate | Open | Associate | Upstream | FinishUpstream | ResetUpstream | Released | Transparent | Close
)
