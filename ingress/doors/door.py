"""The contract between a door and the shell that drives it, and what a door is told about its surroundings.

Rules: every call answers at once, with all that is to be done; no call raises on anything that a client or an origin
may send; after Close every answer is empty; after Transparent nothing is called any more.
"""

from typing import Protocol

import attrs

from ingress.doors.events import Event
from relay.model.cause import Cause

KEPT_SOFT = 64 * 1024
"""Bytes kept for a client that runs ahead, above which reading pauses. One segment of early data is far less."""
KEPT_HARD = 1024 * 1024
"""Bytes kept at which a client is cut off: the soft limit and the largest single read fit in it with room."""

BEST_PIECE = 64 * 1024
"""Bytes that a gateway is best given at a time. Larger copies are mapped and unmapped by the allocator each time:
1.4 instead of 0.3 s CPU per GiB at 128 KiB and more (one core, CPython 3.11)."""


@attrs.frozen
class DoorSettings:
    """What doors on one listener have in common."""

    needs_password: bool
    proxy_url: str
    """How programs are pointed here, such as `socks5h://127.0.0.1:1080`; for the hints on error pages."""
    pseudonym: str = "ingress"
    """A token that names this ingress in Proxy-Status."""
    via: str | None = None
    """The token that names it in Via, if that is added to what the gateway forwards. The same one coming back is a
    loop, so two ingresses that may be chained need different ones. RFC 9110 section 7.6.3 wants it always; but nginx
    and others compress nothing for a proxy, so None means none."""
    udp: bool = False
    """Whether a client may ask for a relay of datagrams."""


class Gateway(Protocol):
    """What a door that stays between the client and its targets is told about their streams, by lane."""

    @property
    def is_idle(self) -> bool:
        """Whether the client has been served, and has asked for nothing more: its connection is only kept."""

    def idle_too_long(self) -> list[Event]:
        """It was kept long enough. Does nothing if it is not idle any more."""

    @property
    def is_behind(self) -> bool:
        """Whether some of what it was given has still to be read, because its budget is used up: nothing more is to be
        read of the client. To be asked after every call."""

    def catch_up(self) -> list[Event]:
        """Go on with that, now that the budget was renewed. It may be behind again afterwards, and even if there is
        budget left: another of its streams has its turn in the next call."""

    def receive_upstream(self, data: bytes, lane: int = 0) -> list[Event]:
        """Bytes came from the target. The answer is bounded by them, and by what was held back."""

    def upstream_eof(self, lane: int = 0) -> list[Event]:
        """The target's FIN came. It counts behind what has still to be read."""

    def upstream_reset(self, cause: Cause, lane: int = 0) -> list[Event]:
        """The stream is gone, also when an early `opened()` turned out to be wrong. It counts behind what has still to
        be read."""

    def holds_back(self, lane: int) -> bool:
        """Whether bytes of the stream wait here, for others to go first or to be read: they are not consumed until
        `Released`, so that the stream's window bounds them."""


class Door(Protocol):
    """One client's protocol, from its first byte until bytes pass untouched or the connection ends."""

    user: str | None
    """The authenticated user; None when no password is needed or none was accepted yet. Read it at Open."""

    @property
    def gateway(self) -> Gateway | None:
        """Takes what comes from the target while the door is not transparent; None if this door never stays."""

    @property
    def wants_client_bytes(self) -> bool:
        """Whether to go on reading from the client. To be asked after every call."""

    @property
    def in_handshake(self) -> bool:
        """Whether the client still owes us its request or, where one is needed, a right password.

        The deadline for handshakes runs while this holds; a kept HTTP connection without a request is idle instead.
        """

    def receive(self, data: bytes) -> list[Event]:
        """Bytes came from the client, at least one. The answer is bounded by them and by KEPT_HARD."""

    def receive_eof(self) -> list[Event]:
        """The client's FIN came. Without Close in the answer the client may still be reading."""

    def timed_out(self) -> list[Event]:
        """The deadline passed while `in_handshake` held."""

    def authenticated(self, accepted: bool) -> list[Event]:
        """The answer to Authenticate."""

    def associated(self, bound: tuple[str, int] | None) -> list[Event]:
        """The answer to Associate: the literal address and port to which the client is to send its datagrams; None if
        none are relayed."""

    def opening(self, lane: int = 0) -> list[Event]:
        """The answer to Open for now: the stream is asked for, and one of the others follows."""

    def opened(self, lane: int = 0) -> list[Event]:
        """The answer to Open: there is a stream, or it was decided to say so early."""

    def refused(self, cause: Cause, lane: int = 0, rule: str = "") -> list[Event]:
        """The answer to Open: there is no stream, and why; *rule* is the one that wanted it so, if one did."""
