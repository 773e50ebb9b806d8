"""What a request asks for (RFC 9112 section 3.2): `host:port` of CONNECT, or the absolute form of all others.

Rules: what follows the authority is passed on as it came; user info is dropped from the absolute form, because it
belongs to the client's user and not to the origin, and refused where it makes no sense; `#` never belongs on the wire.
A host in UTF-8 stands here percent-encoded, as `strict` or the client left it; nothing else may be encoded in a host.
"""

import re
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import attrs

from ingress.doors.names import BadHost, parse_host
from ingress.doors.refusal import RequestRefused, bad_request
from relay.model.cause import Cause

_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*)://")
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[89A-Fa-f][0-9A-Fa-f])+)(?::([0-9]*))?")
_HOST_FIELD = re.compile(
    rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=\x80-\xff-]|%[89A-Fa-f][0-9A-Fa-f])+)(?::[0-9]*)?"
)
_SCHEMES = frozenset({b"http", b"ws"})
"""`ws` is http until the answer 101 (RFC 6455 section 3); `wss` would need TLS towards the origin, as `https` does."""
_USER_INFO = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:%-]*")
_HTTP_PORT = 80


@attrs.frozen
class Target:
    """Where a request goes, and what the origin is asked for."""

    host: str
    port: int
    path: bytes = b""
    """The request target for the origin: its path and query, `*`, or nothing for CONNECT."""

    @property
    def authority(self) -> bytes:
        """The value of Host; the port is left out where `http` means it anyway."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host.encode() if self.port == _HTTP_PORT else b"%s:%d" % (host.encode(), self.port)


def parse_connect(target: bytes) -> Target:
    """Read the authority form. Raises RequestRefused."""
    host, port = _split(target, "CONNECT asks for host:port.")
    if not port:
        raise bad_request("CONNECT asks for host:port.")
    return Target(host, _parse_port(port))


def parse_absolute(method: bytes, target: bytes, proxy_url: str) -> Target:
    """Read the absolute form. Raises RequestRefused, with a hint for those who took the proxy for a web server."""
    scheme = _SCHEME.match(target)
    if scheme is None:
        raise bad_request(f"This is a proxy, not a web server. Set it as the proxy of your program: {proxy_url}")
    if scheme[1].lower() not in _SCHEMES:
        raise RequestRefused(
            HTTPStatus.NOT_IMPLEMENTED, "Only http:// and ws:// are fetched here. Use CONNECT for everything else."
        )
    if b"#" in target:
        raise bad_request("A request target has no fragment (#).")
    rest = target[scheme.end() :]
    end = next((at for at, byte in enumerate(rest) if byte in b"/?"), len(rest))
    host, port = _split(_without_user(rest[:end]), "The host in the request target is not valid.")
    return Target(host, _parse_port(port) if port else _HTTP_PORT, _origin_form(method, rest[end:]))


def check_host_field(value: bytes) -> None:
    """Refuse a Host that no host could have: it is replaced anyway, but a sign of smuggling. Raises RequestRefused."""
    if value and _HOST_FIELD.fullmatch(value) is None:
        raise bad_request("The Host field is not valid.")


def _without_user(authority: bytes) -> bytes:
    user, at, host = authority.rpartition(b"@")
    if at and _USER_INFO.fullmatch(user) is None:
        raise bad_request("The host in the request target is not valid.")
    return host


def _split(authority: bytes, hint: str) -> tuple[str, bytes]:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise bad_request(hint)
    try:
        return parse_host(unquote_to_bytes(match[1])), match[2] or b""
    except BadHost as bad:
        if bad.cause == Cause.PROTOCOL:
            raise bad_request(hint) from None
        raise RequestRefused(HTTPStatus.BAD_GATEWAY, hint, bad.cause) from None


def _parse_port(digits: bytes) -> int:
    port = int(digits) if len(digits) <= 5 else 0
    if not 1 <= port <= 65535:
        raise bad_request("A port is a number from 1 to 65535.")
    return port


def _origin_form(method: bytes, rest: bytes) -> bytes:
    """RFC 9112 section 3.2.4: OPTIONS without path and query means the server as a whole."""
    if not rest:
        return b"*" if method == b"OPTIONS" else b"/"
    return rest if rest.startswith(b"/") else b"/" + rest
