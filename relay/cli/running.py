"""`relay status` and `relay reload`: ask the relay that runs here over its admin socket."""

import json
from argparse import Namespace

from relay.admin.client import ask
from relay.admin.path import find_socket


def status(options: Namespace) -> int:
    """Print what the running node holds, a line for each figure. Options: admin, json."""
    answer = ask(find_socket(options.admin, "relay"), {"ask": "status"}, "relay")
    if options.json:
        print(json.dumps(answer, indent=2))
        return 0
    for name, value in answer.items():
        if name not in ("version", "counters"):
            print(f"{name.replace('_', ' ')}: {value}")
    return 0


def reload(options: Namespace) -> int:
    """Have the files read again; an error leaves the old ones in force, and holds the mistakes. Options: admin."""
    print(ask(find_socket(options.admin, "relay"), {"ask": "reload"}, "relay").get("done", "reloaded"))
    return 0
