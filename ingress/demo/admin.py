"""Asks over Unix sockets: one line there, one back. The ingress's admin socket speaks JSON."""

import json
from pathlib import Path
from typing import Any

import trio

PATIENCE = 5.0
"""Seconds for an answer; an ingress that needs longer hangs."""


class NoAnswer(Exception):
    """No ingress answers at the socket, or not in time."""


async def exchange(socket: Path, line: str) -> str:
    """Send *line*, receive a line."""
    async with await trio.open_unix_socket(str(socket)) as stream:
        await stream.send_all(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n") and (data := await stream.receive_some()):
            answer += data
    return answer.decode().rstrip("\n")


async def ask(socket: Path, question: dict[str, object]) -> Any:
    """The ingress's answer to *question*."""
    try:
        with trio.fail_after(PATIENCE):
            return json.loads(await exchange(socket, json.dumps(question)))
    except (OSError, trio.BrokenResourceError, trio.TooSlowError, ValueError) as error:
        raise NoAnswer(str(error)) from error
