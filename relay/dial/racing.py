"""Connects to an address, a name or a literal, with trio: for what is dialled once and lives long.

Whatever happens, a cancel included, one socket is handed over or none is left open. Targets are not dialled here: they
are many, and their addresses have to be judged first (`relay.exit.targets`).
"""

import errno
import math
import os
import socket
from collections.abc import Callable, Sequence

import attrs
import trio

from relay.callbacks import ignore
from relay.engine.happy_eyeballs import Race, interleave
from relay.engine.winners import Winners
from relay.model.hosts import NoHost, read_host
from relay.model.network import Address

MOST_THREADS = 16
"""Names of lines that are resolved at once. The system's resolver blocks a thread, for half a minute when its servers
are silent; trio's own forty are left to others."""

_winners: trio.lowlevel.RunVar[Winners] = trio.lowlevel.RunVar("which address of a line's name answers")
_threads: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("threads for the names of lines")

SocketAddress = tuple[int, str, int]
"""Address family, literal address, port."""
Admit = Callable[[int], None]


class DialError(OSError):
    """What was dialled cannot be reached. Its text is one line: what and why; its errno is the kernel's or alike."""

    def __str__(self) -> str:
        return self.strerror or type(self).__name__


async def connect(address: Address, admit: Admit = ignore) -> tuple[socket.socket, float]:
    """Connect to the first of *address*'s addresses that answers; the caller sets the deadline. *admit* is given the
    descriptor of each attempt, and may end it by an OSError.

    Returns:
        The socket, non-blocking, and the seconds that its own TCP connect took: without the name, without the
        attempts before it.

    Raises:
        DialError: the name has no address, or none of its addresses accepts.
    """
    found = {where: (family, where, port) for family, where, port in await _resolve(address)}
    winners = _found_winners()
    order = winners.order(address.host, tuple(found), trio.current_time())
    won = await _race([found[where] for where in order], str(address), admit)
    winners.won(address.host, won.host, won.waited, trio.current_time())
    return won.sock, won.took


def _found_winners() -> Winners:
    """One for each run of trio."""
    try:
        return _winners.get()
    except LookupError:
        _winners.set(Winners())
        return _winners.get()


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


@attrs.frozen
class _Won:
    """The attempt that connected: its socket, how long its own connect took, and its wait for its turn before."""

    sock: socket.socket
    host: str
    took: float
    waited: float


async def _race(addresses: Sequence[SocketAddress], what: str, admit: Admit) -> _Won:
    attempts = _Attempts(addresses, admit)
    try:
        await attempts.run()
    except BaseException:
        if attempts.won is not None:  # cancelled in the moment of success
            attempts.won.sock.close()
        raise
    if attempts.won is None:
        error = attempts.race.error
        raise DialError(error.errno, f"{what}: {os.strerror(error.errno or 0)}") from error
    return attempts.won


class _Attempts:
    """Attempts side by side, begun as `Race` says; the first that connects ends the others."""

    def __init__(self, addresses: Sequence[SocketAddress], admit: Admit) -> None:
        self.race = Race(addresses)
        self._admit = admit
        self.won: _Won | None = None
        self._began = trio.current_time()
        self._failed = trio.Event()

    async def run(self) -> None:
        """Returns when one has connected, or all have failed."""
        async with trio.open_nursery() as nursery:
            while not self.race.is_lost:
                address = self.race.start(trio.current_time())
                if address is not None:
                    nursery.start_soon(self._attempt, address, nursery.cancel_scope)
                at = self.race.next_at
                self._failed = trio.Event()
                with trio.move_on_at(math.inf if at is None else at):
                    await self._failed.wait()

    async def _attempt(self, address: SocketAddress, others: trio.CancelScope) -> None:
        family, host, port = address
        started = trio.current_time()
        try:
            with trio.socket.socket(family, socket.SOCK_STREAM) as sock:
                self._admit(sock.fileno())
                await sock.connect((host, port))
                if self.won is None:
                    took = trio.current_time() - started
                    self.won = _Won(take_over(sock), host, took, started - self._began)
                    others.cancel()
        except OSError as error:
            self.race.fail(error)
            self._failed.set()


def take_over(sock: trio.socket.SocketType) -> socket.socket:
    """The plain, non-blocking socket out of trio's, which is closed for trio afterwards."""
    plain = socket.socket(fileno=sock.detach())
    plain.setblocking(False)
    return plain
