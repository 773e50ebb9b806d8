"""Lines that are deaf to UDP, in a whole network: datagrams go by a carrier as far as they must (U21)."""

import socket
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import trio

from ingress.paths import datagram_path, way
from ingress.paths.datagram_flow import DatagramFlow
from ingress.paths.datagram_path import DatagramPath
from relay.exit.datagram_targets import write_source
from relay.node.node import RelayNode
from tests.world import INGRESS, World, until

ONE = (("direct", INGRESS, "us"),)
TWO = (("ix", INGRESS, "jp"), ("pacific", "jp", "us"))


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an answer takes more than a second, which is no deafness."""
    monkeypatch.setattr(datagram_path, "TRIALS", 12)


class Asker:
    """Who sends datagrams to an echo, and keeps what comes back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.got: list[bytes] = []
        self.echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.echo.bind(("127.0.0.1", 0))
        self.echo.setblocking(False)
        self.sources: set[object] = set()
        self.flow: DatagramFlow | None = None
        self.sent = 0

    def on_replies(self, inners: Sequence[bytes], start: int) -> None:
        self.got += [inner[start + 7 :] for inner in inners]

    def on_gone(self, flow: DatagramFlow) -> None:
        self.flow = None

    async def run_echo(self) -> None:
        """The echo ends with this task, which may have a datagram to read while it is cancelled."""
        with self.echo:
            while True:
                await trio.lowlevel.wait_readable(self.echo)
                data, source = self.echo.recvfrom(65536)
                self.sources.add(source)
                self.echo.sendto(data, source)

    def send(self) -> None:
        if self.flow is None:
            self.flow = self.world.running.fleet.datagrams.open("us", self)
        self.sent += 1
        self.flow.send(write_source(*self.echo.getsockname()), [b"%d" % self.sent])

    async def exchanged(self) -> None:
        """One more has been there and back."""
        before = len(self.got)

        def is_back() -> bool:
            if len(self.got) == before:
                self.send()
            return len(self.got) > before

        await until(is_back)


@pytest.fixture
async def asker(make_world: Callable[..., World], nursery: trio.Nursery) -> AsyncIterator[Callable[..., Asker]]:
    async def make(lines: object, extra: str = "", **others: object) -> Asker:
        one = Asker(await make_world(lines, ("us",), extra=extra, **others).start())
        nursery.start_soon(one.run_echo)
        return one

    yield make  # type: ignore[misc]
    nursery.cancel_scope.cancel()


def path_of(asker: Asker) -> DatagramPath:
    (path,) = asker.world.running.fleet.datagrams.ways["us"].paths.values()
    return path


async def carries(asker: Asker) -> DatagramPath:
    await until(lambda: "us" in asker.world.running.fleet.datagrams.exits())
    await until(lambda: path_of(asker).gauge.is_measured)
    return path_of(asker)


def udp(world: World, line: str, node: str | None) -> str:
    """The file in which *line* says where its datagrams go."""
    where = "false" if node is None else f'"127.0.0.1:{world.ports[node]}"'
    return world.text().replace(f"[line.{line}]\n", f"[line.{line}]\nudp = {where}\n")


async def test_u21_a_line_that_swallows_udp(asker: Callable[..., Asker]) -> None:
    one = await asker(ONE)  # its wire passes on TCP alone
    path = await carries(one)
    assert path.in_tcp == ("direct",)
    await one.exchanged()
    assert len(one.sources) == 1


async def test_u21_all_lines_of_two_swallow_udp(asker: Callable[..., Asker]) -> None:
    one = await asker(TWO)
    path = await carries(one)
    assert path.in_tcp == ("ix", "pacific")
    await one.exchanged()


@pytest.mark.parametrize(("deaf", "in_tcp"), [("ix", ("ix",)), ("pacific", ("ix", "pacific"))])
@pytest.mark.parametrize("is_told", [True, False])
async def test_u21_one_of_two_lines_is_deaf(
    make_world: Callable[..., World], nursery: trio.Nursery, deaf: str, in_tcp: tuple[str, ...], is_told: bool
) -> None:
    world = make_world(TWO, ("us",))
    ends = {"ix": "jp", "pacific": "us"}
    text = world.text()
    for line, node in ends.items():
        where = "false" if is_told else '"127.0.0.1:9"'
        told = where if line == deaf else f'"127.0.0.1:{world.ports[node]}"'
        text = text.replace(f"[line.{line}]\n", f"[line.{line}]\nudp = {told}\n")
    world.write(text)
    await world.start()
    one = Asker(world)
    nursery.start_soon(one.run_echo)
    path = await carries(one)
    assert path.in_tcp == in_tcp
    await one.exchanged()
    received = [node.datagrams.status().received for node in nodes(world)]
    assert (received[1] > 0) is (deaf == "ix")
    nursery.cancel_scope.cancel()


def nodes(world: World) -> list[RelayNode]:
    return [world.nodes[name] for name in ("jp", "us")]


async def test_u21_a_line_that_has_healed_carries_them_again(
    make_world: Callable[..., World], nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datagram_path, "NATIVE_AGAIN", 0.2)
    world = make_world(ONE, ("us",))
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.bind(("127.0.0.1", 0))
    port.setblocking(False)
    world.write(world.text().replace("[line.direct]\n", f'[line.direct]\nudp = "127.0.0.1:{port.getsockname()[1]}"\n'))
    await world.start()
    one = Asker(world)
    nursery.start_soon(one.run_echo)
    path = await carries(one)
    assert path.in_tcp == ("direct",)
    await one.exchanged()
    nursery.start_soon(forward, port, ("127.0.0.1", world.ports["us"]))
    await until(lambda: path.carrier is None and path.gauge.is_measured)
    await one.exchanged()
    assert path.in_tcp == () and len(one.sources) == 1
    await until(lambda: len(world.nodes["us"].datagrams.carriers) == 0)
    nursery.cancel_scope.cancel()


async def forward(port: socket.socket, to: tuple[str, int]) -> None:
    """Pass on what comes at *port*, and back: a line that is well, until cancelled."""
    near: object = None
    with port:
        while True:
            await trio.lowlevel.wait_readable(port)
            data, source = port.recvfrom(65536)
            if source == to:
                port.sendto(data, near)  # type: ignore[arg-type]
            else:
                near = source
                port.sendto(data, to)


async def test_a_carrier_that_is_lost_comes_back(asker: Callable[..., Asker]) -> None:
    one = await asker(ONE)
    await carries(one)
    await one.exchanged()
    for port in list(one.world.nodes["us"].datagrams.carriers._ports):
        port.link.close("the test says so")
    await one.exchanged()


async def test_a_path_that_is_removed_takes_it_along(asker: Callable[..., Asker]) -> None:
    one = await asker(ONE)
    path = await carries(one)
    carrier = path.carrier
    assert carrier is not None and carrier.is_up and "up" in repr(carrier)
    one.world.running.fleet.datagrams.use(None)
    assert not carrier.is_up
    await until(lambda: len(one.world.nodes["us"].datagrams.carriers) == 0)


async def test_a_carrier_that_nobody_uses_is_let_go_and_comes_back_without_loss(
    asker: Callable[..., Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await asker(ONE)
    path = await carries(one)
    await one.exchanged()
    monkeypatch.setattr(way, "ASLEEP", 0.2)
    carriers = one.world.nodes["us"].datagrams.carriers
    one.world.running.fleet.datagrams.woken()
    await until(lambda: path.is_asleep and len(carriers) == 0)
    monkeypatch.undo()
    assert path.carries and "asleep" in repr(path.carrier) and path.in_tcp == ("direct",)
    before, sent = len(one.got), one.sent
    for _ in range(5):
        one.send()
    await until(lambda: len(one.got) == before + 5)
    assert one.got[before:] == [b"%d" % (sent + number) for number in range(1, 6)]
    assert path.carrier is not None and path.carrier.is_up and path.carrier.dropped == 0


async def test_an_exit_that_may_be_needed_has_its_carrier_woken(
    asker: Callable[..., Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await asker(ONE)
    path, network = await carries(one), one.world.running.fleet.datagrams
    monkeypatch.setattr(way, "ASLEEP", 0.0)
    await until(lambda: path.is_asleep)
    monkeypatch.undo()
    await until(lambda: path.carrier is not None and not path.carrier.is_up)
    network.ways["us"].urge(one.world.running.loop.now, one.world.running.loop.now + 1)
    await until(lambda: path.carrier is not None and path.carrier.is_up)
    assert not path.is_asleep
