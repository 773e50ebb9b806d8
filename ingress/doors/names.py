"""Hosts that clients ask for, in one spelling each, so that rules, affinity and policy cannot be tricked by another.

`EXAMPLE.com.` is example.com, `[::1]` is ::1, `127.1` and full-width digits are 127.0.0.1. Names are not resolved.
"""

import re
from socket import AF_INET6, inet_ntoa, inet_ntop, inet_pton

from relay.model.cause import Cause

MOST_BYTES = 255
"""A host may not be longer before anything expensive looks at it (RFC 1928 has one length byte; CVE-2024-3651)."""
MOST_NAME = 253
"""Characters in a name that DNS can carry (RFC 1035 section 2.3.4, without the root)."""

_NAME = re.compile(rb"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
_NAME_BYTES = re.compile(rb"[A-Za-z0-9_.-]+")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


class BadHost(Exception):
    """Nothing to dial. `cause` is PROTOCOL for what is no host at all, NAME_NOT_FOUND for one that cannot exist."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.word)
        self.cause = cause


def parse_host(raw: bytes) -> str:
    """Read *raw* as a client wrote it: a name (ASCII, or UTF-8 for IDNA), an IPv4 or IPv6 address, brackets allowed.

    Returns:
        A literal address in its usual spelling, or a lower-case ASCII name without a trailing dot.

    Raises:
        BadHost: see there.
    """
    if not raw or len(raw) > MOST_BYTES:
        raise BadHost(Cause.NAME_NOT_FOUND if raw else Cause.PROTOCOL)
    if _NAME.fullmatch(raw) is None:
        if b":" in raw:
            return _parse_ipv6(raw)
        raw = _to_ascii(raw)
    name = raw.decode("ascii").lower().removesuffix(".")
    if _NUMBER.fullmatch(name, name.rfind(".") + 1) is not None:
        return _parse_ipv4(name)
    if len(name) > MOST_NAME:
        raise BadHost(Cause.NAME_NOT_FOUND)
    return name


def _parse_ipv6(raw: bytes) -> str:
    if raw.startswith(b"[") and raw.endswith(b"]"):
        raw = raw[1:-1]
    try:
        return inet_ntop(AF_INET6, inet_pton(AF_INET6, raw.decode("ascii")))
    except (UnicodeError, OSError, ValueError):  # ValueError: a NUL inside
        raise BadHost(Cause.PROTOCOL) from None


def _parse_ipv4(name: str) -> str:
    """Read what `inet_aton` takes for an address: up to four numbers, decimal, octal or hex, the last fills up.

    No name ends in a number (RFC 1123 section 2.1), so what is not an address here is nothing.
    """
    try:
        *front, last = [_parse_number(part) for part in name.split(".")]
    except ValueError:
        raise BadHost(Cause.NAME_NOT_FOUND) from None
    if len(front) > 3 or any(number > 255 for number in front) or last >= 256 ** (4 - len(front)):
        raise BadHost(Cause.NAME_NOT_FOUND)
    return inet_ntoa(bytes(front) + last.to_bytes(4 - len(front), "big"))


def _parse_number(part: str) -> int:
    if _NUMBER.fullmatch(part) is None:
        raise ValueError(part)
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") else 10)


def _to_ascii(raw: bytes) -> bytes:
    """Bring a name that is not plainly valid into ASCII, or say why it is none."""
    if _NAME_BYTES.fullmatch(raw):  # an empty label, or one over 63
        raise BadHost(Cause.NAME_NOT_FOUND)
    if raw.isascii():
        raise BadHost(Cause.PROTOCOL)
    try:
        text = raw.decode("utf-8")
    except UnicodeError:
        raise BadHost(Cause.PROTOCOL) from None
    if any(character <= " " or character == "\x7f" for character in text):
        raise BadHost(Cause.PROTOCOL)
    return _idna(text)


def _idna(text: str) -> bytes:
    import idna  # its tables cost megabytes, and most ingresses never see such a name

    try:
        return idna.encode(text, uts46=True)
    except UnicodeError:
        raise BadHost(Cause.NAME_NOT_FOUND) from None
