"""`ingress paths` and `ingress reload`: ask the running ingress over its admin socket, and show what it says.

Plain blocking sockets and no trio: the answer is there in a moment. rich is imported only to draw with.
docs/paths-json.md describes the questions and answers.
"""

import argparse
import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingress.choice.sites import parse_target
from relay.admin.path import find_socket
from relay.errors import OperatorError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Answer = Mapping[str, Any]

VERSION: Final = 1
PATIENCE: Final = 5.0
"""Seconds that an ingress may take to answer; one that serves answers in milliseconds."""
EVERY: Final = 1.0
"""Seconds between two refreshes of --watch."""
PLAIN_WIDTH: Final = 100
"""Columns when the output is no terminal."""
LARGEST: Final = 16 * 1024 * 1024


class Gone(OperatorError):
    """The ingress went away, or never answered."""


def run(options: argparse.Namespace) -> int:
    """`ingress paths`; options: admin, watch, json, why."""
    place = find_socket(options.admin, "ingress")
    if options.why is not None:
        return _why(place, options.why)
    if options.json:
        print(json.dumps(ask(place, {"ask": "paths"}), indent=2))
        return 0
    from ingress.cli.render_paths import render

    console = _console()
    if options.watch:
        return watch(console, lambda: render(ask(place, {"ask": "paths"}), console.width), threading.Event().wait)
    console.print(render(ask(place, {"ask": "paths"}), console.width))
    return 0


def reload(options: argparse.Namespace) -> int:
    """`ingress reload`; the mistakes of the new file are told by the error. Options: admin."""
    answer = ask(find_socket(options.admin, "ingress"), {"ask": "reload"})
    print(answer.get("done", "reloaded"))
    return 0


def _why(place: Path, target: str) -> int:
    try:
        parse_target(target)
    except ValueError as error:
        print(f"ingress: --why {target}: {error}", file=sys.stderr)
        return 2
    from ingress.cli.render_why import render

    _console().print(render(ask(place, {"ask": "why", "target": target})))
    return 0


def ask(place: Path, question: Mapping[str, Any]) -> Answer:
    """The answer of the ingress at *place*.

    Raises:
        Gone: nobody answers there, or what answers makes no sense.
        OperatorError: the answer is an error; its text is the ingress's.
    """
    try:
        line = _exchange(place, json.dumps(question).encode() + b"\n")
    except OSError as error:
        raise Gone(f"{place}: no ingress answers there ({error.strerror or error}); is it still running?") from error
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise Gone(f"{place}: the ingress ended while it answered; is it still running?") from error
    if not isinstance(answer, dict) or answer.get("version") != VERSION:
        raise Gone(f"{place}: what answers there is no ingress of this version; restart it after an update")
    if "error" in answer:
        raise OperatorError(str(answer["error"]))
    return answer


def _exchange(place: Path, question: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(place))
        connection.sendall(question)
        with connection.makefile("rb") as file:
            return file.readline(LARGEST)


def watch(console: "Console", draw: Callable[[], "RenderableType"], wait: Callable[[float], bool]) -> int:
    """Draw again and again until Ctrl-C, *wait* says so, or the ingress goes away; on a terminal in place."""
    from rich.live import Live

    try:
        if not console.is_terminal:
            while True:
                console.print(draw())
                if wait(EVERY):
                    return 0
        with Live(draw(), console=console, auto_refresh=False, vertical_overflow="crop") as live:
            while not wait(EVERY):
                live.update(draw(), refresh=True)
    except KeyboardInterrupt:
        pass  # the way to end it
    return 0


def _console() -> "Console":
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, emoji=False, width=PLAIN_WIDTH)
    return console
