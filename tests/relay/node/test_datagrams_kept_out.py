"""What must not get through: strangers, replays, forged sources, inner targets, unasked replies, and too many."""

import errno
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from relay.exit.datagram_targets import write_source
from relay.model.cause import Cause
from relay.model.network import UdpFilter
from relay.node.labels import LabelsStatistics
from relay.policy import Policy
from relay.serve.counters import _datagram_counters
from relay.wire import bodies, datagrams
from relay.wire.codes import Feature, Verdict
from relay.wire.datagrams import ATYP_NAME
from relay.wire.frames import Kind
from tests.relay.node.caller import asked, hello, secured
from tests.relay.node.datagram_caller import DatagramCaller, Echo, PlayedLabel, stray
from tests.world import TWO_PATHS, Journal, World, until


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    """A relay and an exit."""
    return await make_world(TWO_PATHS, is_wired=False).start("jp", "us")


@pytest.fixture
async def caller(world: World, nursery: trio.Nursery) -> AsyncIterator[DatagramCaller]:
    made = DatagramCaller(world)
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


@pytest.fixture
async def echo(caller: DatagramCaller) -> Echo:
    return Echo(caller.loop)


def labels(world: World, node: str) -> LabelsStatistics:
    return world.nodes[node].datagrams.labels.statistics()


def counters(world: World, node: str = "us") -> dict[str, int]:
    return _datagram_counters(world.nodes[node].datagrams)


def port_of(world: World, node: str) -> tuple[str, int]:
    return ("127.0.0.1", world.ports[node])


async def passed(label: PlayedLabel, echo: Echo) -> None:
    """What was sent before has been looked at by all on the way."""
    count = len(echo.got)
    label.send(echo.written, b"and now")
    await until(lambda: len(echo.got) > count)


@pytest.mark.parametrize("node", ["jp", "us"])
async def test_strangers_are_not_answered(world: World, caller: DatagramCaller, echo: Echo, node: str) -> None:
    label = await caller.label("jp")
    network = world.nodes[node].identity.network
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        for size in (4, 12, 23, 24, 25, 100):
            stranger.sendto((network + b"none" + bytes(100))[:size], port_of(world, node))
            stranger.sendto(bytes(size), port_of(world, node))  # the kernel's filter drops it
        await until(lambda: labels(world, node).strange == 6)
        await passed(label, echo)
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(1000)


async def test_u37_a_relay_passes_on_nothing_from_elsewhere(world: World, caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label("jp")
    probe = label.beat()
    data = label.send(echo.written, b"once")
    await until(lambda: len(echo.got) == 1)
    forged = bytearray(probe)
    forged[8:16] = datagrams.number_of(1, 1000, probe=True).to_bytes(8, "big")
    before = world.nodes["us"].datagrams._ports["127.0.0.1"].port.received
    stray(port_of(world, "jp"), data, probe, bytes(forged), data[:24], datagrams.turned(data[:8]) + data[8:])
    await until(lambda: labels(world, "jp").misplaced == 5)
    assert world.nodes["us"].datagrams._ports["127.0.0.1"].port.received == before
    await passed(label, echo)
    assert echo.got == [b"once", b"and now"]


async def test_u15_u37_an_exit_believes_nothing_twice(world: World, caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    probe, data = label.beat(), label.send(echo.written, b"once")
    changed = data[:-1] + bytes([data[-1] ^ 1])
    await until(lambda: len(echo.got) == 1)
    stray(port_of(world, "us"), data, probe, changed, data[:30])
    await until(lambda: labels(world, "us").forged == 4)
    await passed(label, echo)
    await until(lambda: len(label.got) == 2)
    assert echo.got == [b"once", b"and now"]


async def test_u37_what_has_ended_stays_ended(caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    label.send(echo.written, b"once")
    await until(lambda: len(label.got) == 1)
    caller.session.say_last([bodies.assoc_end(1)])
    held = echo.sources[0]
    await until(lambda: _is_free(held))
    label.send(echo.written, b"late")
    label.send(echo.written, b"another", association=2)
    await until(lambda: len(echo.got) == 2)
    assert echo.got == [b"once", b"another"]


def _is_free(address: tuple[object, ...]) -> bool:
    """Whether nobody holds this port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("0.0.0.0", address[1]))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("via", [None, "jp"])
async def test_u20_replies_follow_an_address_once_it_has_answered(
    caller: DatagramCaller, echo: Echo, via: str | None
) -> None:
    label = await caller.label(via)
    label.send(echo.written, b"from home")
    await until(lambda: len(label.got) == 1)
    old = label.port
    label.move()
    label.answers = False
    label.beat()
    await until(lambda: label.challenged == 1)
    label.answers = True
    await label.latched()
    label.send(echo.written, b"from away")
    await until(lambda: len(label.got) == 2)
    assert len(set(echo.sources)) == 1
    old.close()


async def test_u37_a_forged_source_gets_a_word_and_no_reply(world: World, caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim:
        victim.bind(("127.0.0.1", 0))
        probe = label.end.probe(caller.loop.now, datagrams.Heartbeat())
        stray_from(victim, probe, port_of(world, "us"))
        label.send(echo.written, b"mine")
        await until(lambda: len(label.got) == 1)
        label.send(echo.written, b"still mine")
        await until(lambda: len(label.got) == 2)
        assert datagrams.is_challenge(victim.recv(1000))
        victim.setblocking(False)
        with pytest.raises(BlockingIOError):
            victim.recv(1000)


def stray_from(sock: socket.socket, data: bytes, address: tuple[str, int]) -> None:
    sock.sendto(data, address)


# ---- targets


async def test_u35_inner_targets_are_refused(world: World, caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    own_port = world.ports["us"]
    refused = [write_source("127.0.0.1", own_port), write_source("10.0.0.1", 53), write_source("169.254.169.254", 80)]
    refused += [write_source("::1", own_port), write_source("127.0.0.1", 0)]
    refused += [
        bytes([ATYP_NAME, len(name)]) + name + b"\x00\x35" for name in (b"localhost", b"", b"a b", b"fe80::1%lo")
    ]
    for address in refused:
        label.send(address, b"no")
    name = bytes([ATYP_NAME, 11]) + b"target.test" + own_port.to_bytes(2, "big")
    label.send(name, b"no")
    await passed(label, echo)
    await until(lambda: counters(world)["datagrams_refused"] == len(refused) - 1)  # an empty name is no address
    assert echo.got == [b"and now"]


async def test_a_name_without_an_address_takes_what_waits_with_it(world: World, caller: DatagramCaller) -> None:
    label = await caller.label()
    for _ in range(3):
        label.send(b"\x03\x0fnothing.invalid\x00\x35", b"no")
    await until(lambda: counters(world)["datagrams_refused"] + counters(world)["datagrams_unsent"] == 3)


async def test_u13_targets_of_one_association_are_bounded(
    caller: DatagramCaller, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.exit.association.MOST_TARGETS", 3)
    label = await caller.label()
    others = [Echo(caller.loop) for _ in range(5)]
    for one in (echo, *others, echo):
        label.send(one.written, b"x")
    await until(lambda: len(label.got) == 7)
    assert sorted(len(one.got) for one in (echo, *others)) == [1, 1, 1, 1, 1, 2]


async def test_associations_are_bounded(
    world: World, caller: DatagramCaller, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.exit.associations.MOST_ASSOCIATIONS", 2)
    label = await caller.label()
    for association in (1, 2, 1, 3):
        label.send(echo.written, b"x", association=association)
        await until(lambda: echo.got)
        echo.got.clear()
    assert bodies.parse_assoc_gone(await caller.hears(Kind.ASSOC_GONE)) == (2, Cause.LIMIT)
    assert counters(world)["associations_evicted"] == 1
    assert world.nodes["us"].datagrams.associations.count == 2  # type: ignore[union-attr]


# ---- replies


async def test_u11_anybody_may_answer(caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label()
    label.send(echo.written, b"x")
    await until(lambda: len(label.got) == 1)
    other = Echo(caller.loop)
    other.port.out(echo.sources[0]).put(b"unasked")
    await until(lambda: len(label.got) == 2)
    assert label.got[1] == (other.written, b"unasked")


@pytest.mark.parametrize(
    ("udp_filter", "host", "is_taken"),
    [
        (UdpFilter.ADDRESS, "127.0.0.1", True),
        (UdpFilter.ADDRESS, "127.0.0.2", False),
        (UdpFilter.ADDRESS_PORT, "127.0.0.1", False),
    ],
)
async def test_u11_a_filter_keeps_others_out(
    world: World, caller: DatagramCaller, echo: Echo, udp_filter: UdpFilter, host: str, is_taken: bool
) -> None:
    world.nodes["us"].datagrams.associations._filter = udp_filter  # type: ignore[union-attr]
    label = await caller.label()
    label.send(echo.written, b"x")
    await until(lambda: len(label.got) == 1)
    address = ("127.0.0.1", echo.sources[0][1])
    Echo(caller.loop, host).port.out(address).put(b"unasked")
    await until(lambda: len(label.got) == 2 if is_taken else counters(world)["replies_unasked"] == 1)
    await passed(label, echo)
    await until(lambda: len(label.got) == 2 + is_taken)


async def test_strangers_who_answer_are_bounded(
    world: World, caller: DatagramCaller, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.exit.association.STRANGERS", 5)
    label = await caller.label()
    label.send(echo.written, b"x")
    await until(lambda: len(label.got) == 1)
    world.nodes["us"].datagrams.associations._sessions[0]._flows[1].association._room = [5.0, 1e6]  # type: ignore[union-attr]
    stray(("127.0.0.1", echo.sources[0][1]), *(b"unasked" for _ in range(500)))
    await until(lambda: counters(world)["replies_unasked"] > 100)
    await passed(label, echo)
    assert len(label.got) < 400


# ---- ends


async def test_a_session_that_ends_takes_its_associations(
    world: World, caller: DatagramCaller, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    label = await caller.label()
    label.send(echo.written, b"x")
    await until(lambda: len(label.got) == 1)
    monkeypatch.setattr("relay.session.session.EXPIRY", 0.05)
    for link in list(next(iter(world.nodes["us"].sessions._held.values())).links):
        link.close("the test says so")
    await until(lambda: labels(world, "us").count == 0)
    assert _is_free(echo.sources[0])


async def test_a_label_outlives_its_carrier_for_a_while(
    world: World, caller: DatagramCaller, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.node.labels.LINGER", 0.0)
    label = await caller.label("jp")
    for splice in list(world.nodes["jp"].transits):
        splice.end(None)
    label.send(echo.written, b"too late")
    await until(lambda: labels(world, "jp").strange >= 1)
    assert await label.up() is Verdict.TAKEN
    assert labels(world, "jp").count == 1


async def test_u24_a_carrier_is_reset_and_no_datagram_lost(world: World, caller: DatagramCaller, echo: Echo) -> None:
    label = await caller.label("jp")
    for splice in list(world.nodes["jp"].transits):
        splice.end(None)
    label.send(echo.written, b"goes on")
    await until(lambda: len(label.got) == 1)


# ---- what a node lacks


async def test_u35_a_policy_that_changes_holds_for_what_was_sent_to_before(
    world: World, caller: DatagramCaller, echo: Echo
) -> None:
    label = await caller.label()
    label.send(echo.written, b"x")
    await until(lambda: len(label.got) == 1)
    targets = world.nodes["us"].datagrams.associations.finder.targets  # type: ignore[union-attr]
    targets.policy = Policy()
    label.send(echo.written, b"y")
    await until(lambda: counters(world)["datagrams_refused"] == 1)
    assert echo.got == [b"x"]


async def test_without_descriptors_there_is_no_port(
    world: World, caller: DatagramCaller, echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(*_: object, **__: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    label = await caller.label()
    monkeypatch.setattr("relay.exit.association.open_udp", none_left)
    label.send(echo.written, b"x")
    await until(lambda: counters(world)["datagrams_refused"] == 1)
    assert world.nodes["us"].sessions.dial_shortages == 1


async def test_a_port_that_is_taken_is_told_and_carriers_come_all_the_same(
    make_world: Callable[..., World], journal: Journal
) -> None:
    world = make_world(TWO_PATHS, is_wired=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(port_of(world, "us"))
        await world.start("us")
        assert (await journal.until("udp-port-refused", "us"))["error"] == "Address already in use"
        assert not world.nodes["us"].datagrams.is_open
        async with secured(world, "us") as tls:
            welcome = await asked(tls, hello(world))
    assert Feature.DATAGRAMS not in welcome.features  # type: ignore[union-attr]


async def test_an_exit_that_stops_says_so_of_every_association(
    world: World, caller: DatagramCaller, echo: Echo
) -> None:
    label = await caller.label()
    label.send(echo.written, b"x")
    await until(lambda: len(label.got) == 1)
    world.nodes["us"].sessions.end_streams(Cause.DRAINING)
    assert bodies.parse_assoc_gone(await caller.hears(Kind.ASSOC_GONE)) == (1, Cause.DRAINING)
    label.send(echo.written, b"under way")
    await until(lambda: label.payloads == [b"x", b"under way"])
