"""Carriers for datagrams of paths with a line that is deaf to UDP: to the end of the last such line, and over UDP on.

Which line is deaf nobody tells: the carrier ends behind the first line that may be, and one further whenever nothing
is heard by it. The nodes it ends at know the path's label, or are the exit.
"""

import random
from collections.abc import Sequence
from typing import Protocol

import trio

from ingress.paths.backoff import Backoff
from ingress.paths.dial import SetupFailed, open_carrier
from ingress.paths.live import LivePath, SetupOptions
from relay import __version__, log
from relay.carrier.datagram_link import DatagramLink
from relay.datagram.backlog import Backlog
from relay.engine import Loop
from relay.wire.codes import Purpose
from relay.wire.setup import Hello

PING = 4.0
"""Seconds between pings: a node drops a carrier on which nothing came for 10."""
SILENCE = 10.0
"""Seconds without a byte after which a carrier is closed here, too."""


WAITS = 3.0
"""Seconds for which datagrams wait for a carrier that was asleep: several round trips over any path."""


class DatagramRider(Protocol):
    """Whose datagrams go by a carrier."""

    def carrier_up(self, carrier: "DatagramCarrier", now: float) -> None:
        """There is a way now, or again."""

    def carrier_refused(self, carrier: "DatagramCarrier") -> None:
        """None came up; another attempt will be made."""

    def carried(self, data: bytes) -> None:
        """A datagram has come by it."""


class DatagramCarrier:
    """One path's, over its first *lines* lines; stands for an `UdpOut`."""

    address = None

    def __init__(self, loop: Loop, options: SetupOptions, live: LivePath, lines: int, rider: DatagramRider) -> None:
        self.path = live.path.prefix(lines)
        self._loop = loop
        self._options = options
        self._live = live
        self._rider = rider
        self._link: DatagramLink | None = None
        self._scope = trio.CancelScope()
        self._lost = trio.Event()
        self._woken = trio.Event()
        self._waiting: Backlog | None = None
        """What waits for it to come up again; None while nothing does: it is not asleep."""
        self._pings = 0
        self._dropped = 0

    def __repr__(self) -> str:
        state = "up" if self.is_up else "asleep" if self.is_asleep else "down"
        return f"<DatagramCarrier {self.path.name} {state}>"

    @property
    def is_up(self) -> bool:
        """Whether it takes datagrams."""
        return self._link is not None

    @property
    def dropped(self) -> int:
        """Datagrams that would have been late."""
        waited = 0 if self._waiting is None else self._waiting.dropped
        return self._dropped + waited + (0 if self._link is None else self._link.dropped)

    @property
    def is_asleep(self) -> bool:
        """Whether it was let go until something is to be sent, or is about to come back for that."""
        return self._waiting is not None

    def put(self, part: bytes | memoryview) -> None:
        """As `UdpOut.put`. If it is asleep it wakes up, and *part* waits for it."""
        if self._link is not None:
            self._link.send(part)
        elif self._waiting is not None:
            self._waiting.put(bytes(part), self._loop.now)
            self._woken.set()

    def wake(self) -> None:
        """Come up again, if it is asleep: something may be to be sent."""
        self._woken.set()

    def sleep(self) -> None:
        """Nothing is sent: let the connection go until something is."""
        if self._link is not None:
            self._waiting, self._woken = Backlog(WAITS), trio.Event()
            self._link.close("nothing is sent over it")

    def put_all(self, parts: Sequence[bytes]) -> None:
        """As `UdpOut.put_all`."""
        for part in parts:
            self.put(part)

    # ---- its life

    async def keep(self) -> None:
        """Hold it open until `close`."""
        backoff = Backoff()
        with self._scope:
            while True:
                backoff.ended(await self._live_once())
                if self._waiting is not None and not self._woken.is_set():
                    await self._woken.wait()
                    continue
                await trio.sleep(backoff.wait * random.uniform(0.5, 1.0))

    def close(self) -> None:
        """It is not wanted any more. Harmless when repeated."""
        self._scope.cancel()
        link, self._link = self._link, None
        if link is not None:
            self._dropped += link.dropped
            link.close("not wanted any more")

    async def _live_once(self) -> float:
        """Seconds that a carrier lived; 0 if none came up."""
        options, since = self._options, trio.current_time()
        try:
            opened = await open_carrier(self.path, self._hello(), options.context, options.base)
        except SetupFailed as failed:
            log.event("carrier-failed", level="debug", about=self.path.name, path=self.path.name, why=str(failed))
            self._rider.carrier_refused(self)
            return 0.0
        self._lost = trio.Event()
        self._link = DatagramLink(self._loop, opened.tls, self)
        log.event("datagrams-carried", level="info", about=self._live.name, path=self._live.name, over=self.path.name)
        self._send_waiting(self._link)
        self._rider.carrier_up(self, self._loop.now)
        self._ping(self._link)
        await self._lost.wait()
        return trio.current_time() - since

    def _send_waiting(self, link: DatagramLink) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            for part in waiting.take(self._loop.now, waiting.size):
                link.send(part)
            self._dropped += waiting.dropped

    def _hello(self) -> Hello:
        network, token = self._options.network, self._live.peer.session.token
        digest = network.digest_for(self.path.end)
        via = self.path.hops[-1].line.name
        return Hello(Purpose.DATAGRAM, token, False, digest, network.serial, __version__, via)

    def _ping(self, link: DatagramLink) -> None:
        if link is not self._link:
            return
        if self._loop.now - link.heard_at > SILENCE:
            link.close("silent")
            return
        self._pings += 1
        link.ping(self._pings)
        self._loop.call_at(self._loop.now + PING, lambda: self._ping(link))

    # ---- as the owner of its link

    def on_datagram(self, link: DatagramLink, data: bytes) -> None:
        """As `DatagramLinkOwner.on_datagram`."""
        self._rider.carried(data)

    def on_pong(self, link: DatagramLink, name: int) -> None:
        """It lives; the heartbeats on it say more."""

    def on_lost(self, link: DatagramLink, why: str) -> None:
        """As `DatagramLinkOwner.on_lost`."""
        if link is self._link:
            self._link = None
            self._dropped += link.dropped
            self._lost.set()
            log.event("carrier-lost", about=self.path.name, path=self.path.name, why=why)


class DatagramCarriers:
    """Makes them, in the nursery of the fleet."""

    def __init__(self, loop: Loop, nursery: trio.Nursery, options: SetupOptions) -> None:
        self._loop = loop
        self._nursery = nursery
        self._options = options

    def open(self, live: LivePath, lines: int, rider: DatagramRider) -> DatagramCarrier:
        """One over the first *lines* lines of *live*, which is held open from now on."""
        made = DatagramCarrier(self._loop, self._options, live, lines, rider)
        self._nursery.start_soon(made.keep)
        return made
