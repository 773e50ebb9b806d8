"""All of `ingress.client` on a test bed: the real entrance, opener, doors and chooser, clients on real sockets, and
exits that are the far ends of real sessions, back to back under virtual time. No node, no carrier over TLS.

A test reads as a script: what the client sends, what the exit says, what the client hears. Time stands still but for
`ClientBed.passes`; between two lines of a script everything that is under way arrives (`ClientBed.settle`).
"""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest
import trio
from trio.abc import Clock
from trio.testing import wait_all_tasks_blocked

from ingress.choice.chooser import Chooser
from ingress.client.allowances import Allowances
from ingress.client.associations import ClientAssociations
from ingress.client.client_accounts import ClientAccounts
from ingress.client.client_stream import ClientStream
from ingress.client.entrance import Entrance
from ingress.client.opener import Opener
from ingress.config import Forward, IngressConfig
from ingress.measure.figures import PathFigures
from ingress.usage.usage import Usage
from ingress.users import Users
from relay.callbacks import ignore
from relay.engine import Loop
from relay.engine.sockopts import reset_on_close
from relay.model.network import Address, Network, Node
from relay.model.walk import Paths
from relay.session.ledger import holds_all
from tests.ingress.choice.figures import figure
from tests.ingress.client.counterparts import Echoes, Exit, Holder, Program, SessionPaths
from tests.ingress.client.messages import HOST
from tests.ingress.client.test_permits import AT, CONFIG
from tests.relay.engine.conftest import Sockets
from tests.world import Journal

START = 100.0
"""Where the clock stands at first: that of the session pairs."""
WALL = 1.8e9
"""Seconds since 1970: the hour 500,000."""
ONE_PATH = (figure("a>us", 100),)
TWO_EXITS = (figure("a>us", 100), figure("b>eu", 150))
TWO_PATHS = (figure("a>us", 100), figure("b>us", 150))


class ClientBed:
    """Made by `ClientBeds`."""

    def __init__(
        self,
        clock: "ClientBeds",
        nursery: trio.Nursery,
        figures: Sequence[PathFigures],
        users: Users | None,
        config: IngressConfig,
    ) -> None:
        self.clock, self.nursery, self.journal, self.config = clock, nursery, clock.journal, config
        self.sockets = Sockets()
        self.loop = Loop()
        self.paths = SessionPaths()
        self.chooser = Chooser(sorted({one.exit for one in figures}))
        for one in figures:
            self.paths.build(one.name, one.exit)
        self.usage = Usage(lambda: WALL)
        self.accounts = ClientAccounts(self.usage, sites=config.sites)
        self.allowances = Allowances(self.loop)
        self.opener = Opener(
            self.loop, self.chooser, self.paths, self._has_room, self.accounts, self.allowances, config
        )
        self.datagrams = Echoes(self.chooser.connect_times.exits)
        self.associations = ClientAssociations(
            self.loop, self.chooser, self.datagrams, self.accounts, self.allowances, config
        )
        self.entrance = Entrance(self.loop, nursery, self.opener, self.associations, config, users)
        self.expects_failure = False
        """A door that raises is part of the script."""
        nursery.start_soon(self.loop.run)

    # ---- who plays

    def exit(self, name: str = "us") -> Exit:
        return self.paths.exits[name]

    def program(
        self,
        address: str = "127.0.0.1",
        *,
        forward: Forward | None = None,
        buffers: int = 0,
        listen: Address | None = None,
    ) -> Program:
        """A client that has connected, from *address* to *listen*."""
        near, far = self.sockets.pair(buffers)
        reset_on_close(near)  # as those that our listeners accept
        if forward is None:
            self.entrance.accept(listen or self.config.listen[0], near, (address, 50_000))
        else:
            self.entrance.accept_forward(forward, near, (address, 50_000))
        return Program(far, self.settle)

    def open(self, holder: Holder, host: str = HOST, port: int = 443, client: str = "10.0.0.1") -> ClientStream:
        """A stream that the opener has opened, or lets wait."""
        found = self.opener.open(holder, host, port, client, "")
        assert isinstance(found, ClientStream)
        holder.stream = found
        return found

    def rank(self, *figures: PathFigures) -> None:
        """These are the paths now."""
        self.chooser.rank(figures, self.clock.now)

    def use(self, config: IngressConfig, users: Users | None = None) -> None:
        """As a reload does."""
        self.opener.use(config)
        self.entrance.use(config, users)

    # ---- time

    async def settle(self) -> None:
        """Let everything that is under way arrive, and threads finish."""
        threads = trio.to_thread.current_default_thread_limiter()
        while True:
            await wait_all_tasks_blocked()
            if threads.borrowed_tokens:
                await trio.lowlevel.checkpoint()
            elif not any(one.pair.step() for one in self.paths.exits.values()):
                return

    async def passes(self, seconds: float) -> None:
        """So much time goes by, at once; what was due meanwhile is done. Then comes a round, as the fleet makes it, and
        a ping on every carrier."""
        self.clock.jump(seconds)
        for one in self.paths.exits.values():
            one.passes(seconds)
        self.loop.call_soon(ignore)  # it looks at its timers
        await self.settle()
        self.opener.each_round()
        await self.settle()

    # ---- what must be true

    def assert_empty(self) -> None:
        """Nothing is left of any client or stream."""
        assert self.entrance.clients == 0
        assert self.opener.waiting == 0 and self.opener.unacknowledged == 0
        for one in self.paths.exits.values():
            one.pair.assert_forgotten()
        assert self.loop.statistics().endpoints == 0

    def _has_room(self, most: int) -> bool:
        sessions = [one.pair.ingress for one in self.paths.exits.values()]
        return sum(len(one.streams) for one in sessions) < most and not any(
            holds_all(one.memory, one.streams.values()) for one in sessions
        )


def make_config(figures: Sequence[PathFigures], allow: Mapping[str, Any] | None = None, **others: Any) -> IngressConfig:
    """What the file of such a network says; *allow* is by exit, and answers are true unless *others* say otherwise."""
    nodes = {one.exit: Node(one.exit, AT, (), exit=True, allow=(allow or {}).get(one.exit, ())) for one in figures}
    network = Network(("shanghai",), nodes, {})
    paths = Paths(tuple(one.path for one in figures))
    return attrs.evolve(CONFIG, **{"answer": "true", "network": network, "paths": paths, **others})


class ClientBeds(Clock):
    """Makes beds. It is the clock of their run as well, and stands still but for `jump`."""

    def __init__(self) -> None:
        self.now = START
        self.journal = Journal()
        self.made: list[ClientBed] = []
        self._nursery: trio.Nursery | None = None

    def start_clock(self) -> None:
        """It never runs."""

    def current_time(self) -> float:
        return self.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return 0.0 if deadline <= self.now else math.inf

    def jump(self, seconds: float) -> None:
        self.now += seconds

    async def __call__(
        self, *figures: PathFigures, users: Users | None = None, is_up: bool = True, **config: Any
    ) -> ClientBed:
        """A bed with these paths, of which the chooser knows if they are up; the rest is as in `make_config`."""
        figures = figures or ONE_PATH
        bed = ClientBed(self, await self._own_nursery(), figures, users, make_config(figures, **config))
        if is_up:
            bed.rank(*figures)
        self.made.append(bed)
        return bed

    async def _own_nursery(self) -> trio.Nursery:
        """It ends with the run."""
        if self._nursery is None:
            trio.lowlevel.spawn_system_task(self._host)
            await wait_all_tasks_blocked()
        assert self._nursery is not None
        return self._nursery

    async def _host(self) -> None:
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()


@contextlib.contextmanager
def open_beds() -> Iterator[ClientBeds]:
    """For one run of trio, whose clock they are. Behind it, nothing may have raised inside a loop that was not to."""
    beds = ClientBeds()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relay.log.event", beds.journal.event)
        patch.setattr("relay.engine.loop.LINGER", 0.0)  # time stands still: nothing comes by waiting
        yield beds
    for bed in beds.made:
        bed.sockets.close()
    if not any(bed.expects_failure for bed in beds.made):
        assert beds.journal.of("handler-failed") == []
