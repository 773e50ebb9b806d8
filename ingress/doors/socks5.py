"""SOCKS5: greeting, user and password, request (RFC 1928, RFC 1929). CONNECT, and UDP ASSOCIATE where datagrams are
relayed; what such a client's datagrams look like is in `datagram`.

Rules: each message is taken whole or not at all; what is wrong is answered as soon as it was read, so the way a client
cuts its bytes changes nothing; names are not resolved here.
"""

from collections.abc import Callable
from socket import inet_ntoa
from typing import Final

from ingress.doors.datagram import address_bytes
from ingress.doors.door import DoorSettings
from ingress.doors.events import Associate, Authenticate, Send
from ingress.doors.handshake import Events, Handshake, HandshakeState, Step
from ingress.doors.names import BadHost, parse_host, spell_ipv6
from ingress.doors.replies import REPLIES, socks5_reply
from relay.model.cause import Cause

_NO_PASSWORD, _PASSWORD, _NONE_ACCEPTABLE = 0x00, 0x02, 0xFF
_CONNECT, _ASSOCIATE = 0x01, 0x03
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
_SIZES: Final = {_IPV4: 4, _NAME: 0, _IPV6: 16}
"""Bytes in an address of each type; a name tells its own."""
_COMMANDS: Final = {False: (_CONNECT,), True: (_CONNECT, _ASSOCIATE)}
"""That are served, by whether datagrams are relayed."""
_CONNECTS: Final = bytes((5, _CONNECT, 0))
"""How nearly all requests begin."""
_GENERAL_FAILURE, _COMMAND_UNSUPPORTED, _ADDRESS_UNSUPPORTED = 0x01, 0x07, 0x08

_METHOD_CHOSEN: Final = {method: Send(bytes((5, method))) for method in (_NO_PASSWORD, _PASSWORD, _NONE_ACCEPTABLE)}
_ACCEPTABLE: Final = {False: (_NO_PASSWORD, _PASSWORD), True: (_PASSWORD,)}
"""Methods by whether a password is needed, the best first."""
_ACCEPTED: Final = Send(b"\x01\x00")
_REFUSED: Final = b"\x01\x01"
_GRANTED: Final = Send(socks5_reply(0))


class Socks5(Handshake):
    """One client that began with a 5."""

    __slots__ = ("_asked",)

    def __init__(self, settings: DoorSettings) -> None:
        super().__init__(settings, HandshakeState.METHODS)
        self._asked = b""

    def authenticated(self, accepted: bool) -> Events:
        """RFC 1929 section 2: after a failure the connection must be closed. Ignored if nothing was asked."""
        if self._state != HandshakeState.CHECKING:
            return []
        if not accepted:
            return self._fail("wrong user or password", _REFUSED)
        self._go(Step.PASSWORD_ACCEPTED)
        self.user = self._asked.decode("utf-8", "backslashreplace")
        return [_ACCEPTED, *self._advance()]

    def associated(self, bound: tuple[str, int] | None) -> Events:
        """After success the connection carries nothing; it only says how long the association lives."""
        if self._state != HandshakeState.OPENING:
            return []
        if bound is None:
            return self._fail("no datagrams are relayed", socks5_reply(_COMMAND_UNSUPPORTED))
        self._go(Step.ASSOCIATED)
        self._kept.clear()
        return [Send(socks5_reply(0, address_bytes(*bound)))]

    def receive_eof(self) -> Events:
        """Ends the association as well, if there is one (RFC 1928 section 7)."""
        if self._state == HandshakeState.ASSOCIATED:
            return self._fail("client ended its association")
        return super().receive_eof()

    def _granted(self) -> Events:
        return [_GRANTED]

    def _receive_late(self) -> Events:
        """What a client says beside its datagrams means nothing."""
        return [] if self._state == HandshakeState.ASSOCIATED else super()._receive_late()

    def _rejected(self, cause: Cause) -> bytes:
        return socks5_reply(REPLIES[cause].socks5)

    def _read(self, events: Events) -> bool:
        read = _READERS.get(self._state)
        return read is not None and read(self, events)

    def _read_methods(self, events: Events) -> bool:
        """VER, NMETHODS, METHODS. Who needs no password may still offer only that method, because the program has a
        field for it: then any pair is good, as at Tor."""
        kept = self._kept
        if len(kept) < 2:
            return False
        end = 2 + kept[1]
        if len(kept) < end:
            return False
        for chosen in _ACCEPTABLE[self._settings.needs_password]:
            if kept.find(chosen, 2, end) >= 0:
                break
        else:
            events += self._fail("client offers no acceptable method", _METHOD_CHOSEN[_NONE_ACCEPTABLE].data)
            return False
        del kept[:end]
        events.append(_METHOD_CHOSEN[chosen])
        self._go(Step.PASSWORD_CHOSEN if chosen == _PASSWORD else Step.NO_PASSWORD_CHOSEN)
        return True

    def _read_password(self, events: Events) -> bool:
        """VER, ULEN, UNAME, PLEN, PASSWD (RFC 1929 section 2). Neither may be empty where they are judged."""
        kept = self._kept
        if kept and kept[0] != 1:
            return self._refuse_password("not a password message", events)
        if len(kept) < 2:
            return False
        user_end = 2 + kept[1]
        is_empty = kept[1] == 0 or (len(kept) > user_end and kept[user_end] == 0)
        if is_empty and self._settings.needs_password:
            return self._refuse_password("empty user or password", events)
        if len(kept) <= user_end or len(kept) < (end := user_end + 1 + kept[user_end]):
            return False
        user, password = bytes(kept[2:user_end]), bytes(kept[user_end + 1 : end])
        del kept[:end]
        self._go(Step.PASSWORD_READ)
        self._judge(user, password, events)
        return True

    def _judge(self, user: bytes, password: bytes, events: Events) -> None:
        """A pair that nobody asked for is not looked at, and its name is nobody's: no rule goes by it."""
        if self._settings.needs_password:
            self._asked = user
            events.append(Authenticate(user, password))
        else:
            self._go(Step.PASSWORD_ACCEPTED)
            events.append(_ACCEPTED)

    def _refuse_password(self, reason: str, events: Events) -> bool:
        events += self._fail(reason, _REFUSED)
        return False

    def _read_request(self, events: Events) -> bool:
        """VER, CMD, RSV, ATYP, DST.ADDR, DST.PORT (RFC 1928 sections 4 and 5)."""
        kept = self._kept
        if wrong := _judge_start(kept, _COMMANDS[self._settings.udp]):
            return self._refuse_request(wrong, events)
        if len(kept) < 5:
            return False
        kind = kept[3]
        start = 5 if kind == _NAME else 4
        size = kept[4] if kind == _NAME else _SIZES[kind]
        end = start + size + 2
        if len(kept) < end:
            return False
        command, host, port = kept[1], bytes(kept[start : end - 2]), kept[end - 2] << 8 | kept[end - 1]
        del kept[:end]
        take = self._associate if command == _ASSOCIATE else self._connect
        return take(kind, host, port, events)

    def _associate(self, kind: int, raw: bytes, port: int, events: Events) -> bool:
        """DST is whence the client will send, if it knows (RFC 1928 section 6). Some name their target there, which may
        be a host name: that says nothing."""
        host = inet_ntoa(raw) if kind == _IPV4 else spell_ipv6(raw) if kind == _IPV6 else ""
        self._go(Step.REQUEST_READ)
        events.append(Associate(host, port))
        return False

    def _connect(self, kind: int, raw: bytes, port: int, events: Events) -> bool:
        if port == 0:
            return self._refuse_request(_GENERAL_FAILURE, events)
        if kind == _IPV4:
            return self._ask(inet_ntoa(raw), port, events)
        if kind == _IPV6:
            return self._ask(spell_ipv6(raw), port, events)
        try:
            host = parse_host(raw)
        except BadHost as bad:
            return self._refuse_request(REPLIES[bad.cause].socks5, events)
        return self._ask(host, port, events)

    def _refuse_request(self, code: int, events: Events) -> bool:
        events += self._fail(f"request refused with {code:02x}", socks5_reply(code))
        return False


def _judge_start(kept: bytearray, commands: tuple[int, ...]) -> int:
    """The code for the first byte of VER, CMD, RSV, ATYP and a name's length that can never be right; 0 if none is."""
    size = len(kept)
    if size > 4 and kept[4] and kept.startswith(_CONNECTS) and kept[3] in _SIZES:
        return 0
    if size > 0 and kept[0] != 5:
        return _GENERAL_FAILURE
    if size > 1 and kept[1] not in commands:
        return _COMMAND_UNSUPPORTED
    if size > 2 and kept[2] != 0:
        return _GENERAL_FAILURE
    if size > 3 and kept[3] not in _SIZES:
        return _ADDRESS_UNSUPPORTED
    if size > 4 and kept[3] == _NAME and kept[4] == 0 and kept[1] == _CONNECT:
        return _GENERAL_FAILURE
    return 0


_READERS: Final[dict[HandshakeState, Callable[[Socks5, Events], bool]]] = {
    HandshakeState.METHODS: Socks5._read_methods,
    HandshakeState.PASSWORD: Socks5._read_password,
    HandshakeState.REQUEST: Socks5._read_request,
}
