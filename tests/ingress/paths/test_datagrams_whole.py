"""Datagrams through a whole network whose lines are forwarders that a test moves, floods and hinders: real sockets."""

import socket
from collections.abc import Callable

import pytest
import trio

from tests.ingress.paths.test_datagram_carriers_whole import INGRESS, Asker, carries
from tests.world import World, until

Lines = tuple[tuple[str, str, str], ...]
ONE: Lines = (("direct", INGRESS, "us"),)
TWO: Lines = (("ix", INGRESS, "jp"), ("pacific", "jp", "us"))
NO_CHECKSUMS = 11
"""SO_NO_CHECK (socket(7) does not name it): the kernel then refuses to cut runs (EINVAL)."""


class Forwarder:
    """A line's UDP: a port that passes on to *node* from another one, which may change, as behind a NAT."""

    def __init__(self, nursery: trio.Nursery, node: tuple[str, int]) -> None:
        self.near, self.far = _bound(), _bound()
        self._nursery, self._node = nursery, node
        self._source: object = None
        nursery.start_soon(self._forth)
        nursery.start_soon(self._back, self.far)

    @property
    def address(self) -> str:
        host, port = self.near.getsockname()
        return f"{host}:{port}"

    def move(self) -> None:
        """The ingress has another address from now on; what comes to the old one is lost."""
        self.far = _bound()
        self._nursery.start_soon(self._back, self.far)

    async def _forth(self) -> None:
        with self.near:
            while True:
                await trio.lowlevel.wait_readable(self.near)
                data, self._source = self.near.recvfrom(65536)
                self.far.sendto(data, self._node)

    async def _back(self, far: socket.socket) -> None:
        with far:
            while True:
                await trio.lowlevel.wait_readable(far)
                data = far.recv(65536)
                if far is self.far:
                    self.near.sendto(data, self._source)  # type: ignore[arg-type]


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.bind(("127.0.0.1", 0))
    return sock


async def placed(
    make_world: Callable[..., World], nursery: trio.Nursery, lines: Lines
) -> tuple[World, Forwarder, Asker]:
    """A network of *lines*, the first of which is a forwarder, whose datagrams have been there and back."""
    world = make_world(lines, ("us",))
    first = Forwarder(nursery, ("127.0.0.1", world.ports[lines[0][2]]))
    text = world.text()
    for at, (line, _, end) in enumerate(lines):
        where = f"127.0.0.1:{world.ports[end]}" if at else first.address
        text = text.replace(f"[line.{line}]\n", f'[line.{line}]\nudp = "{where}"\n')
    world.write(text)
    await world.start()
    asker = Asker(world)
    nursery.start_soon(asker.run_echo)
    path = await carries(asker)
    assert path.in_tcp == ()
    await asker.exchanged()
    return world, first, asker


@pytest.mark.parametrize("lines", [ONE, TWO])
async def test_u20_another_address_of_the_ingress_keeps_the_exits_port(
    make_world: Callable[..., World], nursery: trio.Nursery, lines: Lines
) -> None:
    world, first, asker = await placed(make_world, nursery, lines)
    flow = asker.flow
    first.move()
    await asker.exchanged()
    await asker.exchanged()
    assert len(asker.sources) == 1 and asker.flow is flow
    assert len(world.running.fleet.datagrams.flows) == 1
    nursery.cancel_scope.cancel()


async def test_u27_strangers_are_met_with_silence_and_hurt_nobody(
    make_world: Callable[..., World], nursery: trio.Nursery
) -> None:
    world, _, asker = await placed(make_world, nursery, ONE)
    exit_ = world.nodes["us"]
    received = exit_.datagrams.status().received
    with _bound() as stranger:
        for number in range(3000):
            stranger.sendto(b"%100d" % number, ("127.0.0.1", world.ports["us"]))
        network = exit_.identity.network
        for number in range(100):
            stranger.sendto(network + b"%100d" % number, ("127.0.0.1", world.ports["us"]))
        await asker.exchanged()
        await until(lambda: exit_.datagrams.labels.statistics().strange == 100)
        assert exit_.datagrams.status().received - received < 2000, "the kernel drops what has not the network's tag"
        with pytest.raises(BlockingIOError):
            stranger.recv(100)
    assert len(asker.sources) == 1
    nursery.cancel_scope.cancel()


async def test_u29_kernels_that_cut_no_runs_get_datagrams_singly(
    make_world: Callable[..., World], nursery: trio.Nursery
) -> None:
    world, _, asker = await placed(make_world, nursery, ONE)
    (port,) = [one for one in world.running.fleet.datagrams._sockets._ports.values() if one is not None]
    port.sock.setsockopt(socket.SOL_SOCKET, NO_CHECKSUMS, 1)
    before, sent = len(asker.got), asker.sent
    for _ in range(20):  # of one size and in one turn: runs
        asker.send()
    await until(lambda: len(asker.got) == before + 20)
    assert sorted(map(int, asker.got[before:])) == list(range(sent + 1, sent + 21))
    assert not port.segments
    nursery.cancel_scope.cancel()
