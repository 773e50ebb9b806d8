"""What the text of a host means: an address in any spelling that some program takes, a name to ask DNS for, or neither.

The one reader of such texts: doors, exits, the file and the commands all ask it, so that no text is a name to one part
and an address to another. A name whose last label is a number is no name, so nothing behind us can read it as an
address that was not judged. Nothing is resolved here.
"""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from socket import AF_INET, inet_pton
from typing import Final

import attrs

from relay.model.addresses import IpAddress, plain

MOST_BYTES: Final = 255
"""Of a host, before anything is done to it (SOCKS5 cannot say more): some IDNA work grows with the square
(CVE-2024-3651)."""
MOST_NAME: Final = 253
"""Characters in a name that DNS can carry (RFC 1035 section 2.3.4, without the root)."""
MOST_REMEMBERED: Final = 4096
"""Hosts, other than plain names, whose meaning is kept: at about 300 bytes each, little more than 1 MiB; 8 MiB if all
are as long as can be."""

_NAME = re.compile(r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
"""Labels as DNS carries them. RFC 1123 section 2.1 has no underscore and no hyphen at either end of a label; names in
use have both."""
_NAME_CHARACTERS = re.compile(r"[A-Za-z0-9_.-]+")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
"""After the URL standard's "ends in a number checker": a host whose last label is one is an IPv4 address or nothing."""


@attrs.frozen
class NoHost:
    """Why a text means neither an address nor a name."""

    why: str
    """For people, in a few words."""
    is_malformed: bool
    """It is no host at all; otherwise it has the form of one, and such a host cannot exist."""


_EMPTY = NoHost("it is empty", is_malformed=True)
_NOT_IPV6 = NoHost("it is not an IPv6 address", is_malformed=True)
_FOREIGN = NoHost("it has characters that no host has", is_malformed=True)
_NOT_BRACKETED = NoHost("only an address stands in brackets", is_malformed=True)
_ZONE = NoHost("it is an address with a zone", is_malformed=True)
_TOO_LONG = NoHost(f"it is longer than a name can be ({MOST_NAME} characters)", is_malformed=False)
_BAD_LABEL = NoHost("a part between its dots is empty, or longer than 63 characters", is_malformed=False)
_NOT_IPV4 = NoHost("it ends in a number and is not an IPv4 address", is_malformed=False)

Meaning = IpAddress | str | NoHost

_meanings: dict[str, Meaning] = {}


def read_host(host: str) -> Meaning:
    """The address that *host* spells, or else the name that it is, or why it is neither.

    Addresses are taken as `getaddrinfo` and browsers take them: 127.1, 0x7f000001, 0177.0.0.1, 2130706433, full-width
    digits, brackets, a dot behind IPv4. IPv4 mapped into IPv6 comes out as the IPv4 address, which is what the kernel
    dials. A zone (fe80::1%eth0) is kept: the file may name one, and doors and the policy refuse it.

    A name comes out as DNS is asked for it: lower case, IDNA (UTS 46) applied, no trailing dot. Read again, the text
    of either means the same.
    """
    if len(host) <= MOST_NAME and _NAME.fullmatch(host) is not None:
        name = host.lower().removesuffix(".")
        if name[name.rfind(".") + 1] > "9":  # no number begins so: a plain name, read as fast as it is looked up
            return name
    meaning = _meanings.get(host)
    if meaning is None:
        if len(_meanings) >= MOST_REMEMBERED:
            _meanings.clear()
        meaning = _meanings[host] = _read(host)
    return meaning


def asked_host(host: str) -> str | NoHost:
    """What a client asks for by *host*: the one spelling of what `read_host` reads, or why it is nothing to dial.

    An address with a zone is nothing either: what a zone names is of the client's own machine.
    """
    meaning = read_host(host)
    if isinstance(meaning, str | NoHost):
        return meaning
    return _ZONE if isinstance(meaning, IPv6Address) and meaning.scope_id is not None else str(meaning)


def parse_literal(host: str) -> IpAddress | None:
    """The address that *host* spells, None if it is no address; see `read_host`."""
    meaning = read_host(host)
    return None if isinstance(meaning, str | NoHost) else meaning


@lru_cache(MOST_REMEMBERED)
def spell_literal(host: str) -> str | None:
    """The usual spelling of the address that *host* spells, None if it is no address. Remembered, of names as well: an
    exit asks it for every stream, and the same hosts come again and again."""
    ip = parse_literal(host)
    return None if ip is None else str(ip)


def parse_name(host: str) -> str | None:
    """*host* as DNS is asked for it, None if it is no name; see `read_host`."""
    meaning = read_host(host)
    return meaning if isinstance(meaning, str) else None


def _read(host: str) -> Meaning:
    if len(host) > MOST_BYTES:
        return _TOO_LONG
    if _NAME.fullmatch(host) is not None:
        return _read_name(host)
    return _read_ascii(host) if host.isascii() else _read_unicode(host)


def _read_name(text: str) -> Meaning:
    """*text* has the form of a name: so has every IPv4 address."""
    name = text.lower().removesuffix(".")
    if _NUMBER.fullmatch(name, name.rfind(".") + 1) is not None:
        return _read_ipv4(name)
    return name if len(name) <= MOST_NAME else _TOO_LONG


def _read_ipv4(name: str) -> Meaning:
    """inet_aton(3): one to four numbers, decimal, octal or hexadecimal; the last fills all the bytes that are left."""
    try:
        return IPv4Address(inet_pton(AF_INET, name))  # the usual spelling, which is nearly all
    except OSError:
        pass
    try:
        *high, low = [_read_number(part) for part in name.split(".")]
    except ValueError:
        return _NOT_IPV4
    if len(high) > 3 or any(byte > 255 for byte in high) or low >= 256 ** (4 - len(high)):
        return _NOT_IPV4
    return IPv4Address(bytes(high) + low.to_bytes(4 - len(high), "big"))


def _read_number(part: str) -> int:
    if _NUMBER.fullmatch(part) is None:
        raise ValueError(part)
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") else 10)


def _read_ascii(text: str) -> Meaning:
    """What may stand in brackets, has colons, or has not the form of a name."""
    is_bracketed = text.startswith("[") and text.endswith("]")
    bare = text[1:-1] if is_bracketed else text
    if ":" in bare:
        return _read_ipv6(bare)
    if _NAME.fullmatch(bare) is not None:
        meaning = _read_name(bare)
        return _NOT_BRACKETED if is_bracketed and isinstance(meaning, str) else meaning
    return _BAD_LABEL if _NAME_CHARACTERS.fullmatch(bare) is not None else _FOREIGN if text else _EMPTY


def _read_ipv6(text: str) -> Meaning:
    try:
        ip = IPv6Address(text)
    except AddressValueError:
        return _NOT_IPV6
    return ip if ip.scope_id is not None else plain(ip)


def _read_unicode(host: str) -> Meaning:
    """Full-width and other disguised characters made plain, and IDNA applied to the labels that still need it."""
    if len(host.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        return _TOO_LONG
    if any(character <= " " or character == "\x7f" for character in host):
        return _FOREIGN
    import idna  # takes 10 ms to import, its tables megabytes, and most programs never meet such a name

    try:
        text = idna.uts46_remap(host, std3_rules=False)
        if ":" not in text:
            text = ".".join(label if label.isascii() else idna.alabel(label).decode() for label in text.split("."))
    except UnicodeError as error:
        return NoHost(str(error), is_malformed=False)
    return _read_ascii(text) if text.isascii() else _NOT_IPV6
