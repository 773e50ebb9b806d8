"""`relay serve NODE`: reads the files, listens, serves until it is told to stop, drains.

The first SIGTERM or SIGINT drains: the ingresses are told (GOAWAY) and leave; a second one ends at once. SIGHUP reads
the files again, as `relay reload` does.
"""

import signal
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import trio

from relay import __version__, log
from relay.admin.path import socket_path
from relay.admin.server import Answer, Ask, serve_admin
from relay.config import find_node, load_network
from relay.dial.lines import keep_dialling
from relay.engine import Listener, Loop
from relay.engine.sockopts import kernel_limits
from relay.errors import OperatorError
from relay.exit.associations import Associations
from relay.exit.resolver import Resolver
from relay.exit.targets import Targets
from relay.identity import Identity, load_identity
from relay.listen import listen_at
from relay.model.cause import Cause
from relay.model.network import Network, Node
from relay.node.datagrams import NodeDatagrams
from relay.node.node import RelayNode
from relay.node.sessions import Sessions
from relay.policy import Policy
from relay.serve.counters import NodeParts
from relay.serve.half_closed import watch_half_closed
from relay.serve.notify import notify
from relay.serve.own import OwnKeeper
from relay.serve.process import run_under_signals
from relay.serve.reloads import Reloads, read_aside
from relay.serve.shortage import Shortages
from relay.serve.status import answer_status, keep_telling, tell_status
from relay.serve.vanished import Vanished

LAST_WORDS = 0.3
"""Seconds given to the last frames before the process ends."""
LOOK_AGAIN = 0.05
"""Seconds between looks at whether a draining node is empty."""


def run(options: Namespace) -> int:
    """Serve until stopped. Returns the exit code; OperatorError if it cannot begin."""
    log.configure(options.log_format, options.log_level)
    run_under_signals(partial(serve, options))
    return 0


async def serve(
    options: Namespace,
    signals: AsyncIterator[int],
    *,
    task_status: trio.TaskStatus[RelayNode] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until *signals* say otherwise. Started once it listens.

    Raises:
        OperatorError: it cannot begin; in a group.
    """
    network, identity = _read(options)
    async with trio.open_nursery() as nursery:
        loop = Loop()
        nursery.start_soon(loop.run)
        base = Path(options.config).parent
        me = network.nodes[options.node]
        targets = _make_targets(loop, nursery, me, base)
        datagrams = NodeDatagrams(loop, _make_associations(loop, targets, me))
        sessions = Sessions(loop, me.limits.memory, targets, me.limits.streams, datagrams)
        node = RelayNode(loop, nursery, options.node, network, identity, base, sessions)
        await _start(node, targets, nursery)
        listeners = _listen(node, loop)
        vanished = Vanished(loop, lambda: me.limits.keepalive)
        nursery.start_soon(vanished.watch)
        nursery.start_soon(Shortages(lambda: dict(sessions.accounts), sessions.all_streams).watch)
        parts = NodeParts(loop, sessions.accounts, node, listeners, loop.now, targets, vanished)
        nursery.start_soon(keep_telling, parts)
        reloads = Reloads(partial(use_files_again, parts, options))
        asks: dict[str, Ask] = {"status": _status(parts), "reload": reloads.answer}
        await nursery.start(serve_admin, socket_path(options.node, "relay", options.admin), asks)
        notify(READY=1, STATUS=_listening(node))
        log.event("node-started", node=node.name, version=__version__, exit=node.is_exit, limits=kernel_limits())
        task_status.started(node)
        await _until_told(signals, parts, reloads, nursery)
        node.sessions.end_streams(Cause.DRAINING)
        nursery.cancel_scope.cancel()
    log.event("node-stopped", node=options.node)


def _read(options: Namespace) -> tuple[Network, Identity]:
    network = load_network(options.config)
    find_node(network, options.node)
    identity = load_identity(options.keys, options.node)
    if identity.is_ingress:
        folder = Path(options.keys, options.node)
        raise OperatorError(f"{folder}: is the certificate of an ingress; run: ingress keys --renew {options.node}")
    return network, identity


def _make_targets(loop: Loop, nursery: trio.Nursery, me: Node, base: Path) -> Targets | None:
    """What an exit reaches its targets by; None for a node that is none."""
    if not me.exit:
        return None
    return Targets(loop, me, Policy(me.allow), Resolver.of_node(nursery, me, base), nursery, base)


def _make_associations(loop: Loop, targets: Targets | None, me: Node) -> Associations | None:
    """What takes clients' datagrams to their targets; a proxy takes none."""
    return None if targets is None or targets.upstream is not None else Associations(loop, targets, me.udp_filter)


async def _start(node: RelayNode, targets: Targets | None, nursery: trio.Nursery) -> None:
    """The tasks that run as long as the node; an exit first learns what it must not dial."""
    if targets is not None:
        await nursery.start(OwnKeeper(node, targets).keep)
    nursery.start_soon(keep_dialling, node.hops, node.base, node.note_dials)
    idle = node.limits.half_closed_idle
    nursery.start_soon(watch_half_closed, lambda: idle, node.sessions.all_streams)


def _listen(node: RelayNode, loop: Loop) -> list[Listener]:
    """Listen where the file says. The node's certificate was read before: nobody is let in without one."""
    sockets = listen_at(node.network.nodes[node.name].listen)
    node.datagrams.listen(sockets, node.identity.network)
    return [Listener(loop, sock, node.accept) for sock in sockets.values()]


def _listening(node: RelayNode) -> str:
    kind = "an exit" if node.is_exit else "a relay"
    return f"{kind}, listening at {', '.join(str(address) for address in node.network.nodes[node.name].listen)}"


async def _until_told(signals: AsyncIterator[int], parts: NodeParts, reloads: Reloads, nursery: trio.Nursery) -> None:
    """Wait for the signals; returns when the node has drained, or was told twice."""
    node = parts.node
    with trio.CancelScope() as drained:
        async for number in signals:
            if number == signal.SIGHUP:
                nursery.start_soon(reloads.on_signal)
            elif node.is_draining:
                return
            else:
                log.event(
                    "drain-started", node=node.name, carriers=node.sessions.carriers, passed_on=len(node.transits)
                )
                notify(STOPPING=1, STATUS=f"draining: {node.sessions.streams} streams may still finish")
                for listener in parts.listeners:
                    listener.stop()
                node.drain()
                nursery.start_soon(_drain, node, drained.cancel)


async def _drain(node: RelayNode, done: Callable[[], None]) -> None:
    """Wait until the ingresses have left, and associations are quiet. Streams that are there after `drain` are reset,
    and both ends told."""
    with trio.move_on_after(node.limits.drain):
        while node.transits or node.sessions.streams or node.datagrams.are_used:  # noqa: ASYNC110 - many things, each ends at its own pace
            await trio.sleep(LOOK_AGAIN)
    node.sessions.end_streams(Cause.DRAINING)
    await trio.sleep(LAST_WORDS)
    done()


async def use_files_again(parts: NodeParts, options: Namespace) -> str:
    """Read the files and go by them; until they are read, by the old ones. Returns what was done.

    Raises:
        OperatorError: with the mistakes; nothing was changed.
    """
    node = parts.node
    network, identity = await read_aside(_read, options)
    old, new = node.network.nodes[node.name], network.nodes[node.name]
    if old != new:
        raise OperatorError(f"{options.config}: [node.{node.name}] itself has changed; restart this node to use it")
    if parts.targets is not None:
        parts.targets.resolver.read_again()
    node.use(network, identity)
    node.expel_strangers()
    tell_status(parts)
    log.event("reloaded", node=node.name, nodes=len(network.nodes), lines=len(network.lines))
    return f"reloaded: {len(network.nodes)} nodes, {len(network.lines)} lines"


def _status(parts: NodeParts) -> Ask:
    async def answer(_: Mapping[str, Any]) -> Answer:
        return answer_status(parts)

    return answer
