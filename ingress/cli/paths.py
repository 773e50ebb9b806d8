"""`ingress paths` and `ingress reload`: ask the running ingress over its admin socket, and show what it says.

No trio: the answer is there in a moment (`relay.admin.client`). rich is imported only to draw with.
docs/paths-json.md describes the questions and answers.
"""

import argparse
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingress.cli.wording import of_terminal
from relay.admin.client import Answer, ask, ask_to_reload
from relay.admin.path import find_socket

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

EVERY: Final = 1.0
"""Seconds between two refreshes of --watch."""
PLAIN_WIDTH: Final = 100
"""Columns when the output is no terminal."""


def run(options: argparse.Namespace) -> int:
    """`ingress paths`; options: admin, watch, json, why."""
    place = find_socket(options.admin, "ingress")
    if options.why is not None:
        return _why(place, options.why, {key: getattr(options, key) for key in ("client", "user", "listen")})
    if options.json:
        print(json.dumps(_ask(place, "paths"), indent=2))
        return 0
    from ingress.cli.render_paths import render

    console, say = new_console(), of_terminal()

    def draw(rows: int | None) -> "RenderableType":
        return render(_ask(place, "paths", lang=say.language), console.width, rows, say)

    if options.watch:
        rows = console.height if console.is_terminal else None
        return watch(console, lambda: draw(rows), threading.Event().wait)
    console.print(draw(None))
    return 0


def reload(options: argparse.Namespace) -> int:
    """`ingress reload`; the mistakes of the new file are told by the error. Options: admin."""
    print(ask_to_reload(find_socket(options.admin, "ingress"), "ingress"))
    return 0


def _why(place: Path, target: str, who: dict[str, str]) -> int:
    from ingress.choice.sites import UDP, parse_question  # with what it imports 25 ms, which only --why needs

    try:
        protocol = parse_question(target)[2]
    except ValueError as error:
        print(f"ingress: --why {target}: {error}", file=sys.stderr)
        return 2
    if protocol == UDP:
        from ingress.cli.render_why_datagrams import render
    else:
        from ingress.cli.render_why import render

    say = of_terminal()
    new_console().print(render(_ask(place, "why", target=target, lang=say.language, **who), say))
    return 0


def _ask(place: Path, what: str, **more: str) -> Answer:
    return ask(place, {"ask": what, **more}, "ingress")


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


def new_console() -> "Console":
    """One for tables: what is printed holds no markup."""
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(markup=False, highlight=False, emoji=False, width=PLAIN_WIDTH)
    return console
