"""Asks a running ingress or relay over its admin socket: one JSON line there, one back (docs/paths-json.md).

Plain blocking sockets and no trio: the answer is there in a moment, and a command starts faster. Who runs trio already
sends `question_line` and reads with `read_answer`.
"""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from relay.admin.path import AdminError, Kind
from relay.errors import OperatorError

Answer = dict[str, Any]

VERSION: Final = 1
"""Of questions and answers; another one is a program before or after an update."""
PATIENCE: Final = 5.0
"""Seconds that an answer may take. One that serves answers in milliseconds."""
RELOAD_PATIENCE: Final = 120.0
"""Seconds that a reload may take: it answers when it is done, and a slow disk or a machine at its limits takes its
time."""
LARGEST: Final = 16 * 1024 * 1024
"""Bytes of an answer: that of a thousand paths is below 1 MiB."""


class NoAnswer(AdminError):
    """Nobody answers at the socket, not in time, or not in a way that makes sense."""


def ask(place: Path, question: Mapping[str, Any], kind: Kind, patience: float = PATIENCE) -> Answer:
    """The answer of the *kind* of program that listens at *place*, within *patience* seconds.

    Raises:
        NoAnswer: see there.
        OperatorError: the answer is an error; its text is the program's.
    """
    try:
        line = _exchange(place, question_line(question), patience)
    except OSError as error:
        raise no_answer(place, kind, error) from error
    return read_answer(place, line, kind)


def ask_to_reload(place: Path, kind: Kind) -> str:
    """Have the *kind* at *place* read its files again; what it did, once it is done. Raises as `ask` does."""
    try:
        line = _exchange(place, question_line({"ask": "reload"}), RELOAD_PATIENCE)
    except TimeoutError as error:
        raise NoAnswer(
            f"{place}: the {kind} has not answered within {RELOAD_PATIENCE:g} s; if it still reads its files, its log "
            "says reloaded or reload-failed when it is done"
        ) from error
    except OSError as error:
        raise no_answer(place, kind, error) from error
    return str(read_answer(place, line, kind).get("done", "reloaded"))


def question_line(question: Mapping[str, Any]) -> bytes:
    """*question* as it is sent."""
    return json.dumps(question).encode() + b"\n"


def read_answer(place: Path, line: bytes, kind: Kind) -> Answer:
    """What came back from the *kind* at *place*. Raises as `ask` does."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"{place}: the {kind} ended while it answered; is it still running?") from error
    if not isinstance(answer, dict) or answer.get("version") != VERSION:
        raise NoAnswer(f"{place}: what answers there is no {kind} of this version; restart it after an update")
    if "error" in answer:
        raise OperatorError(str(answer["error"]))
    return answer


def no_answer(place: Path, kind: Kind, error: Exception) -> NoAnswer:
    """The error to raise when *place* could not be asked."""
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return NoAnswer(f"{place}: no {kind} answers there ({why}); is it still running?")


def _exchange(place: Path, question: bytes, patience: float) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(place))
        connection.sendall(question)
        connection.settimeout(patience)
        with connection.makefile("rb") as file:
            return file.readline(LARGEST)
