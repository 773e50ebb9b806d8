"""All kinds of connections at once, as a person's programs would hold them while a path fails.

A download, an upload, an echo every 20 ms, the same echo over a redundant stream, and a new request every 100 ms; the
target is here too. What must stay true: a stream that breaks, stops or carries a wrong byte is lost, with its reason,
and disturbs no other; the load tells how late its own loop was, since that is no pause of anybody's.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from bench.survive.pieces import WrongBytes
from bench.survive.route import Refused, Route, exchange
from bench.survive.target import Target, send_pieces, take_pieces
from bench.survive.watch import Arrivals, Echoes, Requests

DOWN, UP = 30_000, 15_000
"""Bytes of a piece; at a piece every 10 ms, 3 and 1.5 MB/s: bulk, and far from what the processes can carry."""
ECHO_EVERY, REQUEST_EVERY, TICK = 0.02, 0.1, 0.01
WORD = 16
"""Bytes of an echoed message."""
PATIENCE = 30.0
"""Seconds after which a request is given up; a person would have left."""
FINISH = 15.0
"""Seconds within which a stream must come to its good end once that is asked for."""
BROKEN = (trio.BrokenResourceError, WrongBytes, Refused, OSError, trio.TooSlowError)


@dataclass
class Verdicts:
    """What became of the load."""

    download: Arrivals = field(default_factory=Arrivals)
    upload: Arrivals = field(default_factory=Arrivals)
    echo: Echoes = field(default_factory=Echoes)
    redundant: Echoes = field(default_factory=Echoes)
    requests: Requests = field(default_factory=Requests)
    lost: dict[str, str] = field(default_factory=dict)
    """By stream: why it was lost."""
    broke_at: dict[str, float] = field(default_factory=dict)
    struck: str = ""
    """What was broken."""
    lags: list[tuple[float, float]] = field(default_factory=list)
    """When our own loop was late, and by how much."""

    def lag(self, since: float, until: float) -> float:
        """The worst lateness of our own loop in that time."""
        return max((late for at, late in self.lags if since <= at < until), default=0.0)


class Load:
    """Runs in a nursery of its own; `stop` asks every stream to come to a good end."""

    def __init__(self, route: Route, target: Target, only: str | None = None) -> None:
        """*only* names the one stream that there is beside the requests; all, if it names none."""
        self.verdicts = Verdicts()
        self._target = target
        self._only = only
        self._route = route
        self._address, self._redundant = target.addresses
        self._stop = trio.Event()
        self._ended = {name: trio.Event() for name in self._jobs()}

    def _jobs(self) -> dict[str, Callable[[], Awaitable[None]]]:
        jobs: dict[str, Callable[[], Awaitable[None]]] = {
            "download": self._download,
            "upload": self._upload,
            "echo": self._echo,
            "redundant echo": self._second_echo,
        }
        return jobs if self._only is None else {self._only: jobs[self._only]}

    def begin(self, nursery: trio.Nursery) -> None:
        """Start everything."""
        for name, job in self._jobs().items():
            nursery.start_soon(self._run, name, job)
        nursery.start_soon(self._request_for_ever, nursery)
        nursery.start_soon(self._watch_ourselves)

    async def finish(self) -> None:
        """Ask every stream for its good end, and wait for it; what does not come to it has hung."""
        self._stop.set()
        with trio.move_on_after(FINISH):
            for ended in self._ended.values():
                await ended.wait()
        for name, ended in self._ended.items():
            if not ended.is_set():
                self.verdicts.lost[name] = "hangs"

    async def wait_flowing(self) -> None:
        """Until every stream has moved something or is lost."""
        seen = self.verdicts
        while not (all(map(self._moved, self._ended)) and seen.requests.done):  # noqa: ASYNC110 - nobody tells of it
            await trio.sleep(ECHO_EVERY)
        seen.upload = self._target.uploads[-1] if self._target.uploads else seen.upload

    def _moved(self, name: str) -> bool:
        if self._ended[name].is_set():
            return True
        seen = self.verdicts
        places = {
            "download": seen.download.at,
            "upload": [] if not self._target.uploads else self._target.uploads[-1].at,
            "echo": seen.echo.took,
            "redundant echo": seen.redundant.took,
        }
        return bool(places[name])

    async def _run(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        try:
            await job()
        except* BROKEN as group:
            self._lose(name, group.exceptions[0])
        finally:
            self._ended[name].set()

    def _lose(self, name: str, error: BaseException) -> None:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        self.verdicts.lost[name] = str(error.__cause__ or error) or type(error).__name__
        self.verdicts.broke_at[name] = trio.current_time()

    async def _download(self) -> None:
        async with await self._route.open(self._address) as stream:
            await stream.send_all(b"down %d\n" % DOWN)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._say_stop, stream)
                await take_pieces(stream, DOWN, self.verdicts.download)

    async def _say_stop(self, stream: trio.SocketStream) -> None:
        await self._stop.wait()
        await stream.send_all(b".")

    async def _upload(self) -> None:
        async with await self._route.open(self._address) as stream:
            await stream.send_all(b"up %d\n" % UP)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hear_end, stream)
                await send_pieces(stream, UP, self._stop)

    async def _hear_end(self, stream: trio.SocketStream) -> None:
        answer = await stream.receive_some(WORD)
        if answer != b"whole":
            raise WrongBytes("the target ended it")

    async def _echo(self) -> None:
        await self._echo_to(self._address, self.verdicts.echo)

    async def _second_echo(self) -> None:
        await self._echo_to(self._redundant, self.verdicts.redundant)

    async def _echo_to(self, address: tuple[str, int], echoes: Echoes) -> None:
        async with await self._route.open(address) as stream:
            await stream.send_all(b"echo\n")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._say_words, stream, echoes)
                await self._hear_words(stream, echoes)
                nursery.cancel_scope.cancel()

    async def _say_words(self, stream: trio.SocketStream, echoes: Echoes) -> None:
        due = trio.current_time()
        while not self._stop.is_set():
            echoes.sent.append(trio.current_time())
            await stream.send_all(b"%0*d" % (WORD, len(echoes.sent)))
            due = max(due + ECHO_EVERY, trio.current_time())
            await trio.sleep_until(due)

    async def _hear_words(self, stream: trio.SocketStream, echoes: Echoes) -> None:
        heard = b""
        while not (self._stop.is_set() and len(echoes.took) == len(echoes.sent)):
            data = await stream.receive_some(4096)
            if not data:
                raise WrongBytes("ended by the other side")
            heard += data
            while len(heard) >= WORD:
                if heard[:WORD] != b"%0*d" % (WORD, len(echoes.took) + 1):
                    raise WrongBytes("a message is wrong")
                echoes.came_back(trio.current_time())
                heard = heard[WORD:]

    async def _request_for_ever(self, nursery: trio.Nursery) -> None:
        due = trio.current_time()
        while not self._stop.is_set():
            nursery.start_soon(self._request)
            due += REQUEST_EVERY
            await trio.sleep_until(due)

    async def _request(self) -> None:
        began, why = trio.current_time(), None
        waiting = self.verdicts.requests.waiting
        waiting.add(began)
        try:
            with trio.fail_after(PATIENCE):
                async with await self._route.open(self._address) as stream:
                    await exchange(stream)
        except BROKEN as error:
            why = str(error.__cause__ or error) or type(error).__name__
        waiting.remove(began)
        self.verdicts.requests.done.append((began, trio.current_time() - began, why))

    async def _watch_ourselves(self) -> None:
        while not self._stop.is_set():
            due = trio.current_time() + TICK
            await trio.sleep_until(due)
            if (late := trio.current_time() - due) > TICK / 2:
                self.verdicts.lags.append((due, late))


@asynccontextmanager
async def running_load(route: Route, target: Target, only: str | None = None) -> AsyncIterator[Load]:
    """The load from its start, or one stream of it; at the end of the block everything is broken off."""
    target.uploads.clear()
    load = Load(route, target, only)
    async with trio.open_nursery() as nursery:
        load.begin(nursery)
        yield load
        nursery.cancel_scope.cancel()
