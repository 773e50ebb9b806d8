"""Which protocol a client speaks, told by its first byte: SOCKS4, SOCKS5 and HTTP share one port."""

from ingress.doors.budget import Budget
from ingress.doors.door import Door, DoorSettings
from ingress.doors.handshake import Events, Handshake, HandshakeState
from ingress.doors.http import HttpDoor
from ingress.doors.socks4 import Socks4
from ingress.doors.socks5 import Socks5

_TLS_HANDSHAKE = 0x16
_HTTP_STARTS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\r\n")


def door_for(first_byte: int, settings: DoorSettings, budget: Budget) -> Door:
    """The door for a client whose first byte is *first_byte*; all its bytes, this one too, are then given to it. What
    it may read at once is bounded by *budget*, if it can be much."""
    if first_byte == 5:
        return Socks5(settings)
    if first_byte == 4:
        return Socks4(settings)
    if first_byte in _HTTP_STARTS:
        return HttpDoor(settings, budget)
    return UnknownProtocol(
        settings, "client speaks TLS to a plain port" if first_byte == _TLS_HANDSHAKE else "no protocol of ours"
    )


class UnknownProtocol(Handshake):
    """Speaks nothing we know, and learns nothing: closed without a byte."""

    __slots__ = ("_reason",)

    def __init__(self, settings: DoorSettings, reason: str) -> None:
        super().__init__(settings, HandshakeState.REQUEST)
        self._reason = reason

    def _read(self, events: Events) -> bool:
        events += self._fail(self._reason)
        return False
