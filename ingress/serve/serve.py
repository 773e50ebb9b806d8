"""`ingress serve [NAME]`: reads the files, listens, serves until it is told to stop, drains.

The first SIGTERM or SIGINT stops accepting and lets streams end for `[limits] drain`; a second one ends at once. SIGHUP
reads the files again, as `ingress reload` does.
"""

import signal
import socket
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path

import trio

from ingress.client.entrance import Front
from ingress.config import IngressConfig, load
from ingress.paths.fleet import Fleet
from ingress.serve.answers import asks
from ingress.users import Users, load_users
from relay import __version__, log
from relay.admin.path import socket_path
from relay.admin.server import serve_admin
from relay.engine import Listener, Loop, open_listener, sockopts
from relay.engine.listener import hint
from relay.errors import OperatorError
from relay.identity import Identity, load_identity
from relay.model.cause import Cause
from relay.model.network import Address
from relay.serve.half_closed import watch_half_closed
from relay.serve.process import settle_memory
from relay.session.stream import Stream
from relay.session.window import Memory

OnAccept = Callable[[socket.socket, tuple[str, int]], None]

LAST_WORDS = 0.3
"""Seconds given to the last frames before the process ends."""
LOOK_AGAIN = 0.05
"""Seconds between looks at whether all streams have ended."""


class Running:
    """One ingress process: what serve, reload and the admin socket work on."""

    def __init__(self, options: Namespace, config: IngressConfig, identity: Identity, users: Users | None) -> None:
        self.options = options
        self.config = config
        self.identity = identity
        self.users = users
        self.loop = Loop()
        self.memory = Memory(config.limits.memory)
        self.fleet: Fleet
        self.front: Front
        self.is_draining = False
        self._listeners: dict[Address, Listener] = {}
        self._accepts: Mapping[Address, OnAccept] = {}

    def start(self, nursery: trio.Nursery) -> None:
        """Make all parts and listen.

        Raises:
            OperatorError: an address cannot be listened on; the process should end.
        """
        config, context = self.config, self.identity.client_context()
        self.fleet = Fleet(
            self.loop,
            nursery,
            config.name,
            config.network,
            config.paths,
            config.rules,
            context,
            Path(self.options.config).parent,
            self.memory,
        )
        self.front = Front(self.loop, nursery, self.fleet, config, self.users)
        self._listen(config, self._bind_new(config))
        nursery.start_soon(watch_half_closed, config.limits.half_closed_idle, self._streams)

    def _streams(self) -> list[Stream]:
        return [stream for peer in self.fleet.peers.values() for stream in peer.session.streams.values()]

    def _bind_new(self, config: IngressConfig) -> dict[Address, socket.socket]:
        """Sockets for what *config* says and nobody listens on yet. OperatorError leaves none of them open."""
        bound: dict[Address, socket.socket] = {}
        try:
            for address in _addresses(config):
                if address not in self._listeners:
                    bound[address] = self._bind(address, config.limits.keepalive)
        except OperatorError:
            for sock in bound.values():
                sock.close()
            raise
        return bound

    def _bind(self, address: Address, keepalive: float) -> socket.socket:
        try:
            sock = open_listener((address.host, address.port))
        except OSError as error:
            text = f"{self.options.config}: cannot listen on {address}: {error.strerror}"
            raise OperatorError(text + hint(error)) from error
        sockopts.nodelay(sock)  # accepted sockets inherit both: not one system call per client
        sockopts.keepalive(sock, int(keepalive))
        return sock

    def _listen(self, config: IngressConfig, bound: Mapping[Address, socket.socket]) -> None:
        """Listen on what *config* says and on nothing else; *bound* are the sockets that are new."""
        accepts: dict[Address, OnAccept] = dict.fromkeys(config.listen, self.front.accept)
        accepts |= {forward.listen: partial(self.front.accept_forward, forward) for forward in config.forwards}
        self._accepts = accepts
        for address, sock in bound.items():
            self._listeners[address] = Listener(self.loop, sock, partial(self._accept, address))
        for address in [address for address in self._listeners if address not in accepts]:
            self._listeners.pop(address).stop()

    def _accept(self, address: Address, sock: socket.socket, client: tuple[str, int]) -> None:
        """What is said to whom is looked up for each client: a reload may have changed it."""
        self._accepts[address](sock, client)

    def reload(self) -> str:
        """Read the files again and go by them. Returns what was done.

        Raises:
            OperatorError: with the mistakes; nothing was changed.
        """
        config, identity, users = read(self.options, self.config.name)
        self._listen(config, self._bind_new(config))
        self.config, self.identity, self.users = config, identity, users
        self.memory.limit = config.limits.memory
        self.front.use(config, users)
        self.fleet.replan(config.network, config.paths, config.rules, identity.client_context())
        log.event("reloaded", ingress=config.name, paths=len(config.paths.used), lines=len(config.network.lines))
        return f"reloaded: {len(config.network.lines)} lines, {len(config.paths.used)} paths"

    def stop_listening(self) -> None:
        """Accept nobody any more."""
        for listener in self._listeners.values():
            listener.stop()
        self._listeners.clear()

    def end_streams(self) -> None:
        """Reset what is left, at both ends."""
        for peer in self.fleet.peers.values():
            for stream in list(peer.session.streams.values()):
                stream.sink.on_reset(Cause.SHUTDOWN)
                stream.reset(Cause.SHUTDOWN)


def _addresses(config: IngressConfig) -> list[Address]:
    return [*config.listen, *(forward.listen for forward in config.forwards)]


def read(options: Namespace, name: str | None) -> tuple[IngressConfig, Identity, Users | None]:
    """All files that the ingress *name* (the only one, if None) needs, checked; OperatorError with every mistake."""
    config = load(options.config, name)
    identity = load_identity(Path(options.keys), config.name)
    if not identity.is_ingress:
        raise OperatorError(
            f"{options.keys}/{config.name}: is the certificate of a relay; run: ingress keys --renew {config.name}"
        )
    return config, identity, None if config.users is None else load_users(config.users)


def run(options: Namespace) -> int:
    """Serve until stopped. Returns the exit code; OperatorError if it cannot begin."""
    log.configure(options.log_format, options.log_level)
    running = Running(options, *read(options, options.name))
    settle_memory()
    trio.run(_run, running)
    return 0


async def _run(running: Running) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        await serve(running, signals)


async def serve(
    running: Running, signals: AsyncIterator[int], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until *signals* say otherwise. Started once it listens.

    Raises:
        OperatorError: it cannot begin; in a group.
    """
    name = running.config.name
    async with trio.open_nursery() as nursery:
        nursery.start_soon(running.loop.run)
        running.start(nursery)
        path = socket_path(name, "ingress", running.options.admin)
        await nursery.start(serve_admin, path, asks(running))
        _tell_started(running, path)
        task_status.started()
        await _until_told(signals, running, nursery)
        running.end_streams()
        nursery.cancel_scope.cancel()
    log.event("ingress-stopped", ingress=name)


def _tell_started(running: Running, admin: Path) -> None:
    config, limits = running.config, sockopts.kernel_limits()
    listens = ", ".join(str(address) for address in config.listen)
    log.event("ingress-started", ingress=config.name, version=__version__, listen=listens, admin=admin, limits=limits)
    for warning in config.warnings:
        log.event("config-warned", level="warning", text=warning)


async def _until_told(signals: AsyncIterator[int], running: Running, nursery: trio.Nursery) -> None:
    """Wait for the signals; returns when all streams have ended, or `drain` is over, or it was told twice."""
    with trio.CancelScope() as drained:
        async for number in signals:
            if number == signal.SIGHUP:
                _reload_or_log(running)
            elif running.is_draining:
                return
            else:
                running.is_draining = True
                nursery.start_soon(_drain, running, drained)


def _reload_or_log(running: Running) -> None:
    try:
        running.reload()
    except OperatorError as error:
        log.event("reload-failed", level="error", why=str(error))


async def _drain(running: Running, drained: trio.CancelScope) -> None:
    running.stop_listening()
    log.event("drain-started", ingress=running.config.name, streams=running.fleet.streams)
    with trio.move_on_after(running.config.limits.drain):
        while running.fleet.streams or running.front.clients:  # noqa: ASYNC110 - many things, each ends at its own pace
            await trio.sleep(LOOK_AGAIN)
    running.end_streams()
    await trio.sleep(LAST_WORDS)
    drained.cancel()
