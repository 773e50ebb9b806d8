"""Hosts that clients ask for, in one spelling each, so that rules, affinity and policy cannot be tricked by another.

`EXAMPLE.com.` is example.com, `[::1]` is ::1, `127.1` and full-width digits are 127.0.0.1: `relay.model.hosts` says
what a text means, the same for the whole program.
"""

from socket import AF_INET6, inet_ntop

from relay.model.cause import Cause
from relay.model.hosts import MOST_BYTES, NoHost, asked_host, parse_literal


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
    if len(raw) > MOST_BYTES:
        raise BadHost(Cause.NAME_NOT_FOUND)
    try:
        host = asked_host(raw.decode())
    except UnicodeDecodeError:
        raise BadHost(Cause.PROTOCOL) from None
    if isinstance(host, NoHost):
        raise BadHost(Cause.PROTOCOL if host.is_malformed else Cause.NAME_NOT_FOUND)
    return host


def spell_ipv6(packed: bytes) -> str:
    """The usual spelling of an address of 16 bytes, as `parse_host` gives it: IPv4 in disguise comes out as IPv4."""
    text = inet_ntop(AF_INET6, packed)
    return str(parse_literal(text)) if text.startswith("::") else text  # all others have one spelling
