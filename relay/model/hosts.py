"""What the text of a host means: an address in any spelling that some program takes, or the name to ask DNS for.

Every text is one of the two or neither, never both: a name whose last label is a number is not a name, so nothing
behind us can read it as an address that was not judged.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import idna

IpAddress = IPv4Address | IPv6Address

MOST_CHARACTERS = 255
"""Of a host, before anything is done to it (SOCKS5 cannot say more): some IDNA work grows with the square."""
MOST_REMEMBERED = 4096
"""Hosts whose meaning is kept: at about 200 bytes each, less than 1 MiB."""

NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*", re.ASCII)
"""One part of an IPv4 address as inet_aton(3) reads it: hexadecimal, octal or decimal."""
NAME = re.compile(r"(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
"""RFC 1123 section 2.1, and the underscore, which names in use have."""
ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
"""After the URL standard's "ends in a number checker": such a host is an IPv4 address or it is nothing."""

_meanings: dict[str, IpAddress | None] = {}


def parse_literal(host: str) -> IpAddress | None:
    """The address that *host* spells, None if it is no address.

    Takes what `getaddrinfo` and browsers take as well: 127.1, 0x7f000001, 0177.0.0.1, 2130706433, full-width digits,
    brackets, a trailing dot. IPv4 mapped into IPv6 comes out as the IPv4 address, which is what the kernel dials. A
    zone (fe80::1%eth0) is kept, for the policy to refuse.
    """
    try:
        return _meanings[host]
    except KeyError:
        if len(_meanings) >= MOST_REMEMBERED:
            _meanings.clear()
        meaning = _meanings[host] = _parse(host)
        return meaning


def parse_name(host: str) -> str | None:
    """*host* as DNS is asked for it: lower case, IDNA (UTS 46) applied, no trailing dot. None if it can be no name."""
    text = _plain(host)
    if text is None:
        return None
    if not text.isascii():
        try:
            text = idna.encode(text).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    name = text.lower().removesuffix(".")
    if len(name) > 253 or NAME.fullmatch(name) is None or ENDS_IN_A_NUMBER.fullmatch(name) is not None:
        return None
    return name


def _parse(host: str) -> IpAddress | None:
    text = _plain(host)
    if text is None:
        return None
    text = text.removesuffix(".")
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    return _parse_ipv6(text) if ":" in text else _parse_ipv4(text)


def _plain(host: str) -> str | None:
    """*host* with full-width and other disguised characters made plain; None if it is too long or forbidden."""
    if len(host) > MOST_CHARACTERS:
        return None
    if host.isascii():
        return host
    try:
        return idna.uts46_remap(host, std3_rules=False)
    except idna.IDNAError:
        return None


def _parse_ipv6(text: str) -> IpAddress | None:
    try:
        ip = IPv6Address(text)
    except AddressValueError:
        return None
    return ip if ip.ipv4_mapped is None or ip.scope_id is not None else ip.ipv4_mapped


def _parse_ipv4(text: str) -> IPv4Address | None:
    """inet_aton(3): one to four numbers, the last of which fills all the bytes that are left."""
    parts = text.split(".")
    if len(parts) > 4 or not all(NUMBER.fullmatch(part) for part in parts):
        return None
    *high, low = (_number(part) for part in parts)
    if any(byte > 255 for byte in high) or low >= 256 ** (4 - len(high)):
        return None
    return IPv4Address(sum(byte << 8 * (3 - at) for at, byte in enumerate(high)) + low)


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part, 16)
    return int(part, 8 if part.startswith("0") else 10)
