"""`relay status` and `relay reload`: ask the relay that runs here over its admin socket."""

import json
from argparse import Namespace

from relay.admin.client import ask, ask_to_reload
from relay.admin.path import find_socket
from relay.cli.render_status import status_text


def status(options: Namespace) -> int:
    """Print how the running node is and what it carries. Options: admin, json."""
    answer = ask(find_socket(options.admin, "relay"), {"ask": "status"}, "relay")
    print(json.dumps(answer, indent=2) if options.json else status_text(answer))
    return 0


def reload(options: Namespace) -> int:
    """Have the files read again; an error leaves the old ones in force, and holds the mistakes. Options: admin."""
    print(ask_to_reload(find_socket(options.admin, "relay"), "relay"))
    return 0
