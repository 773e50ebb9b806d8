"""One message to one receiver: a child process, that has a bounded time and a group of its own, and never a shell."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import trio

from ingress.alerts.letter import Letter
from ingress.config.alert import AlertReceiver
from relay.config import read_secret
from relay.errors import OperatorError

LONGEST: Final = 30.0
"""Seconds that sending one message may take; then the child is killed, with all that it has started."""
MOST_TOLD: Final = 400
"""Bytes that are kept of what a child says."""
LINGER: Final = 0.5
"""Seconds in which what it said is still read when it has ended."""
INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "PYTHONPATH", "TMPDIR")
"""Of the environment: whatever else stands there may be somebody's secret."""


async def send(receiver: AlertReceiver, letter: Letter, proxy: str | None, base: Path) -> str | None:
    """Send *letter*, by *proxy* or directly; why it was not taken, None if it was. A command runs in *base*."""
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    if receiver.command:
        extra = {"INGRESS_ALERT": letter.as_json()}
        text = f"{letter.title}\n\n{letter.text}\n"
        return await run_child(receiver.command, text.encode(), {**environment, **extra}, base)
    try:
        url = receiver.url if receiver.secret is None else await trio.to_thread.run_sync(read_secret, receiver.secret)
    except OperatorError as error:
        return str(error)
    asked = {
        "url": url,
        "is_webhook": receiver.is_webhook,
        "title": letter.title,
        "text": letter.text,
        "fields": letter.fields,
        "proxy": proxy,
    }
    own = {**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
    return await run_child((sys.executable, "-m", "ingress.alerts"), json.dumps(asked).encode(), own, base)


async def run_child(command: Sequence[str], given: bytes, environment: Mapping[str, str], base: Path) -> str | None:
    """Run *command* with *given* on its standard input; why it failed, None if it did not."""
    try:
        child = await trio.lowlevel.open_process(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(environment),
            cwd=base,
        )
    except (OSError, ValueError) as error:
        return f"cannot be run: {getattr(error, 'strerror', None) or error}"
    said = bytearray()
    try:
        with trio.move_on_after(LONGEST) as scope:
            await _converse(child, given, said)
    finally:
        await _end(child)
    if scope.cancelled_caught:
        return f"has not ended within {LONGEST:g} s"
    told = bytes(said[:MOST_TOLD]).decode(errors="replace").strip()
    return None if child.returncode == 0 else told or f"ended with {child.returncode}"


async def _converse(child: trio.Process, given: bytes, said: bytearray) -> None:
    """Until it has ended."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_feed, child, given)
        nursery.start_soon(_hear, child, said)
        await child.wait()
        nursery.cancel_scope.deadline = trio.current_time() + LINGER


async def _feed(child: trio.Process, given: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(trio.BrokenResourceError):
        await child.stdin.send_all(given)
    await child.stdin.aclose()


async def _hear(child: trio.Process, said: bytearray) -> None:
    assert child.stdout is not None
    async for part in child.stdout:
        said += part[: MOST_TOLD - len(said)]


async def _end(child: trio.Process) -> None:
    """With all of its group, if it runs still: as long as it is not waited for, the group is its own."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    with trio.CancelScope(shield=True):
        await child.wait()
    for end in (child.stdin, child.stdout):
        if end is not None:
            await trio.aclose_forcefully(end)
