"""The walks, traced: a test file that runs in the tree that is measured, over that tree's own tests.world.

It asks nothing of a tree but what tests.world promises. Where a walk begins and ends is seen from outside: a client
connects, bytes pass a line, the target hears something, nothing is left to do.
"""

import importlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import pytest
import trio

FILE = "BENCH_WALKS_FILE"
"""Names the file that gets the figures, in the environment."""
TREE = Path.cwd()
world: Any = importlib.import_module("tests.world")  # the tree's own

CONNECTS = 20
"""CONNECTs that are traced. On a busy machine most of them are disturbed by pings and rounds."""
PAUSE = 0.15
"""Seconds between two of them, in which the last one's end and its late acknowledgements pass."""
WARM = 5
"""CONNECTs before, after which the ingress knows the target and may answer early."""
RESCUES = 5
"""Streams that are rescued one after another; the shortest walk counts."""
QUIET = 5.0
"""Seconds in which nothing but pings and rounds goes on."""
STRAIGHT = 0.2
"""Seconds. A byte that needs longer did not go straight: its stream rode on the line that is held, and was rescued."""
TURNING = {
    ("relay/engine/loop.py", "Loop.run"),
    ("relay/engine/loop.py", "Loop._park"),
    ("relay/engine/loop.py", "Loop._serve"),
    ("relay/engine/loop.py", "Loop._turn"),
    ("relay/engine/loop.py", "Loop._finish_round"),
    ("relay/engine/timers.py", "Timers.next_deadline"),
}
"""What turns the loop. How often it turns between two events is chance."""


class Call(NamedTuple):
    """One call of a function of relay/ or ingress/."""

    file: str
    function: str


Walk = Sequence[Call]


class Trace(trio.abc.Instrument):
    """Every call, in bursts: a burst ends where the process has nothing left to do, and at a mark."""

    def __init__(self) -> None:
        self.bursts: list[list[Call]] = [[]]
        self.marks: list[tuple[int, str]] = []
        """How many bursts there were, and the mark."""
        self._known: dict[CodeType, Call | None] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """For sys.setprofile."""
        if event == "call" and (call := self._call(frame.f_code)) is not None:
            self.bursts[-1].append(call)

    def before_io_wait(self, timeout: float) -> None:
        """All tasks wait."""
        if timeout > 0:
            self.cut()

    def cut(self) -> None:
        """End the burst."""
        if self.bursts[-1]:
            self.bursts.append([])

    def mark(self, text: str) -> None:
        """End the burst and remember *text* for the next one."""
        self.cut()
        self.marks.append((len(self.bursts) - 1, text))

    def _call(self, code: CodeType) -> Call | None:
        if code not in self._known:
            self._known[code] = _call_of(code)
        return self._known[code]


def _call_of(code: CodeType) -> Call | None:
    """Comprehensions, which newer Pythons put in line, are no calls; a coroutine that goes on is one."""
    file = Path(code.co_filename)
    if not file.is_relative_to(TREE) or code.co_name.startswith("<"):
        return None
    inside = file.relative_to(TREE)
    if inside.parts[0] not in ("relay", "ingress") or inside.parts[1] == "demo":  # the lines are the demo's emulator
        return None
    return Call(str(inside), code.co_qualname)


@contextmanager
def traced() -> Iterator[Trace]:
    """Trace this thread; it runs all of the network."""
    trace = Trace()
    trio.lowlevel.add_instrument(trace)
    sys.setprofile(trace)
    try:
        yield trace
    finally:
        sys.setprofile(None)
        trio.lowlevel.remove_instrument(trace)


def joined(walks: Sequence[Walk]) -> Walk:
    """One after the other."""
    return [call for walk in walks for call in walk]


def files(walk: Walk) -> frozenset[str]:
    """The files that it touches."""
    return frozenset(call.file for call in walk)


def is_ingress(walk: Walk) -> bool:
    """Whether the ingress does something in it."""
    return any(file.startswith("ingress/") for file in files(walk))


def is_engine(walk: Walk) -> bool:
    """Whether nothing happens in it but that the engine looks for work."""
    return all(file.startswith("relay/engine/") for file in files(walk))


def changes(walk: Walk) -> int:
    """How often a call is in another file than the one before."""
    return sum(one.file != other.file for one, other in pairwise(walk))


def keep(name: str, walk: Walk) -> None:
    """Add *walk* and its figures to the file."""
    straight = [call for call in walk if call not in TURNING]
    file = Path(os.environ[FILE])
    figures = json.loads(file.read_text()) if file.exists() else {}
    figures[name] = {
        "files": len(files(walk)),
        "calls": len(walk),
        "changes": changes(walk),
        "straight": changes(straight),
        "walk": [f"{call.file}: {call.function}" for call in straight],
    }
    file.write_text(json.dumps(figures, indent=2) + "\n")


def usual(walks: Sequence[Walk]) -> Walk:
    """The one that is longer than a quarter of them: nothing has come between."""
    return sorted(walks, key=len)[len(walks) // 4]


def undisturbed(walks: Sequence[Walk]) -> Walk:
    """The usual one, or the shortest where none is usual: what comes between makes a walk longer."""
    counts = Counter(len(walk) for walk in walks)
    return min(walks, key=lambda walk: (-counts[len(walk)] if counts[len(walk)] > 2 else 0, len(walk)))


@pytest.mark.parametrize(("answer", "name"), [("true", "connect"), ("auto", "connect-early")])
async def test_connect(make_world: Callable[..., Any], answer: str, name: str) -> None:
    """A SOCKS5 CONNECT, until its first byte has reached the target."""
    network = await make_world(answer=answer).start()
    await network.up()
    for _ in range(WARM):
        await first_byte(network)
    walks = []
    with traced() as quiet:
        await trio.sleep(QUIET / 4)
    regular = {frozenset(burst) for burst in quiet.bursts if not is_engine(burst)}
    for _ in range(CONNECTS):
        with traced() as trace:
            await first_byte(network)
        walks.append(joined([burst for burst in trace.bursts if frozenset(burst) not in regular]))
        network.clients.close()
        network.target.close_accepted()
        await trio.sleep(PAUSE)
    keep(name, undisturbed(walks))


async def first_byte(network: Any) -> None:
    """The target is an address: looking names up is another walk."""
    client = await network.ask("127.0.0.1")
    assert await world.reply(client) == 0
    await client.send_all(b"1")
    await world.read(await network.target.accept(), 1)


async def test_pong(make_world: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to a ping, until the round after it has made figures of it."""
    network = await make_world().start()
    await network.up()
    with traced() as trace:
        watch_lines(monkeypatch, trace, {wire.port for wire in network.wires.values()})
        await trio.sleep(QUIET)
    marks = [*trace.marks, (len(trace.bursts), "")]
    answers, rests = [], []
    for (start, text), (end, _) in pairwise(marks):
        ours = [burst for burst in trace.bursts[start:end] if is_ingress(burst)]
        if text == "answer" and ours:
            answers.append(ours[0])
            rests += ours[1:]
    pong = busiest(often(answers))
    keep("pong", pong)
    keep("pong-and-round", joined([pong, often(rests)[0]]))


def watch_lines(monkeypatch: pytest.MonkeyPatch, trace: Trace, ports: set[int]) -> None:
    """Mark when the network's wires bring what a node says ("answer") or what the ingress says ("question").

    Today they are the demo's emulator; in older trees they were trio streams.
    """
    if importlib.util.find_spec("tests.wires") is not None:
        watch_emulator(monkeypatch, trace, ports)
        return
    receive = trio.SocketStream.receive_some

    async def receive_some(stream: trio.SocketStream, most: int | None = None) -> bytes | bytearray:
        data = await receive(stream, most)
        if data:
            trace.mark("answer" if stream.socket.getpeername()[1] in ports else "question")
        return data

    monkeypatch.setattr(trio.SocketStream, "receive_some", receive_some)


def watch_emulator(monkeypatch: pytest.MonkeyPatch, trace: Trace, ports: set[int]) -> None:
    """The same for wires that are the demo's emulator: each of its pumps carries one direction of a connection."""
    pump = importlib.import_module("ingress.demo.emulator.connection").Pump
    give = pump._give

    def marked(self: Any, chunk: memoryview) -> bool:
        trace.mark("answer" if self._source.sock.getpeername()[1] in ports else "question")
        return bool(give(self, chunk))

    monkeypatch.setattr(pump, "_give", marked)


def often(bursts: Sequence[Walk]) -> list[Walk]:
    """A usual burst of each kind that comes again and again, the most frequent kind first.

    A kind is a set of files. One burst in eight is enough: two kinds that fell together by chance come less often.
    """
    kinds = Counter(files(burst) for burst in bursts).most_common()
    frequent = [kind for kind, count in kinds if count * 8 >= len(bursts)]
    return [usual([burst for burst in bursts if files(burst) == kind]) for kind in frequent]


def busiest(walks: Sequence[Walk]) -> Walk:
    """The one with the most files: an answer to the question for dial times passes fewer than a pong."""
    return max(walks, key=lambda walk: len(files(walk)))


async def test_rescue(make_world: Callable[..., Any]) -> None:
    """A black hole: from the round that takes the stream off its path until the target hears it again."""
    network = await make_world(world.TWO_PATHS).start()
    rescues = [await rescue(network) for _ in range(RESCUES)]
    shortest = min(rescues, key=lambda bursts: len(joined(bursts)))
    keep("rescue-decided", shortest[0])
    keep("rescue", joined(shortest))


async def rescue(network: Any) -> Sequence[Walk]:
    """The bursts of one rescue, from the last in which the ingress does something."""
    await network.up()
    client, target = await network.pair()
    for name in ("direct", "ix"):
        since = trio.current_time()
        with traced() as trace:
            network.wires[name].hold()
            await client.send_all(b"1")
            await world.read(target, 1)
        network.wires[name].release()
        if trio.current_time() - since > STRAIGHT:
            break
    last = max(number for number, burst in enumerate(trace.bursts) if is_ingress(burst))
    return trace.bursts[last:]
