"""`relay check NODE`: whether this machine has all that one node needs."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from relay.config import find_node, load_network, read_secret
from relay.errors import OperatorError
from relay.identity import KeysError, load_identity
from relay.model.network import Line, Network, Node, Secret
from relay.policy import idle


def run(options: argparse.Namespace) -> int:
    """Print what NODE is and dials; or raise one error that holds everything that is wrong."""
    network = load_network(options.config)
    node = find_node(network, options.node)
    dialled = [line for line in network.lines.values() if node.name in (line.start, line.end if line.both else None)]
    wrong = [*_wrong_keys(options.keys, node), *_wrong_files(node, dialled)]
    if wrong:
        raise OperatorError("\n".join(wrong))
    print(_summary(network, node, dialled))
    for one, why in idle(node):
        print(f"warning: node.{node.name}.allow: {one.cidr} does nothing: {why}")
    return 0


def _summary(network: Network, node: Node, dialled: list[Line]) -> str:
    arriving = [
        line.name for line in network.lines.values() if node.name in (line.end, line.start if line.both else None)
    ]
    return "\n".join(
        (
            f"ok: {node.name} is {'an exit' if node.exit else 'a relay'}",
            f"listens at: {', '.join(str(address) for address in node.listen)}",
            f"lines that lead here: {', '.join(arriving) or 'none, so that no path goes through it'}",
            f"lines it dials: {', '.join(line.name for line in dialled) or 'none'}",
        )
    )


def _wrong_keys(keys: Path, node: Node) -> Iterator[str]:
    try:
        identity = load_identity(keys, node.name)
    except KeysError as error:
        yield str(error)
    else:
        if identity.is_ingress:
            yield f"{keys / node.name}: the keys are those of an ingress; run `ingress keys --renew {node.name}`"


def _wrong_files(node: Node, dialled: list[Line]) -> Iterator[str]:
    if node.hosts is not None and not Path(node.hosts).is_file():
        yield f"{node.hosts}: there is no such file; bring it, or take hosts out of node.{node.name}"
    proxies = [node.upstream, *(line.proxy for line in dialled)]
    for secret in {proxy.password for proxy in proxies if proxy is not None and proxy.password is not None}:
        yield from _wrong_secret(secret)


def _wrong_secret(secret: Secret) -> Iterator[str]:
    try:
        read_secret(secret)
    except OperatorError as error:
        yield str(error)
