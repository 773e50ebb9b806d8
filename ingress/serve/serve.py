"""`ingress serve [NAME]`: reads the files, listens, serves until it is told to stop, drains.

The first SIGTERM or SIGINT stops accepting and lets streams end for `[limits] drain`; a second one ends at once. SIGHUP
reads the files again, as `ingress reload` does.
"""

import signal
from argparse import Namespace
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import trio

from ingress.serve.answers import asks
from ingress.serve.running import Running, read
from ingress.serve.web_routes import web_routes
from relay import __version__, log
from relay.admin.path import socket_path
from relay.admin.server import serve_admin
from relay.engine import sockopts
from relay.serve.notify import notify
from relay.serve.process import run_under_signals

LAST_WORDS = 0.3
"""Seconds given to the last frames before the process ends."""
LOOK_AGAIN = 0.05
"""Seconds between looks at whether all streams have ended."""


def run(options: Namespace) -> int:
    """Serve until stopped. Returns the exit code; OperatorError if it cannot begin."""
    log.configure(options.log_format, options.log_level)
    read(options, options.name)  # mistakes are told before anything runs
    run_under_signals(partial(serve, options))
    return 0


async def serve(
    options: Namespace,
    signals: AsyncIterator[int],
    *,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until *signals* say otherwise. Started once it listens.

    Raises:
        OperatorError: it cannot begin; bare while the files are read, in a group later.
    """
    files = read(options, options.name)
    config = files.config
    async with trio.open_nursery() as nursery:
        running = Running(options, files, nursery)
        running.web.routes = web_routes(running)
        nursery.start_soon(running.loop.run)
        path = socket_path(config.name, "ingress", options.admin)
        await nursery.start(serve_admin, path, asks(running))
        running.start()  # behind it: whoever is let in can be asked about
        notify(READY=1, STATUS=f"listening at {_addresses(running)}")
        _tell_started(running, path)
        task_status.started(running)
        await _until_told(signals, running, nursery)
        running.reset_streams()
        nursery.cancel_scope.cancel()
    log.event("ingress-stopped", ingress=config.name)


def _addresses(running: Running) -> str:
    return ", ".join(str(address) for address in running.config.listen)


def _tell_started(running: Running, admin: Path) -> None:
    config, limits = running.config, sockopts.kernel_limits()
    listens = _addresses(running)
    log.event("ingress-started", ingress=config.name, version=__version__, listen=listens, admin=admin, limits=limits)
    for warning in config.warnings:
        log.event("config-warned", level="warning", about=warning, text=warning)


async def _until_told(signals: AsyncIterator[int], running: Running, nursery: trio.Nursery) -> None:
    """Wait for the signals; returns when all streams have ended, or `drain` is over, or it was told twice."""
    with trio.CancelScope() as drained:
        async for number in signals:
            if number == signal.SIGHUP:
                nursery.start_soon(running.reloads.on_signal)
            elif running.is_draining:
                return
            else:
                running.is_draining = True
                nursery.start_soon(_drain, running, drained)


async def _drain(running: Running, drained: trio.CancelScope) -> None:
    running.stop_listening()
    notify(STOPPING=1, STATUS=f"draining: {running.stream_count} streams may still finish")
    log.event("drain-started", ingress=running.config.name, streams=running.stream_count)
    with trio.move_on_after(running.config.limits.drain):
        while running.stream_count or running.entrance.clients:  # noqa: ASYNC110 - each ends at its own pace
            await trio.sleep(LOOK_AGAIN)
    running.reset_streams()
    await trio.sleep(LAST_WORDS)
    drained.cancel()
