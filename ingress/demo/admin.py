"""Asks over Unix sockets from within the demo's own loop: one line there, one back.

The ingress's admin socket speaks JSON (`relay.admin.client` writes and reads it), the emulator's plain words.
"""

from pathlib import Path
from typing import Final

import trio

from relay.admin.client import Answer, NoAnswer, no_answer, question_line, read_answer

__all__ = ["NoAnswer", "ask", "exchange"]

PATIENCE: Final = 5.0
"""Seconds for an answer; an ingress that needs longer hangs."""


async def exchange(socket: Path, line: str) -> str:
    """Send *line*, receive a line."""
    return (await _exchange(socket, line.encode() + b"\n")).decode().rstrip("\n")


async def ask(socket: Path, question: dict[str, object]) -> Answer:
    """The ingress's answer to *question*. Raises as `relay.admin.client.ask` does."""
    try:
        with trio.fail_after(PATIENCE):
            line = await _exchange(socket, question_line(question))
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        raise no_answer(socket, "ingress", error) from error
    return read_answer(socket, line, "ingress")


async def _exchange(socket: Path, line: bytes) -> bytes:
    async with await trio.open_unix_socket(str(socket)) as stream:
        await stream.send_all(line)
        answer = b""
        while not answer.endswith(b"\n") and (data := await stream.receive_some()):
            answer += data
    return answer
