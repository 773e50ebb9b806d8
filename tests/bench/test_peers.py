"""Every chain is wired as asked: each node listens at its port and is dialled at its entry."""

import pathlib
from typing import Any

import pytest

from bench.peers import BOUNDS, CHAINS, PEERS, Peer
from bench.topology import HOST, Hop, Place, make_certificate

HOPS = [Hop("hop1", 21001, 22001), Hop("hop2", 21002, 22002), Hop("exit", 21003, 22003)]


@pytest.fixture
def place(tmp_path: pathlib.Path) -> Place:
    return Place(tmp_path, make_certificate(tmp_path), 21000, HOPS, f"{HOST}:23000")


def text_of(command: Any) -> str:
    """A command line with the configuration files it names."""
    files = [pathlib.Path(word) for word in command.argv if word.endswith((".json", ".cfg"))]
    return " ".join([*command.argv, *(file.read_text() for file in files if file.exists())])


@pytest.mark.parametrize("peer", CHAINS, ids=lambda peer: peer.name)
def test_nodes_listen_at_their_ports_and_are_dialled_at_their_entries(peer: Peer, place: Place) -> None:
    texts = {command.role: text_of(command) for command in peer.commands(place)}
    assert set(texts) == {"ingress", "hop1", "hop2", "exit"}
    assert "21000" in texts["ingress"]
    for hop in HOPS:
        assert str(hop.port) in texts[hop.role]
        assert sum(str(hop.entry) in text for text in texts.values()) == 1
        assert sum(str(hop.port) in text for text in texts.values()) == 1


@pytest.mark.parametrize("peer", BOUNDS, ids=lambda peer: peer.name)
def test_bounds_have_one_process_at_most(peer: Peer, place: Place) -> None:
    assert peer.hops == 0
    assert [command.role for command in peer.commands(place)] in ([], ["ingress"])


def test_names_are_unique_and_each_says_what_it_does() -> None:
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    assert all(peer.how for peer in PEERS)
