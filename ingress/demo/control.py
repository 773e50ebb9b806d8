"""The demo's command socket, for programs: an order a line, an answer a line, as running.py obeys them."""

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

LONGEST = 4096
"""Bytes of an order; whoever sends more without a newline is no program of ours."""


async def serve_control(
    path: Path,
    order: Callable[[str], Awaitable[str]],
    task_status: trio.TaskStatus[list[trio.SocketListener]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled. Only our user can open the socket: it lies in a folder of mode 700."""
    sock = trio.socket.socket(trio.socket.AF_UNIX)
    await sock.bind(os.fspath(path))
    sock.listen()
    await trio.serve_listeners(partial(_serve, order=order), [trio.SocketListener(sock)], task_status=task_status)


async def _serve(stream: trio.SocketStream, order: Callable[[str], Awaitable[str]]) -> None:
    waiting = b""
    try:
        async for data in stream:
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                answer = await order(line.decode(errors="replace"))
                await stream.send_all(answer.encode() + b"\n")
            if len(waiting) > LONGEST:
                return
    except trio.BrokenResourceError:  # it has left without the answer
        return
