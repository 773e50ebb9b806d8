"""`ingress hold` and `ingress release`: have the running ingress put nothing new on a line, and have it do so again."""

import argparse
from collections.abc import Mapping

from ingress.cli.wording import of_terminal
from relay.admin.client import ask
from relay.admin.path import find_socket
from relay.config.values import Wrong, duration
from relay.errors import OperatorError


def run(options: argparse.Namespace) -> int:
    """`ingress hold`; options: admin, line, time, force. OperatorError says what is wrong with them."""
    seconds = None
    if options.time is not None:
        try:
            seconds = duration(options.time)
        except Wrong as error:
            raise OperatorError(f"--for {options.time}: {error.what}; {error.mend}") from error
    if not options.line and (options.force or seconds is not None):
        raise OperatorError("--for and --force say how a LINE is held, and there is none")
    return _ask(options, {"ask": "hold", "line": options.line, "seconds": seconds, "force": options.force})


def release(options: argparse.Namespace) -> int:
    """`ingress release`; options: admin, line."""
    return _ask(options, {"ask": "release", "line": options.line})


def _ask(options: argparse.Namespace, question: Mapping[str, object]) -> int:
    say = of_terminal()
    holds = ask(find_socket(options.admin, "ingress"), {**question, "lang": say.language}, "ingress")["holds"]
    print("\n".join(one["said"] for one in holds) if holds else say("hold.none"))
    return 0
