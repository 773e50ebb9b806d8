"""What names mean to this machine: for what is dialled from here, and for rules that have names looked up.

Whoever waits for a name waits PATIENCE seconds at most, counted from when it was asked for first; until its answer is
here, it means nothing from then on. So a server that is slow or silent holds up the first who ask for a name, and them
for a second.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import trio

from relay.engine import Loop, Timer
from relay.exit.resolver import ResolveError, Resolver
from relay.model.addresses import IpAddress, plain
from relay.model.cause import Cause
from relay.model.network import Node

PATIENCE = 1.0
"""Seconds. A server in the same country answers within 50 ms; what it has to ask abroad takes up to half a second."""
MOST_WAITING = 512
"""Names that are waited for at once; what is asked besides means nothing for now."""


class _Waiting:
    """A name that is being looked up, and who waits for it."""

    __slots__ = ("is_late", "thens", "timer")

    def __init__(self) -> None:
        self.thens: list[Callable[[], None]] = []
        self.is_late = False
        self.timer: Timer | None = None


class OwnNames:
    """`use` comes before all else."""

    def __init__(self, loop: Loop, nursery: trio.Nursery, base: Path) -> None:
        """*base* is the folder of the file, in which the file of names is."""
        self.unasked = 0
        """Names that were not waited for, because too many were."""
        self._loop = loop
        self._nursery = nursery
        self._base = base
        self._machine: Node | None = None
        self._resolver: Resolver | None = None
        self._waiting: dict[str, _Waiting] = {}

    def use(self, machine: Node) -> None:
        """Go by the servers and the file of names of *machine*. OperatorError: that cannot be read; nothing has
        changed."""
        old = self._machine
        if self._resolver is None or old is None or (machine.dns, machine.hosts) != (old.dns, old.hosts):
            self._resolver = Resolver.of_node(self._nursery, machine, self._base)
        else:
            self._resolver.read_again()
        self._machine = machine

    @property
    def resolver(self) -> Resolver:
        """Who looks them up now."""
        assert self._resolver is not None
        return self._resolver

    def known(self, host: str) -> tuple[IpAddress, ...] | None:
        """As `NameFinder.known`."""
        waiting = self._waiting.get(host)
        if waiting is not None:
            return () if waiting.is_late else None
        outcome = self.resolver.cached(host, self._loop.now)
        if outcome is None:
            if len(self._waiting) < MOST_WAITING:
                return None
            self.unasked += 1
            return ()
        return () if isinstance(outcome, Cause) else tuple(map(plain, outcome))

    def ask(self, host: str, then: Callable[[], None]) -> None:
        """As `NameFinder.ask`."""
        waiting = self._waiting.get(host)
        if waiting is None:
            waiting = self._waiting[host] = _Waiting()
            waiting.timer = self._loop.call_at(self._loop.now + PATIENCE, lambda: self._wait_no_more(waiting))
            self._nursery.start_soon(self._look_up, host, waiting)
        waiting.thens.append(then)
        if waiting.is_late:
            self._tell(waiting)

    async def learn(self, host: str) -> None:
        """Wait until *host* is known, or for PATIENCE."""
        with trio.move_on_after(PATIENCE), suppress(ResolveError):
            await self.resolver.resolve(host)

    async def _look_up(self, host: str, waiting: _Waiting) -> None:
        with suppress(ResolveError):  # which is remembered as any answer is
            await self.resolver.resolve(host)
        del self._waiting[host]
        self._tell(waiting)

    def _wait_no_more(self, waiting: _Waiting) -> None:
        waiting.is_late = True
        self._tell(waiting)

    def _tell(self, waiting: _Waiting) -> None:
        if waiting.timer is not None:
            waiting.timer.cancel()
        thens, waiting.thens = waiting.thens, []
        for then in thens:
            self._loop.call_soon(then)
