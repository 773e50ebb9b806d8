"""Systems side by side: all started at once, measured in turn, so that a noisy minute meets them all."""

import contextlib
import os
import pathlib
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench import load
from bench.lines import EmulatedLine, running_lines
from bench.load import Failed
from bench.peers.peer import Peer
from bench.processes import Running, spent
from bench.progress import Progress
from bench.results import Numbers, Row
from bench.topology import HOST, Hop, Place, Weather, free_ports, make_certificate, roles

START_LIMIT = 30.0
"""Seconds within which a system must answer."""
TRY_AGAIN = 0.02
"""Seconds between two looks at whether a system is ready."""
PAUSE = 0.25
"""Seconds between a measurement and the reading of its CPU: closing is work too."""


@dataclass
class Contestant:
    """One running system."""

    peer: Peer
    place: Place
    running: Running
    row: Row = field(default_factory=Row)
    sizes: dict[str, int] = field(default_factory=dict)
    """How much was found to fill the time of a measurement, by its name."""

    @property
    def route(self) -> str:
        """How the load generator reaches it."""
        return f"direct:{self.place.target}" if self.peer.hops == 0 and not self.running.started else self._ingress

    @property
    def _ingress(self) -> str:
        return f"{self.peer.speaks}:{HOST}:{self.place.socks}"

    def using(self, act: Callable[[], Numbers]) -> tuple[Numbers, Numbers]:
        """What *act* measured, and the CPU seconds that the system used meanwhile.

        Raises:
            Failed: a process of the system ended.
        """
        before = self.running.cpu()
        result = act()
        time.sleep(PAUSE)
        used = spent(self.running.cpu(), before)
        if what := self.running.ended():
            raise Failed(what)
        return result, used

    def wait_listening(self) -> None:
        """Return once the ingress listens.

        Raises:
            Failed: a process ended, or it took too long.
        """
        self._wait_for(self.accepts, "does not listen")

    def wait_ready(self) -> None:
        """Return once an echo came through.

        Raises:
            Failed: a process ended, or it took too long.
        """
        self._wait_for(self._echoes, "does not echo")

    def _wait_for(self, holds: Callable[[], bool], what_if_not: str) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not holds():
            if what := self.running.ended():
                raise Failed(what)
            if time.monotonic() > deadline:
                words = "; ".join(f"{role}: {self.running.last_words(role)}" for role in self.running.started)
                raise Failed(f"{what_if_not} within {START_LIMIT:.0f} s: {words}")
            time.sleep(TRY_AGAIN)

    def _echoes(self) -> bool:
        return self.accepts() and not load.connections(self.route, self.place.target, 1, 1)["errors"]

    def keep_logs(self) -> pathlib.Path:
        """Copy what its processes have said to where it outlives the run; gives the folder."""
        kept = load.CACHE / "failed" / self.peer.name.replace(" ", "-")
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for log in self.running.folder.glob("*.log"):
            shutil.copy(log, kept)
        return kept

    def accepts(self) -> bool:
        """Whether its ingress listens."""
        if not self.running.started:
            return True
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.place.socks), 1):
            return True
        return False


class Field:
    """A folder, a certificate, a target; and the systems that are started there."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._ports = free_ports()
        self._folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._certificate = make_certificate(self._folder)
        self.target = self.add_target()

    def add_target(self, host: str = HOST) -> str:
        """Start one more target; gives its address."""
        address = f"{host}:{next(self._ports)}"
        self._stack.enter_context(load.started("target", address))
        return address

    def start(self, peer: Peer, nodes: int = 3, weather: Sequence[Weather] = (), pause: float = 0.0) -> Contestant:
        """Start a system with so many nodes behind its ingress, which is started *pause* seconds after them.

        With *weather*, an emulated line leads to each node.

        Raises:
            Failed, OSError: it cannot be started.
        """
        folder = pathlib.Path(tempfile.mkdtemp(dir=self._folder))
        socks, lines, hops = next(self._ports), list[EmulatedLine](), list[Hop]()
        count = nodes if peer.hops is None else peer.hops
        for number, role in enumerate(roles(count) if count else []):
            port = entry = next(self._ports)
            if weather:
                entry = next(self._ports)
                lines.append(EmulatedLine(entry, port, weather[number]))
            hops.append(Hop(role, port, entry))
        target = self.target
        if weather and not count:
            lines.append(self._whole_line(weather))
            target = f"{HOST}:{lines[0].entry}"
        if lines:
            self._stack.enter_context(running_lines(folder, lines))
        place = Place(folder, self._certificate, socks, hops, target)
        row = Row(peer.version(), peer.how)
        running = Running(peer.commands(place), folder, pause)
        self._stack.callback(running.stop)
        return Contestant(peer, place, running, row)

    def _whole_line(self, weather: Sequence[Weather]) -> EmulatedLine:
        """How one that knows no nodes reaches the target: over one line as long as all of them."""
        rates = [one.rate for one in weather if one.rate]
        whole = Weather(sum(one.round_trip for one in weather), min(rates) if rates else None)
        return EmulatedLine(next(self._ports), int(self.target.rpartition(":")[2]), whole)


@contextmanager
def opened_field() -> Iterator[Field]:
    """A field; everything that was started in it is stopped at the end, and its folder removed."""
    load.program()
    with ExitStack() as stack:
        yield Field(stack)


def start_all(
    field: Field, peers: Sequence[Peer], rows: dict[str, Row], *, nodes: int = 3, weather: Sequence[Weather] = ()
) -> list[Contestant]:
    """Start every system that is there; those that are missing or do not start leave their reason in *rows*."""
    started = []
    for peer in peers:
        rows[peer.name] = Row(how=peer.how, error=peer.missing())
        if rows[peer.name].error:
            continue
        try:
            contestant = field.start(peer, nodes, weather)
        except (Failed, OSError) as error:
            rows[peer.name].error = str(error)
            continue
        rows[peer.name] = contestant.row
        started.append(contestant)
    for contestant in started:
        try:
            contestant.wait_ready()
        except Failed as error:
            contestant.row.error = str(error)
    return [contestant for contestant in started if contestant.row.error is None]


def take_turns(
    contestants: Sequence[Contestant], rounds: int, measure: Callable[[Contestant, Numbers], None], progress: Progress
) -> None:
    """Measure each in turn, *rounds* times: *measure* fills in the numbers of a round.

    One that fails keeps what it has, and its reason, and takes no more turns.
    """
    for number in range(1, rounds + 1):
        for contestant in contestants:
            progress.step(f"round {number}: {contestant.peer.name}")
            if contestant.row.error is not None:
                continue
            try:
                contestant.row.rounds.append({})
                measure(contestant, contestant.row.rounds[-1])
            except Failed as error:
                contestant.row.error = f"{error}; its logs: {contestant.keep_logs()}"


def be_fair() -> None:
    """Raise the limit of descriptors for all that is started from here."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.environ.pop("ALL_PROXY", None)
