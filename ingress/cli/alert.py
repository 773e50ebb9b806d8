"""`ingress alert test`: a trial to every receiver, by the running ingress, or from here if none runs."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ingress.cli.wording import Wording, of_terminal
from ingress.config import load
from relay.admin.client import ask
from relay.admin.path import AdminError, find_socket
from relay.errors import OperatorError

PATIENCE: Final = 90.0
"""Seconds: both ways are tried, one after the other."""


def run(options: argparse.Namespace) -> int:
    """Say how each went; 1 if one was not taken. Options: admin, config, ingress."""
    say = of_terminal()
    try:
        place = find_socket(options.admin, "ingress")
    except AdminError as error:
        if options.admin is not None or str(error).startswith("several"):
            raise
        told = _from_here(options)
        print(say("cli.alert.offline"))
    else:
        told = ask(place, {"ask": "alert-test"}, "ingress", PATIENCE)["receivers"]
    if not told:
        raise OperatorError("the file has no [[alert]]: write one, and reload")
    for line in lines(told, say):
        print(line)
    return int(any(one["error"] is not None for one in told))


def lines(told: Sequence[Mapping[str, Any]], say: Wording) -> list[str]:
    """One for each receiver."""
    return [
        say("cli.alert.sent", to=one["to"], way=say.word("way", one["way"]))
        if one["error"] is None
        else say("cli.alert.failed", to=one["to"], why=one["error"])
        for one in told
    ]


def _from_here(options: argparse.Namespace) -> list[dict[str, Any]]:
    import trio

    from ingress.serve.alerting import try_directly

    config = load(options.config, options.ingress)
    return trio.run(try_directly, config.name, config.alerts, Path(options.config).parent.absolute())
