"""Hosts of targets: as people write them; the site of one, which shares its sessions and whereabouts; its family."""

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from relay.model.addresses import plain
from relay.model.families import Families
from relay.model.hosts import NoHost, asked_host, parse_literal
from relay.policy import is_public

DEFAULT_PORT = 443
TCP, UDP = "tcp", "udp"


@lru_cache(maxsize=16_384)
def site_of(host: str) -> str:
    """The part of *host* that somebody has registered, by the Public Suffix List, its private part included (so that
    two customers of github.io are two sites); a literal address, or a suffix itself, whole."""
    host = host.lower().rstrip(".")
    if ":" in host or host.rpartition(".")[2].isdigit():
        return host
    return load_suffixes().privatesuffix(host) or host


@cache
def load_suffixes() -> PublicSuffixList:
    """The list; read by the first call, which takes a few hundred milliseconds."""
    return PublicSuffixList()


@lru_cache(maxsize=16_384)
def family_of(host: str) -> Families | None:
    """The family of the address that *host* is; None for a name."""
    literal = parse_literal(host)
    return None if literal is None else Families.of(literal.version)


@lru_cache(maxsize=16_384)
def needed_family_of(host: str) -> Families | None:
    """The family by which an exit must reach the world for it. None for a name, of which nothing is known here, and for
    an address of somebody's own network, which lies outside the world."""
    literal = parse_literal(host)
    return None if literal is None or not is_public(literal) else Families.of(literal.version)


def parse_question(text: str) -> tuple[str, int, str]:
    """As `parse_target`; behind it may stand `/udp` or `/tcp`, which is the last value and without that `tcp`."""
    target, slash, protocol = text.rpartition("/")
    if not slash:
        target, protocol = text, TCP
    if protocol not in (TCP, UDP):
        raise ValueError(f"{protocol!r} is no protocol: write /udp, or nothing")
    return *parse_target(target), protocol


def parse_target(text: str) -> tuple[str, int]:
    """HOST, HOST:PORT, [V6]:PORT or a bare IPv6 address; the port is 443 if it is left out.

    Returns:
        The host as the doors spell it, and the port.

    Raises:
        ValueError: it is none of these.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        host, port = text, str(DEFAULT_PORT)
    found = asked_host(host)
    if isinstance(found, NoHost):
        raise ValueError(f"there is no host in it: {found.why}")
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"{port!r} is no port: write a number from 1 to 65535")
    return found, int(port)


def parse_client(text: str) -> str:
    """The address of a client as somebody has typed it, as a connection would tell it; empty if nothing is said.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        return text and str(plain(text))
    except ValueError as error:
        raise ValueError(f'"{text}" is no address of a client; write one as 192.168.1.23') from error
