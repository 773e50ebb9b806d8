"""`ingress use`: ask the running ingress to take something by hand, or no more."""

import argparse

from relay.admin.client import ask
from relay.admin.path import find_socket
from relay.config.values import Wrong, duration
from relay.errors import OperatorError


def run(options: argparse.Namespace) -> int:
    """Options: admin, what, whom, until. OperatorError says what is wrong with them."""
    seconds = None
    if options.until is not None:
        try:
            seconds = duration(options.until)
        except Wrong as error:
            raise OperatorError(f"--until {options.until}: {error.what}; {error.mend}") from error
    place = find_socket(options.admin, "ingress")
    question = {"ask": "use", "use": options.what, "for": options.whom, "seconds": seconds}
    wishes = ask(place, question, "ingress")["wishes"]
    print("\n".join(wishes) if wishes else "nothing is asked for by hand: the best path, and what rules say")
    return 0
