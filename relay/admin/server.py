"""The admin socket: one JSON line asks, one JSON line answers. Only its owner (and root) may connect.

Used by `relay serve` and `ingress serve`; `relay.admin.client` asks.
"""

import errno
import json
import math
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio

from relay import log
from relay.errors import OperatorError

Answer = Mapping[str, Any]
Ask = Callable[[Mapping[str, Any]], Awaitable[Answer]]

LONGEST_QUESTION = 64 * 1024
QUESTION_SECONDS = 5.0
"""Seconds for all that one asker asks. While an answer is made, they stand still."""
MOST_AT_ONCE = 32
ACCEPT_PAUSE = 1.0
"""Seconds between attempts when no asker can be accepted."""


async def serve_admin(
    path: Path, asks: Mapping[str, Ask], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer questions at *path* until cancelled; the socket is removed afterwards.

    Raises:
        OperatorError: another process answers there already, or the folder cannot be used.
    """
    listener = _listen(path)
    try:
        limit = trio.CapacityLimiter(MOST_AT_ONCE)
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                nursery.start_soon(_serve_one, await _accept(listener), asks, limit)
    finally:
        listener.close()
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - a local file, and the end


async def _accept(listener: trio.socket.SocketType) -> trio.socket.SocketType:
    """The next asker. Without a free descriptor it waits for one: streams need them more."""
    while True:
        try:
            connection, _ = await listener.accept()
        except OSError as error:
            log.event("admin-accept-failed", level="warning", why=error.strerror)
            await trio.sleep(ACCEPT_PAUSE)
        else:
            return connection


def _listen(path: Path) -> trio.socket.SocketType:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(path)
        return trio.socket.from_stdlib_socket(_bind(path))
    except OSError as error:
        raise OperatorError(
            f"{path}: the admin socket cannot be made ({error.strerror}); choose another by --admin"
        ) from error


def _bind(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(16)
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody answers at; refuse to take one that is in use, or a file that is none."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise OperatorError(f"{path}: is a file and no socket; choose another by --admin")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        failed = probe.connect_ex(str(path))
    if failed in (0, errno.EAGAIN):
        raise OperatorError(
            f"{path}: another process answers at this admin socket already; stop it, or choose another by --admin"
        )
    if failed == errno.ECONNREFUSED:
        path.unlink()


async def _serve_one(connection: trio.socket.SocketType, asks: Mapping[str, Ask], limit: trio.CapacityLimiter) -> None:
    with connection:
        try:
            with trio.fail_after(QUESTION_SECONDS) as patience:
                async with limit:
                    if _is_trusted(connection):
                        await _answer_all(trio.SocketStream(connection), asks, patience)
        except (OSError, trio.TooSlowError, trio.BrokenResourceError) as error:
            log.event("admin-question-failed", level="debug", why=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - one question's mishap must not end the process; it is logged
            log.event("handler-failed", level="error", what="an admin question", error=repr(error))


def _is_trusted(connection: trio.socket.SocketType) -> bool:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", credentials)
    return user in (0, os.getuid())


async def _answer_all(stream: trio.SocketStream, asks: Mapping[str, Ask], patience: trio.CancelScope) -> None:
    """One question after another, until the asker leaves."""
    held = b""
    while len(held) <= LONGEST_QUESTION:
        line, found, rest = held.partition(b"\n")
        if found:
            held = rest
            with _standing_still(patience):
                answer = await _answer(line, asks)
            await stream.send_all(json.dumps(answer).encode() + b"\n")
            continue
        data = await stream.receive_some()
        if not data:
            return
        held += data


@contextmanager
def _standing_still(patience: trio.CancelScope) -> Iterator[None]:
    """A reload may take longer than an asker is given."""
    left = patience.deadline - trio.current_time()
    patience.deadline = math.inf
    try:
        yield
    finally:
        patience.deadline = trio.current_time() + left


async def _answer(line: bytes, asks: Mapping[str, Ask]) -> Answer:
    try:
        question = json.loads(line)
        ask = asks[question["ask"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {"version": 1, "error": f"unknown question; this process answers: {', '.join(sorted(asks))}"}
    try:
        return await ask(question)
    except OperatorError as error:
        return {"version": 1, "error": str(error)}
