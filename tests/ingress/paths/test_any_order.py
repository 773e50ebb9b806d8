"""Whatever happens to the lines, in whatever order: no stream is lost or in two places, and nothing is left of them.

Lines are cut, go silent, come back, refuse; nodes drain, and are replaced by their next process only once nothing rides
there; streams are opened and moved. At the end the weather clears, and every byte has arrived, once and in its place.
"""

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingress.choice.moves import Move, MoveKind
from relay.session.states import StreamState
from tests.ingress.paths.yard import INGRESS, Client, Lines, Yard, in_yard

LINES = (("a", INGRESS, "us"), ("b", INGRESS, "us"), ("ix", INGRESS, "jp"), ("pacific", "jp", "us"))
PATHS = ("a", "b", "ix/pacific")
NAMES = st.sampled_from([name for name, _, _ in LINES])
MOST_STREAMS = 6

STEPS = st.one_of(
    st.tuples(st.sampled_from(["cut", "hold", "release", "fail"]), NAMES),
    st.tuples(
        st.just("move"), st.sampled_from(PATHS), st.sampled_from(PATHS), st.sampled_from(list(MoveKind)), st.booleans()
    ),
    st.tuples(st.just("open"), st.sampled_from(PATHS), st.sampled_from([1, 2])),
    st.tuples(st.just("bulk"), st.integers(0, MOST_STREAMS - 1)),
    st.tuples(st.just("say"), st.integers(0, MOST_STREAMS - 1), st.sampled_from([10, 5000, 300_000])),
    st.tuples(st.just("drain")),
    st.tuples(st.just("without"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("run"), st.sampled_from([0.0, 0.05, 0.3, 1.0, 4.0])),
)


class Play:
    """A script on a yard, and what each stream should have got by now."""

    def __init__(self, yard: Yard) -> None:
        self.yard = yard
        self.clients: list[tuple[Client, bytearray, bytearray]] = []
        self.lines: Lines = LINES

    async def step(self, what: str, *values: object) -> None:
        await getattr(self, what)(*values)
        await self.yard.run(0.02)
        self.check()

    async def cut(self, line: str) -> None:
        self.yard.cut(line)

    async def hold(self, line: str) -> None:
        self.yard.hold(line)

    async def release(self, line: str) -> None:
        self.yard.release(line)

    async def fail(self, line: str) -> None:
        """It is reset, and answers nothing after that."""
        self.yard.cut(line)
        self.yard.hold(line)

    async def move(self, old: str, new: str, kind: MoveKind, planned: bool) -> None:
        """To and fro, as no choice would do it."""
        stream = self.clients[0][0].stream if self.clients else None
        key = None if stream is None else (self.yard.fleet.peers["us"].session.token, stream.id)
        if old != new:
            self.yard.fleet.moving.execute(Move(old, new, kind, planned, "the script", key))

    async def open(self, path: str, legs: int) -> None:
        live = self.yard.live.get(path)
        ranked = path in self.yard.fleet.chooser.ranking.by_name
        if len(self.clients) < MOST_STREAMS and live is not None and live.thin is not None and ranked:
            self.clients.append((self.yard.open(path, legs=legs), bytearray(), bytearray()))

    async def bulk(self, number: int) -> None:
        for client, _, _ in self.clients[number : number + 1]:
            self.yard.fleet.bulk.noticed(client.stream)

    async def say(self, number: int, size: int) -> None:
        """Both sides write."""
        for client, up, down in self.clients[number : number + 1]:
            data = bytes((len(up) + place) % 251 for place in range(size))
            client.stream.write(data)
            up.extend(data)
            if client.is_open:
                client.target.stream.write(data)
                down.extend(data)

    async def drain(self) -> None:
        self.yard.nodes["jp"].drain()

    async def without(self, line: str) -> None:
        """Another file: *line* is taken out, or comes back."""
        is_there = any(name == line for name, _, _ in self.lines)
        self.lines = tuple(one for one in LINES if one in self.lines or one[0] == line)
        if is_there:
            self.lines = tuple(one for one in self.lines if one[0] != line)
        self.yard.replan(self.lines)

    async def run(self, seconds: float) -> None:
        await self.yard.run(seconds)

    def check(self) -> None:
        """No stream is lost, none is where it does not know of, none rides on more than it may."""
        moving = self.yard.fleet.moving
        for client, up, down in self.clients:
            stream = client.stream
            assert client.sink.cause is None
            assert stream.legs or stream in moving._detached
            assert len(stream.legs) <= (2 if stream in moving.pairs else 1)
            carriers = [leg.carrier for leg in stream.legs]
            assert carriers == [one for one in carriers if not one.is_lost]
            session = self.yard.fleet.peers["us"].session
            found = [one for one in session.carriers.values() if stream.id in one.legs]
            assert set(found) == set(carriers)
            assert up.startswith(client.target.data if client.is_open else b"")
            assert down.startswith(client.sink.data)

    async def clear_up(self) -> None:
        """The weather clears, everybody finishes; all has arrived, and nothing is left."""
        for name, _, _ in LINES:
            self.yard.release(name)
        if self.yard.nodes["jp"].refusal is not None:
            self.yard.nodes["jp"].restart()
        self.yard.replan(LINES)
        await self.yard.run(5.0)
        for client, _, _ in self.clients:
            client.stream.finish()
            await self.yard.until(lambda client=client: client.is_open)  # type: ignore[misc]
            client.target.stream.finish()
        await self.yard.until(lambda: not self.yard.fleet.stream_count)
        await self.yard.run(4.0)
        for client, up, down in self.clients:
            assert (bytes(client.target.data), bytes(client.sink.data)) == (bytes(up), bytes(down))
            assert client.sink.fins == client.target.fins == 1
            assert client.stream.state is StreamState.CLOSED
        self.nothing_is_left()

    def nothing_is_left(self) -> None:
        fleet = self.yard.fleet
        assert fleet.stream_count == fleet.moving.detached == len(fleet.moving.pauses) == len(fleet.moving.pairs) == 0
        assert self.yard.memory.used == 0
        assert self.yard.ridden() == {}
        for node in self.yard.nodes.values():
            assert all(not held.session.streams and held.session.memory.used == 0 for held in node.held.values())
        assert sum(len(node.links) for node in self.yard.nodes.values()) == len(self.yard.wires)
        assert sum(len(list(live.links)) for live in self.yard.live.values()) == len(self.yard.wires)


async def play(yard: Yard, steps: Iterable[tuple[object, ...]]) -> None:
    await yard.up()
    script = Play(yard)
    for what, *values in steps:
        await script.step(str(what), *values)
    await script.clear_up()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=14))
@in_yard(LINES)
async def test_no_stream_is_lost_or_in_two_places(yard: Yard, steps: list[tuple[object, ...]]) -> None:
    await play(yard, [("open", "a", 1), ("open", "ix/pacific", 2), *steps])
