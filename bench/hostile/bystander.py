"""Somebody who only wants to work meanwhile: echoes, a steady download, and now and then a new connection."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from bench.survive.load import BROKEN
from bench.survive.pieces import Checker, WrongBytes
from bench.survive.route import Route, exchange
from bench.survive.watch import Echoes

ECHOES, ECHO_EVERY = 4, 0.1
PIECE = 15_000
"""Bytes of the download every 10 ms: 1.5 MB/s, far from what the processes can carry."""
CALL_EVERY, CALL_PATIENCE = 0.5, 10.0
WORD = 16
FLOWING = 20.0
"""Seconds within which all of it must have begun."""


class Bystander:
    """Works from `begin` on; `lost` tells which of its streams broke, and why."""

    def __init__(self, route: Route, target: tuple[str, int]) -> None:
        self._route, self._target = route, target
        self.echoes = [Echoes() for _ in range(ECHOES)]
        self.download: list[tuple[float, int]] = []
        """When bytes came, and how many."""
        self.calls: list[tuple[float, str]] = []
        """When each new connection was begun, and why it failed, or nothing."""
        self.lost: dict[str, str] = {}
        self.lags: list[tuple[float, float]] = []
        """When our own loop was late, and by how much."""

    def begin(self, nursery: trio.Nursery) -> None:
        """Start everything."""
        for number, echoes in enumerate(self.echoes):
            nursery.start_soon(self._run, f"echo {number + 1}", self._echo_of(echoes, number * ECHO_EVERY / ECHOES))
        nursery.start_soon(self._run, "download", self._download)
        nursery.start_soon(self._call_for_ever, nursery)
        nursery.start_soon(self._watch_ourselves)

    async def until_flowing(self) -> None:
        """Until every stream has moved something."""
        with trio.fail_after(FLOWING):
            while not (self.download and all(one.took for one in self.echoes)) and not self.lost:  # noqa: ASYNC110
                await trio.sleep(0.02)

    # what came of it

    def round_trips(self, since: float, until: float) -> list[float]:
        """Of what was said in that time, in order of size; what is not back has lasted until then."""
        found = []
        for one in self.echoes:
            took = [*one.took, *(until - sent for sent in one.sent[len(one.took) :])]
            found += [t for sent, t in zip(one.sent, took, strict=True) if since <= sent < until]
        return sorted(found)

    def speed(self, since: float, until: float) -> float:
        """Bytes of the download a second."""
        return sum(size for at, size in self.download if since <= at < until) / (until - since)

    def failed(self, since: float, until: float) -> Sequence[str]:
        """Why new connections of that time failed."""
        return [why for began, why in self.calls if why and since <= began < until]

    def lag(self, since: float, until: float) -> float:
        """How late our own loop was at worst."""
        return max((late for at, late in self.lags if since <= at < until), default=0.0)

    # the work

    async def _run(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except* BROKEN as group:
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            self.lost[name] = str(error.__cause__ or error) or type(error).__name__

    async def _download(self) -> None:
        async with await self._route.open(self._target) as stream:
            await stream.send_all(b"down %d\n" % PIECE)
            checker = Checker(PIECE)
            while data := await stream.receive_some(1 << 18):
                self.download.append((trio.current_time(), len(data)))
                checker.add(data)
            raise WrongBytes("ended by the other side")

    def _echo_of(self, echoes: Echoes, after: float) -> Callable[[], Awaitable[None]]:
        async def echo() -> None:
            await trio.sleep(after)
            async with await self._route.open(self._target) as stream, trio.open_nursery() as nursery:
                await stream.send_all(b"echo\n")
                nursery.start_soon(say_words, stream, echoes)
                await hear_words(stream, echoes)

        return echo

    async def _call_for_ever(self, nursery: trio.Nursery) -> None:
        while True:
            nursery.start_soon(self._call)
            await trio.sleep(CALL_EVERY)

    async def _call(self) -> None:
        began, why = trio.current_time(), ""
        try:
            with trio.fail_after(CALL_PATIENCE):
                async with await self._route.open(self._target) as stream:
                    await exchange(stream)
        except BROKEN as error:
            why = str(error.__cause__ or error) or type(error).__name__
        self.calls.append((began, why))

    async def _watch_ourselves(self) -> None:
        while True:
            due = trio.current_time() + 0.02
            await trio.sleep_until(due)
            self.lags.append((due, trio.current_time() - due))


async def say_words(stream: trio.SocketStream, echoes: Echoes) -> None:
    """A numbered word, ten times a second, whether or not the last one is back."""
    while True:
        echoes.sent.append(trio.current_time())
        await stream.send_all(b"%0*d" % (WORD, len(echoes.sent)))
        await trio.sleep(ECHO_EVERY)


async def hear_words(stream: trio.SocketStream, echoes: Echoes) -> None:
    """Each must come back, whole and in order."""
    heard = b""
    while data := await stream.receive_some(4096):
        heard += data
        while len(heard) >= WORD:
            if heard[:WORD] != b"%0*d" % (WORD, len(echoes.took) + 1):
                raise WrongBytes("a word is wrong")
            echoes.came_back(trio.current_time())
            heard = heard[WORD:]
    raise WrongBytes("ended by the other side")


def share(ordered: Sequence[float], part: float) -> float:
    """The least that *part* of all do not exceed; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def middle(ordered: Sequence[float]) -> float:
    """Their median; 0 of nothing."""
    return statistics.median(ordered) if ordered else 0.0


@asynccontextmanager
async def working(route: Route, target: tuple[str, int]) -> AsyncIterator[Bystander]:
    """A bystander whose streams flow; at the end of the block everything is broken off."""
    bystander = Bystander(route, target)
    async with trio.open_nursery() as nursery:
        bystander.begin(nursery)
        await bystander.until_flowing()
        yield bystander
        nursery.cancel_scope.cancel()
