"""Everything that can happen to the path that streams ride on, by name."""

from collections.abc import Callable
from functools import partial

from tests.network.network import Network

Fault = Callable[[Network, str, str, str], None]
"""Done to a network: to the first line, the relay and the second line of a path."""


def _to_first(order: str, network: Network, first: str, _relay: str, _second: str) -> None:
    network.order(order.format(first))


def _to_relay(order: str, network: Network, _first: str, relay: str, _second: str) -> None:
    network.order(f"{order} {relay}")


def _to_second(order: str, network: Network, _first: str, _relay: str, second: str) -> None:
    network.order(f"{order} {second}")


def _restart(network: Network, _first: str, relay: str, _second: str) -> None:
    network.order(f"kill {relay}")
    network.order(f"start {relay}")


FAULTS: dict[str, Fault] = {
    "a black hole": partial(_to_first, "cut {}"),
    "a black hole towards the exit": partial(_to_first, "cut {} towards"),
    "a black hole towards the client": partial(_to_first, "cut {} back"),
    "a black hole behind the relay": partial(_to_second, "cut"),
    "a reset": partial(_to_first, "reset {}"),
    "a line that refuses": partial(_to_first, "refuse {}"),
    "a frozen line": partial(_to_first, "freeze {}"),
    "a slow line": partial(_to_first, "slow {} 100ms"),
    "a killed relay": partial(_to_relay, "kill"),
    "a frozen relay": partial(_to_relay, "freeze"),
    "a drained relay": partial(_to_relay, "drain"),
    "a restarted relay": _restart,
}


def strike(network: Network, fault: str) -> None:
    """Do it to the path that carries most of the streams now."""
    answer = network.paths()
    path = max(answer["paths"], key=lambda path: int(path["streams"]))
    first, second = path["path"].split("/")
    relay = next(line["end"] for line in answer["lines"] if line["line"] == first)
    FAULTS[fault](network, first, relay, second)
