"""Names to addresses, at the exit. One look-up per name, shared by all who ask; a name that is known costs no task.

Files come before DNS, and are read again when they change. A server that does not answer holds up only those who ask
for names it has to be asked for, and them for LIMIT seconds at most.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import trio

from relay import log
from relay.errors import OperatorError
from relay.exit.dnscache import FAILURE, Answer, Cache, Outcome
from relay.exit.dnsquery import look_up
from relay.exit.dnsservers import Servers
from relay.exit.hostsfile import Hosts, ResolvConf
from relay.exit.namefiles import NameFiles, Names
from relay.model.addresses import LOCALHOST_ADDRESSES, is_localhost
from relay.model.cause import Cause
from relay.model.hosts import parse_name
from relay.model.network import Address, Node

LIMIT = 5.0
"""Seconds after which a name is given up. Clients wait 10 to 30 s for a whole connection."""
MOST_AT_ONCE = 512
"""Look-ups in flight, each with one or two descriptors; more wait their turn, inside their LIMIT."""
LOOK = 1.0
"""Seconds between looks at whether files have changed, while names are asked for. One look takes some 5 µs."""


class ResolveError(Exception):
    """The name has no address, and why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.word)
        self.cause = cause


class _Lookup:
    """One look-up in flight and those who wait for it."""

    __slots__ = ("askers", "done", "outcome", "scope")

    def __init__(self) -> None:
        self.askers = 0
        self.done = trio.Event()
        self.outcome: Outcome = Cause.DNS_TIMEOUT
        self.scope = trio.CancelScope()


class Resolver:
    """Resolves for one exit; look-ups run in *nursery*, which outlives it.

    Args:
        servers: asked in this order; the one that answered last is asked first.
        hosts: canonical names that DNS is not asked for.
        files: whence both come, to be looked at now and then.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        servers: Sequence[Address],
        hosts: Hosts | None = None,
        *,
        over_tcp: bool = False,
        files: NameFiles | None = None,
    ) -> None:
        self._nursery = nursery
        self._files = files
        self._look_at = -math.inf
        self._is_reading = False
        self._hosts = hosts or {}
        self._conf = ResolvConf(tuple(servers), over_tcp)
        self._servers = Servers(servers, over_tcp=over_tcp)
        self._cache = Cache()
        self._in_flight: dict[str, _Lookup] = {}
        self._turns = trio.CapacityLimiter(MOST_AT_ONCE)

    @classmethod
    def of_node(cls, nursery: trio.Nursery, node: Node, base: Path) -> "Resolver":
        """The resolver that *node* asks for: its servers or the system's, its file (seen from *base*) and the system's.

        Raises:
            OperatorError: its file of names cannot be read.
        """
        return cls.of_files(nursery, NameFiles(node, base))

    @classmethod
    def of_files(cls, nursery: trio.Nursery, files: NameFiles) -> "Resolver":
        """One that goes by *files*, whatever becomes of them."""
        conf = files.names.conf
        return cls(nursery, conf.servers, files.names.hosts, over_tcp=conf.over_tcp, files=files)

    def __repr__(self) -> str:
        return f"<Resolver {len(self._cache)} names known, {len(self._in_flight)} in flight>"

    def read_again(self) -> None:
        """Read the files it goes by, if there are any (large ones soon, and aside), and forget what DNS has said.

        Raises:
            OperatorError: the node's own file cannot be read; nothing has changed.
        """
        if self._files is not None:
            self._files.read_again()
            self._use(self._files.names)
            self._forget()
            self._read_due(self._files)

    def _look(self, files: NameFiles, now: float) -> None:
        self._look_at = now + LOOK
        if files.look():
            self._use(files.names)
        self._read_due(files)

    def _read_due(self, files: NameFiles) -> None:
        if files.is_due and not self._is_reading:
            self._is_reading = True
            self._nursery.start_soon(self._read_aside, files)

    async def _read_aside(self, files: NameFiles) -> None:
        """Until they are read the old names hold. If they have changed once more meanwhile, this counts for nothing."""
        try:
            while files.is_due:
                files.is_due, stamps = False, files.stamps
                names = await trio.to_thread.run_sync(files.read, abandon_on_cancel=True)
                if files.stamps is stamps:
                    files.take(names)
                    self._use(names)
        except OperatorError as error:
            log.event("names-unreadable", level="warning", why=str(error))
        finally:
            self._is_reading = False

    def _use(self, names: Names) -> None:
        self._hosts = names.hosts
        if names.conf != self._conf:
            self._conf = names.conf
            self._servers = Servers(names.conf.servers, over_tcp=names.conf.over_tcp)
            self._forget()

    def _forget(self) -> None:
        """Other servers may say something else; who waits for the old ones goes on, and nobody joins."""
        self._cache = Cache()
        self._in_flight.clear()

    def cached(self, host: str, now: float) -> Outcome | None:
        """What is known of *host* without asking: addresses in the order to dial them, a cause, or None."""
        name = parse_name(host)
        if name is None:
            return Cause.NAME_NOT_FOUND
        if now >= self._look_at and self._files is not None:
            self._look(self._files, now)
        return self._known(name, now)

    async def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of *host*, at least one, in the order to dial them.

        Cancelled, it leaves the look-up to the others who wait for it; the last to leave ends it.

        Raises:
            ResolveError: there is none, or nobody said so within LIMIT.
        """
        await trio.lowlevel.checkpoint()
        outcome = self.cached(host, trio.current_time())
        if outcome is None:
            outcome = await self._shared(parse_name(host) or host)
        if isinstance(outcome, Cause):
            raise ResolveError(outcome)
        return outcome

    def _known(self, name: str, now: float) -> Outcome | None:
        if name in self._hosts:
            return self._hosts[name]
        if is_localhost(name):
            return LOCALHOST_ADDRESSES
        return self._cache.get(name, now)

    async def _shared(self, name: str) -> Outcome:
        lookup = self._in_flight.get(name)
        if lookup is None:
            lookup = self._in_flight[name] = _Lookup()
            self._nursery.start_soon(self._run, name, lookup)
        lookup.askers += 1
        try:
            await lookup.done.wait()
        finally:
            lookup.askers -= 1
            if lookup.askers == 0 and not lookup.done.is_set():
                self._leave(name, lookup)
                lookup.scope.cancel()
        return lookup.outcome

    async def _run(self, name: str, lookup: _Lookup) -> None:
        """Fill in the outcome; whatever happens, those who wait are woken."""
        try:
            with lookup.scope:
                await self._ask(name, lookup)
        finally:
            self._leave(name, lookup)
            lookup.done.set()

    async def _ask(self, name: str, lookup: _Lookup) -> None:
        answer, cache = Answer(Cause.DNS_TIMEOUT, FAILURE), self._cache
        try:
            with trio.move_on_after(LIMIT):
                async with self._turns:
                    answer = await look_up(name, self._servers)
        except OSError:  # out of descriptors: it says nothing of the name
            lookup.outcome = Cause.LIMIT
            return
        except Exception as error:  # noqa: BLE001 - what a stranger's server sent must not end the node
            log.event("look-up-failed", level="error", error=repr(error))
            lookup.outcome = Cause.INTERNAL
            return
        lookup.outcome = answer.outcome
        cache.put(name, answer, trio.current_time())

    def _leave(self, name: str, lookup: _Lookup) -> None:
        if self._in_flight.get(name) is lookup:
            del self._in_flight[name]
