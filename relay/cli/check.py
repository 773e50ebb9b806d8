"""`relay check NODE`: whether this machine has all that one node needs."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from relay.admin.path import is_running
from relay.cli.owner import as_owner_of
from relay.config import find_node, load_network, read_secret
from relay.errors import OperatorError
from relay.files import read_file
from relay.identity import KeysError, load_identity
from relay.listen import try_all
from relay.model.network import Line, Network, Node, Secret
from relay.policy import idle
from relay.private import unreadable


def run(options: argparse.Namespace) -> int:
    """Print what NODE is and dials; or raise one error that holds everything that is wrong."""
    with as_owner_of(options.config.absolute().parent) as user:
        network = load_network(options.config)
        node = find_node(network, options.node)
        dialled = [
            line for line in network.lines.values() if node.name in (line.start, line.end if line.both else None)
        ]
        wrong = [*_wrong_keys(options.keys, node), *_wrong_files(node, dialled)]
    skipped, busy = _try_to_listen(node, options.admin)
    if wrong or busy:
        raise OperatorError("\n".join((*wrong, *busy)))
    print(_summary(network, node, dialled))
    if user is not None:
        print(f"all of it can be read by: {user}")
    for one, why in idle(node):
        print(f"warning: node.{node.name}.allow: {one.cidr} does nothing: {why}")
    for warning in skipped:
        print(f"warning: {warning}")
    return 0


def _try_to_listen(node: Node, admin: str | None) -> tuple[list[str], list[str]]:
    """What is to be known of the addresses that NODE listens at, and what is wrong; nothing while it runs already."""
    if is_running(node.name, "relay", admin):
        return [], []
    try:
        return try_all(node.listen), []
    except OperatorError as error:
        if isinstance(error.__cause__, PermissionError):
            return [f"{error}; the units of deploy/ have them"], []
        return [], [str(error)]


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
    if node.hosts is not None:
        yield from _wrong_hosts(Path(node.hosts), node.name)
    proxies = [node.upstream, *(line.proxy for line in dialled)]
    for secret in {proxy.password for proxy in proxies if proxy is not None and proxy.password is not None}:
        yield from _wrong_secret(secret)


def _wrong_hosts(path: Path, node: str) -> Iterator[str]:
    try:
        read_file(path)
    except FileNotFoundError:
        yield f"{path}: there is no such file; bring it, or take hosts out of node.{node}"
    except OSError as error:
        yield f"{path}: {unreadable(path, error)}"


def _wrong_secret(secret: Secret) -> Iterator[str]:
    try:
        read_secret(secret)
    except OperatorError as error:
        yield str(error)
