import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest
import trio

from relay.model.network import Address, Line, Network, Node
from relay.node.own import OwnAddresses
from tests.world import Journal

ANYWHERE = Address("0.0.0.0", 7443)


def network(*addresses: str, lines: tuple[str, ...] = ()) -> Network:
    nodes = {f"n{at}": Node(f"n{at}", Address(host, 48350), (ANYWHERE,)) for at, host in enumerate(addresses)}
    found = {f"l{at}": Line(f"l{at}", "shanghai", "n0", Address(host, 1000)) for at, host in enumerate(lines)}
    return Network(("shanghai",), nodes, found)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """What names mean; one that is not here does not exist."""
    known: dict[str, tuple[str, ...]] = {}

    async def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        await trio.lowlevel.checkpoint()
        if host == "slow.example":
            await trio.sleep_forever()
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(0, 0, 0, "", (address, port)) for address in known[host]]

    monkeypatch.setattr("trio.socket.getaddrinfo", look_up)
    return known


async def test_nodes_listeners_and_lines_are_known(names: dict[str, tuple[str, ...]]) -> None:
    names["jp.example"] = ("203.0.113.1", "2001:db8::1")
    names["ix.example"] = ("198.51.100.1", "fe80::1%eth0")
    found = await OwnAddresses().learn(network("192.0.2.1", "jp.example", lines=("ix.example",)))
    assert found == {
        (ip_address("0.0.0.0"), 7443),
        (ip_address("192.0.2.1"), 48350),
        (ip_address("203.0.113.1"), 48350),
        (ip_address("2001:db8::1"), 48350),
        (ip_address("198.51.100.1"), 1000),
        (ip_address("fe80::1"), 1000),
    }


@pytest.mark.parametrize("name", ["gone.example", "slow.example"])
async def test_a_name_that_cannot_be_looked_up_holds_nobody_up(
    names: dict[str, tuple[str, ...]], journal: Journal, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.node.own.LOOKUP_SECONDS", 0.05)
    found = await OwnAddresses().learn(network("192.0.2.1", name))
    assert (ip_address("192.0.2.1"), 48350) in found
    assert (await journal.until("own-address-unknown", level="warning"))["address"] == Address(name, 48350)


async def test_what_was_known_stays_until_something_else_is_known(
    names: dict[str, tuple[str, ...]], journal: Journal
) -> None:
    own, nets = OwnAddresses(), network("jp.example")
    has: Callable[[str, frozenset[Any]], bool] = lambda host, found: (ip_address(host), 48350) in found  # noqa: E731
    names["jp.example"] = ("203.0.113.1",)
    assert has("203.0.113.1", await own.learn(nets))
    del names["jp.example"]
    assert has("203.0.113.1", await own.learn(nets))
    names["jp.example"] = ("203.0.113.2",)
    found = await own.learn(nets)
    assert has("203.0.113.2", found)
    assert not has("203.0.113.1", found)
    assert not has("203.0.113.2", await own.learn(network("192.0.2.1")))
