"""`ingress page`: asks the running ingress for an address of its page that lets one browser in, and prints it."""

import argparse

from relay.admin.client import ask
from relay.admin.path import find_socket


def run(options: argparse.Namespace) -> int:
    """Options: admin. OperatorError if no ingress runs, or it serves no page."""
    print(ask(find_socket(options.admin, "ingress"), {"ask": "page"}, "ingress")["address"])
    return 0
