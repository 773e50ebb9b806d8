"""Single values of the file: each function takes what TOML gave and returns our value, or raises Wrong.

Durations are seconds, sizes bytes, rates bytes per second; in the file all of them are strings with units.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from relay.config.mistakes import nearest
from relay.config.toml import LOOK_ALIKES
from relay.model.addresses import IpAddress, plain_network
from relay.model.hosts import NoHost, parse_literal, read_host
from relay.model.network import Address, IpNetwork, UdpFilter

NAME: Final = re.compile(r"[a-z0-9-]{1,32}")

DURATIONS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
SIZES: Final = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
RATES: Final = {"bit/s": 1 / 8, "kbit/s": 1e3 / 8, "Mbit/s": 1e6 / 8, "Gbit/s": 1e9 / 8}

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?) ?([A-Za-z/]*)", re.ASCII)


class Wrong(Exception):
    """A value that cannot be used: what is wrong with it, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend


def text(value: object) -> str:
    """A string that holds something."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, str):
        raise Wrong("is empty", "write what it is to be, or leave the key out")
    raise Wrong(f"{shown(value)} is not a text", 'write it in quotes: "…"')


def flag(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise Wrong(f"{shown(value)} is neither true nor false", "write true or false, without quotes")


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number from *low* to *high*."""

    def parse(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise Wrong(f"{shown(value)} is not a whole number from {low} to {high}", "write such a number, without quotes")

    return parse


def amount(value: object) -> float:
    """A number that is not negative."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    raise Wrong(f"{shown(value)} is not a number from 0 up", "write one without quotes, as 0.8")


def one_of(*words: str) -> Callable[[object], str]:
    """One of *words*."""

    def parse(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise Wrong(f"{shown(value)} is not known", nearest(str(value), words))

    return parse


def name(value: object) -> str:
    """The name of a node, ingress, line or group."""
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    found = next((char for char in value if LOOK_ALIKES.get(char) == "-"), None) if isinstance(value, str) else None
    mend = "use 1 to 32 of a-z, 0-9 and -" if found is None else f"write - in place of {found} (U+{ord(found):04X})"
    raise Wrong(f"{shown(value)} is not a name", mend)


def duration(value: object) -> float:
    """Seconds, from `10s`, `5m`, `1h`, `2d` or `250ms`."""
    return _quantity(value, DURATIONS, "a duration", "10s, 5m, 1h, 2d or 250ms")


def size(value: object) -> int:
    """Bytes, from `256MiB`, `64KiB` or `1GB`."""
    return int(_quantity(value, SIZES, "a size", "256MiB, 64KiB or 1GB"))


def rate(value: object) -> float:
    """Bytes per second, from `200Mbit/s` or `1Gbit/s`."""
    found = _quantity(value, RATES, "a rate", "200Mbit/s or 1Gbit/s")
    if found == 0:
        raise Wrong("a rate of nothing", "write what is to be carried, or leave rate out")
    return found


def address(value: object) -> Address:
    """Something to dial: `host:port` or `[IPv6 address]:port`."""
    found = text(value)
    host, colon, port = found.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise Wrong(f'"{found}" does not end with a port from 1 to 65535', "write host:port, as 203.0.113.10:48350")
    if host.startswith("[") and host.endswith("]"):
        return Address(str(_ip(host[1:-1], 6)), int(port))
    if ":" in host:
        raise Wrong(f'"{found}" is not clear: where does the address end?', f"write [{host}]:{port}")
    return Address(_host(host), int(port))


def udp(value: object) -> Address | bool:
    """Where datagrams go, or whether they do."""
    return value if isinstance(value, bool) else address(value)


def probe(value: object) -> bool:
    """Whether a line is to be probed leanly."""
    if value in ("lean", "full"):
        return value == "lean"
    raise Wrong(f"{shown(value)} is no way to probe a line", 'write "lean", or "full", which is the usual one')


def zone(value: object) -> str:
    """The name of a time zone."""
    import zoneinfo

    name = text(value)
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = nearest(name, sorted(zoneinfo.available_timezones()))
        mend = known if known.startswith("did you") else 'write one as "Asia/Tokyo"'
        raise Wrong(f'"{name}" is no time zone', mend) from None
    return name


def udp_filter(value: object) -> UdpFilter:
    """From whom replies are taken."""
    if isinstance(value, str) and value in list(UdpFilter):
        return UdpFilter(value)
    words = ", ".join(f'"{one}"' for one in UdpFilter)
    raise Wrong(f"{shown(value)} is no filter of replies", f"write one of {words}")


def listen_address(value: object) -> Address:
    """An address of this machine to listen at: a literal one, so that nothing is looked up to start."""
    if re.fullmatch(r"[0-9]{1,5}", str(value)) and not isinstance(value, bool):
        raise Wrong(f"{shown(value)} is a port without an address", f'write "127.0.0.1:{value}"')
    found = address(value)
    if parse_literal(found.host) is None:
        raise Wrong(f'"{found.host}" is a name', f"write an address to listen at, as 127.0.0.1:{found.port}")
    return found


def ip(value: object) -> str:
    """A literal address without a port."""
    return str(_ip(text(value)))


def cidr(value: object) -> IpNetwork:
    """A range of addresses, or one address; IPv4 that is written in IPv6 is IPv4."""
    found = text(value)
    address, zone, rest = found.partition("%")
    if zone:
        mend = f'write "{address}{"".join(rest.partition("/")[1:])}"'
        raise Wrong(f'"{found}" has a zone, which targets and clients are told without', mend)
    try:
        return plain_network(ipaddress.ip_network(found))
    except ValueError:
        pass
    try:
        mend = f"did you mean {ipaddress.ip_network(found, strict=False)}?"
    except ValueError:
        mend = "write one as 192.168.1.0/24"
    raise Wrong(f'"{found}" is not a range of addresses', mend)


def _quantity(value: object, units: Mapping[str, float], kind: str, examples: str) -> float:
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Wrong(f"{shown(value)} is not {kind}", f"write a number with its unit in quotes, as {examples}")
    number, unit = match.groups()
    if unit not in units:
        what = f'"{unit}" in {shown(value)} is not a unit of {kind}' if unit else f"{shown(value)} has no unit"
        raise Wrong(what, f"the units are {', '.join(units)}, as in {examples}")
    found = float(number) * units[unit]
    if found == math.inf:
        raise Wrong(f"{shown(value)} is not {kind}", f"write a shorter number, as in {examples}")
    return found


def host_name(value: str) -> str:
    """A name in the form DNS takes: ASCII, lower case, no dot at the end."""
    meaning = read_host(value)
    if isinstance(meaning, str):
        return meaning
    if isinstance(meaning, NoHost) and not value.isascii():
        raise Wrong(f'"{value}" is not a host name ({meaning.why})', "write its ASCII form, as xn--…")
    raise Wrong(f'"{value}" is neither a host name nor an address', "write one as relay.example or 203.0.113.10")


def _host(value: str) -> str:
    """A name or an IPv4 address, as `relay.model.hosts` reads them, but for two things that here are slips of the pen.

    An address is written in full (not 127.1 or 0x7f.1), and no name begins with a hyphen.
    """
    is_number = re.fullmatch(r"[0-9.]+", value) is not None
    if is_number or parse_literal(value) is not None:
        return str(_ip(value, 4))
    found = host_name(value)
    if found.startswith("-"):
        raise Wrong(f'"{value}" is neither a host name nor an address', "write one as relay.example or 203.0.113.10")
    return found


def _ip(value: str, version: int | None = None) -> IpAddress:
    """An address that is written in full."""
    found = parse_literal(value)
    try:
        written = ipaddress.ip_address(value)
    except ValueError:
        written = None
    if found is None or written is None or version not in (None, written.version):
        kind = f"an IPv{version} address" if version else "an IP address"
        raise Wrong(f'"{value}" is not {kind}', "write one as 203.0.113.10, or 2001:db8::1")
    return found


def shown(value: object) -> str:
    """*value* as the file has it, roughly, and never long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
