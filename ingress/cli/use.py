"""`ingress use`: ask the running ingress to take something by hand, or no more."""

import argparse
import sys

from relay.admin.client import ask
from relay.admin.path import find_socket
from relay.config.values import Wrong, duration


def run(options: argparse.Namespace) -> int:
    """Options: admin, what, whom, until, all. Returns 2 for what makes no sense; OperatorError says what the ingress
    has against it."""
    question: dict[str, object] = {"ask": "use"}
    try:
        if options.what is not None:
            question |= _wish(options)
        elif options.whom or options.until or options.all:
            raise Wrong("nothing is named that is to be taken", "write ingress use NAME, or ingress use auto")
    except Wrong as wrong:
        print(f"ingress: use: {wrong.what}; {wrong.mend}", file=sys.stderr)
        return 2
    wishes = ask(find_socket(options.admin, "ingress"), question, "ingress")["wishes"]
    print("\n".join(wishes) if wishes else "nothing is asked for by hand: the best path, and what rules say")
    return 0


def _wish(options: argparse.Namespace) -> dict[str, object]:
    """What is asked for."""
    is_auto = options.what == "auto"
    if not options.what.strip():
        raise Wrong("the name is empty", "name an exit, line, path, node or group, or auto")
    if options.all and (options.whom or not is_auto):
        raise Wrong("--all takes back what is asked for by hand, for whomever", "write ingress use auto --all")
    if options.until is not None and is_auto:
        raise Wrong("what is taken back is so at once", "leave --until out")
    return {"use": options.what, "for": options.whom, "seconds": _seconds(options.until), "all": options.all}


def _seconds(until: str | None) -> float | None:
    if until is None:
        return None
    try:
        found = duration(until)
    except Wrong as wrong:
        raise Wrong(f"--until {until}: {wrong.what}", wrong.mend) from wrong
    if found == 0:
        raise Wrong(f"--until {until} is over already", "write how long it is to hold, as 2h, or leave it out")
    return found
