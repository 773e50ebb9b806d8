"""SOCKS4 and its extension 4a (names): one message, CONNECT only, no password.

Rules: a listener that needs a password refuses every SOCKS4 client; the user id is read over and never believed.
"""

from socket import inet_ntoa
from typing import Final

from ingress.doors.door import DoorSettings
from ingress.doors.events import Send
from ingress.doors.handshake import Events, Handshake, HandshakeState
from ingress.doors.names import BadHost, parse_host
from ingress.doors.replies import REPLIES, SOCKS4_GRANTED, SOCKS4_REJECTED, socks4_reply
from relay.model.cause import Cause

MOST_TEXT: Final = 255
"""Bytes in a user id or a name, the NUL not counted; neither text says how long they may be."""

_HEAD = 8
_CONNECT = 0x01
_GRANTED: Final = Send(socks4_reply(SOCKS4_GRANTED))
_REJECTED: Final = socks4_reply(SOCKS4_REJECTED)


class Socks4(Handshake):
    """One client that began with a 4."""

    __slots__ = ()

    def __init__(self, settings: DoorSettings) -> None:
        super().__init__(settings, HandshakeState.REQUEST)

    def _granted(self) -> Events:
        return [_GRANTED]

    def _rejected(self, cause: Cause) -> bytes:
        return socks4_reply(REPLIES[cause].socks4)

    def _read(self, events: Events) -> bool:
        """VN, CD, DSTPORT, DSTIP, USERID, NUL; with an address of 0.0.0.x, not 0.0.0.0, also a name and NUL."""
        if self._state != HandshakeState.REQUEST or len(self._kept) < 2:
            return False
        if self._settings.needs_password:
            return self._reject("SOCKS4 has no password", events)
        if self._kept[1] != _CONNECT:
            return self._reject("unsupported command", events)
        if len(self._kept) < _HEAD:
            return False
        port = self._kept[2] << 8 | self._kept[3]
        address = bytes(self._kept[4:_HEAD])
        if port == 0 or address == b"\0\0\0\0":
            return self._reject("no such target", events)
        return self._read_texts(address, port, events)

    def _read_texts(self, address: bytes, port: int, events: Events) -> bool:
        kept = self._kept
        end = kept.find(b"\0", _HEAD, _HEAD + MOST_TEXT + 1)
        has_name = address[:3] == b"\0\0\0"
        start = end + 1
        if end >= 0 and has_name:
            end = kept.find(b"\0", start, start + MOST_TEXT + 1)
        if end < 0:
            begun = _HEAD if start == 0 else start
            return len(kept) > begun + MOST_TEXT and self._reject("user id or name too long", events)
        host = bytes(kept[start:end])
        del kept[: end + 1]
        if not has_name:
            return self._ask(inet_ntoa(address), port, events)
        return self._ask_name(host, port, events)

    def _ask_name(self, raw: bytes, port: int, events: Events) -> bool:
        try:
            host = parse_host(raw)
        except BadHost:
            return self._reject("no such target", events)
        return self._ask(host, port, events)

    def _reject(self, reason: str, events: Events) -> bool:
        events += self._fail(reason, _REJECTED)
        return False
