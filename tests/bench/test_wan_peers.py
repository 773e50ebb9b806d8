"""Peers on the bed: each node's configuration names the addresses of the bed; no bed is needed to see that."""

import pathlib
import re
from collections.abc import Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio

from bench.peers import Peer
from bench.survive.route import Route, answers
from bench.survive.target import listening_sockets, open_target
from bench.topology import HOST
from bench.wan.bed import Bed
from bench.wan.network import CLIENT, DOOR, NODES, PORT, WEB, heal
from bench.wan.peers import CHAIN, HOPS, LONG, PEERS, DirectOnTheBed, PeerOnTheBed, place_on
from ingress.demo.processes import Processes


class Recorded(Bed):
    """A bed of paper: what it was told to do, in order."""

    def __init__(self) -> None:
        super().__init__(NODES, cast(Any, None))
        self.orders: list[str] = []

    def order(self, verb: str, start: str, end: str, *values: object) -> None:
        self.orders.append(f"{verb} {start} {end}")

    def forget(self) -> None:
        self.orders.append("forget")


def started(peer: Peer, folder: pathlib.Path, bed: Bed) -> dict[str, str]:
    """By role: a command line with the configuration files it names."""
    processes = cast(Processes, SimpleNamespace(folder=folder))
    place = place_on(bed, processes, (bed.address(WEB), 9))
    return {command.role: text_of(command.argv) for command in peer.commands(place)}


def text_of(argv: Sequence[str]) -> str:
    files = [pathlib.Path(word) for word in argv if word.endswith((".json", ".cfg"))]
    return " ".join(file.read_text() for file in files)


def test_the_chain_is_joined_from_the_clients_to_the_exit() -> None:
    assert [CHAIN[0].start, *(line.end for line in CHAIN)] == [CLIENT, *HOPS.values()]
    assert (LONG.start, LONG.end, LONG.round_trip) == (CLIENT, WEB, 132)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_nodes_listen_at_their_addresses_and_the_ingress_beside_its_clients(peer: Peer, tmp_path: pathlib.Path) -> None:
    bed = Recorded()
    texts = started(peer, tmp_path, bed)
    assert set(texts) == {"ingress", *HOPS}
    assert HOST in texts["ingress"] and str(DOOR) in texts["ingress"]
    for role, node in HOPS.items():
        assert bed.address(node) in texts[role] and str(PORT) in texts[role]
        assert HOST not in texts[role]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_no_node_is_named_but_those_of_the_chain_and_the_target(peer: Peer, tmp_path: pathlib.Path) -> None:
    bed = Recorded()
    named = set(re.findall(r"198\.18\.7\.\d+", " ".join(started(peer, tmp_path, bed).values())))
    assert named - {bed.address(WEB)} == {bed.address(node) for node in HOPS.values()}


def test_each_node_runs_where_it_should() -> None:
    ran = {}

    class Noted:
        folder = pathlib.Path()

        def start(self, name: str, argv: Sequence[str]) -> None:
            ran[name] = argv[0:2]

    bed = Recorded()
    peer = SimpleNamespace(
        name="one",
        how="somehow",
        commands=lambda at: [SimpleNamespace(role=role, argv=[role]) for role in ("ingress", "hop1", "exit")],
    )
    with no_certificate():
        PeerOnTheBed(bed, cast(Peer, peer))._start(cast(Processes, Noted()), ("198.18.7.6", 9))
    assert ran == {node: bed.command(node, [])[:2] for node in (CLIENT, *HOPS.values())}


@contextmanager
def no_certificate() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.wan.peers.make_certificate", lambda folder: None)
        yield


def test_healing_undoes_what_was_done_to_a_line_and_what_was_learnt_from_it() -> None:
    bed = Recorded()
    heal(bed, CHAIN)
    assert bed.orders == ["up sh jpd", "link sh jpd", "up jpd usd", "link jpd usd", "forget"]


async def test_the_direct_line_is_there_for_direct_clients_only() -> None:
    bed = Recorded()
    async with open_target(listening_sockets(HOST)) as target, DirectOnTheBed(bed).scene(target) as scene:
        assert bed.orders == ["up sh web", "link sh web", "forget"]
        assert await answers(scene.route, target.addresses[0])
    assert bed.orders[-1] == "down sh web"


async def test_a_door_that_is_shut_or_says_nothing_does_not_answer(autojump_clock: trio.testing.MockClock) -> None:
    listener = (await trio.open_tcp_listeners(0, host=HOST))[0]
    silent = listener.socket.getsockname()
    assert not await answers(Route(HOST, silent[1]), (HOST, 9))
    await listener.aclose()
    assert not await answers(Route(HOST, silent[1]), (HOST, 9))
