"""Connects to an address, a name or a literal, with trio: for what is dialled once and lives long.

Whatever happens, a cancel included, one socket is handed over or none is left open. Targets are not dialled here: they
are many, and their addresses have to be judged first (targets.py).
"""

import errno
import os
import socket
from collections.abc import Sequence
from typing import TypeVar

import trio

from relay.model.hosts import NoHost, read_host
from relay.model.network import Address

STAGGER = 0.25
"""Seconds between the starts of attempts (RFC 8305 section 8)."""
MOST_THREADS = 16
"""Names of lines that are resolved at once. The system's resolver blocks a thread, for half a minute when its servers
are silent; trio's own forty are left to others."""

_threads: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("threads for the names of lines")

Item = TypeVar("Item")
SocketAddress = tuple[int, str, int]
"""Address family, literal address, port."""


class DialError(OSError):
    """What was dialled cannot be reached. Its text is one line: what and why; its errno is the kernel's or alike."""

    def __str__(self) -> str:
        return self.strerror or type(self).__name__


async def connect(address: Address) -> tuple[socket.socket, float]:
    """Connect to the first of *address*'s addresses that answers; the caller sets the deadline.

    Returns:
        The socket, non-blocking, and the seconds that its own TCP connect took: without the name, without the
        attempts before it.

    Raises:
        DialError: the name has no address, or none of its addresses accepts.
    """
    return await _race(await _resolve(address), str(address))


def interleave(first: Sequence[Item], second: Sequence[Item]) -> list[Item]:
    """Two families of addresses in turns (RFC 8305 section 4), *first* beginning."""
    shorter = min(len(first), len(second))
    turns = [one for pair in zip(first, second, strict=False) for one in pair]
    return [*turns, *first[shorter:], *second[shorter:]]


async def _resolve(address: Address) -> list[SocketAddress]:
    meaning = read_host(address.host)
    if isinstance(meaning, NoHost):
        raise DialError(errno.EHOSTUNREACH, f"{address.host}: not a name")
    if not isinstance(meaning, str):
        family = socket.AF_INET6 if meaning.version == 6 else socket.AF_INET
        return [(family, str(meaning), address.port)]
    found = await trio.to_thread.run_sync(_ask_system, address, abandon_on_cancel=True, limiter=_limiter())
    led_by = [one for one in found if one[0] == found[0][0]]
    return interleave(led_by, [one for one in found if one[0] != found[0][0]])


def _ask_system(address: Address) -> list[SocketAddress]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise DialError(errno.EHOSTUNREACH, f"{address.host}: {error.strerror or 'not known'}") from error
    return [(int(family), str(where[0]), address.port) for family, _, _, _, where in found]


def _limiter() -> trio.CapacityLimiter:
    """One for each run of trio."""
    try:
        return _threads.get()
    except LookupError:
        _threads.set(trio.CapacityLimiter(MOST_THREADS))
        return _threads.get()


async def _race(addresses: Sequence[SocketAddress], what: str) -> tuple[socket.socket, float]:
    race = _Race()
    try:
        async with trio.open_nursery() as nursery:
            for address in addresses:
                failed = trio.Event()
                nursery.start_soon(race.attempt, address, failed, nursery.cancel_scope)
                with trio.move_on_after(STAGGER):
                    await failed.wait()
    except BaseException:
        if race.won is not None:  # cancelled in the moment of success
            race.won[0].close()
        raise
    if race.won is None:
        code = race.errors[0].errno or 0
        raise DialError(code, f"{what}: {os.strerror(code)}") from race.errors[0]
    return race.won


class _Race:
    """Attempts side by side; the first that connects ends the others."""

    def __init__(self) -> None:
        self.won: tuple[socket.socket, float] | None = None
        self.errors: list[OSError] = []

    async def attempt(self, address: SocketAddress, failed: trio.Event, others: trio.CancelScope) -> None:
        family, host, port = address
        started = trio.current_time()
        try:
            with trio.socket.socket(family, socket.SOCK_STREAM) as sock:
                await sock.connect((host, port))
                if self.won is None:
                    self.won = take_over(sock), trio.current_time() - started
                    others.cancel()
        except OSError as error:
            self.errors.append(error)
            failed.set()


def take_over(sock: trio.socket.SocketType) -> socket.socket:
    """The plain, non-blocking socket out of trio's, which is closed for trio afterwards."""
    plain = socket.socket(fileno=sock.detach())
    plain.setblocking(False)
    return plain
