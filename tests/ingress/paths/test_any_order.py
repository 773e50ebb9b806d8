"""Whatever happens to the lines, in whatever order: no stream is lost or in two places, and nothing is left of them.

Lines are cut, go silent, come back, refuse; nodes drain, and are replaced by their next process only once nothing rides
there; streams are opened and moved. At the end the line clears, and every byte has arrived, once and in its place.
"""

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingress.choice.moves import Move, MoveKind
from relay.session.states import StreamState
from tests.ingress.paths.fleet_bed import INGRESS, Client, FleetBed, Lines, with_bed

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
    """A script on a bed, and what each stream should have got by now."""

    def __init__(self, bed: FleetBed) -> None:
        self.bed = bed
        self.clients: list[tuple[Client, bytearray, bytearray]] = []
        self.lines: Lines = LINES

    async def step(self, what: str, *values: object) -> None:
        await getattr(self, what)(*values)
        await self.bed.run(0.02)
        self.check()

    async def cut(self, line: str) -> None:
        self.bed.cut(line)

    async def hold(self, line: str) -> None:
        self.bed.hold(line)

    async def release(self, line: str) -> None:
        self.bed.release(line)

    async def fail(self, line: str) -> None:
        """It is reset, and answers nothing after that."""
        self.bed.cut(line)
        self.bed.hold(line)

    async def move(self, old: str, new: str, kind: MoveKind, planned: bool) -> None:
        """To and fro, as no choice would do it."""
        if old != new:
            self.bed.fleet.moving.execute(Move(old, new, kind, planned, "the script"))

    async def open(self, path: str, legs: int) -> None:
        live = self.bed.live.get(path)
        ranked = path in self.bed.fleet.chooser.ranking.by_name
        if len(self.clients) < MOST_STREAMS and live is not None and live.thin is not None and ranked:
            self.clients.append((self.bed.open(path, legs=legs), bytearray(), bytearray()))

    async def bulk(self, number: int) -> None:
        for client, _, _ in self.clients[number : number + 1]:
            self.bed.fleet.bulk.noticed(client.stream)

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
        self.bed.nodes["jp"].drain()

    async def without(self, line: str) -> None:
        """Another file: *line* is taken out, or comes back."""
        is_there = any(name == line for name, _, _ in self.lines)
        self.lines = tuple(one for one in LINES if one in self.lines or one[0] == line)
        if is_there:
            self.lines = tuple(one for one in self.lines if one[0] != line)
        self.bed.replan(self.lines)

    async def run(self, seconds: float) -> None:
        await self.bed.run(seconds)

    def check(self) -> None:
        """No stream is lost, none is where it does not know of, none rides on more than it may."""
        moving = self.bed.fleet.moving
        for client, up, down in self.clients:
            stream = client.stream
            assert client.sink.cause is None
            assert stream.legs or stream in moving._detached
            assert len(stream.legs) <= (2 if stream in moving.pairs else 1)
            carriers = [leg.carrier for leg in stream.legs]
            assert carriers == [one for one in carriers if not one.is_lost]
            session = self.bed.fleet.peers["us"].session
            found = [one for one in session.carriers.values() if stream.id in one.legs]
            assert set(found) == set(carriers)
            assert up.startswith(client.target.data if client.is_open else b"")
            assert down.startswith(client.sink.data)

    async def clear_up(self) -> None:
        """The line clears, everybody finishes; all has arrived, and nothing is left."""
        for name, _, _ in LINES:
            self.bed.release(name)
        if self.bed.nodes["jp"].refusal is not None:
            self.bed.nodes["jp"].restart()
        self.bed.replan(LINES)
        await self.bed.run(5.0)
        for client, _, _ in self.clients:
            client.stream.finish()
            await self.bed.until(lambda client=client: client.is_open)  # type: ignore[misc]
            client.target.stream.finish()
        await self.bed.until(lambda: not self.bed.fleet.stream_count)
        await self.bed.run(4.0)
        for client, up, down in self.clients:
            assert (bytes(client.target.data), bytes(client.sink.data)) == (bytes(up), bytes(down))
            assert client.sink.fins == client.target.fins == 1
            assert client.stream.state is StreamState.CLOSED
        self.nothing_is_left()

    def nothing_is_left(self) -> None:
        fleet = self.bed.fleet
        assert fleet.stream_count == fleet.moving.detached == len(fleet.moving.pauses) == len(fleet.moving.pairs) == 0
        assert self.bed.memory.used == 0
        assert self.bed.ridden() == {}
        for node in self.bed.nodes.values():
            assert all(not held.session.streams and held.session.memory.used == 0 for held in node.held.values())
        assert sum(len(node.links) for node in self.bed.nodes.values()) == len(self.bed.connections)
        assert sum(len(list(live.links)) for live in self.bed.live.values()) == len(self.bed.connections)


async def play(bed: FleetBed, steps: Iterable[tuple[object, ...]]) -> None:
    await bed.up()
    script = Play(bed)
    for what, *values in steps:
        await script.step(str(what), *values)
    await script.clear_up()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=14))
@with_bed(LINES)
async def test_no_stream_is_lost_or_in_two_places(bed: FleetBed, steps: list[tuple[object, ...]]) -> None:
    await play(bed, [("open", "a", 1), ("open", "ix/pacific", 2), *steps])
