"""`ingress history`: asks the running ingress what was when, and draws it."""

import argparse
import json
import os
import sys
import time

from ingress.cli.moments import read_moment
from ingress.cli.paths import new_console
from ingress.messages.languages import of_environment
from relay.admin.client import ask
from relay.admin.path import find_socket
from relay.config import values


def run(options: argparse.Namespace) -> int:
    """`ingress history`; options: admin, name, since, until, json."""
    now = time.time()
    try:
        start = read_moment(options.since, now)
        end = now if options.until is None else read_moment(options.until, now)
    except values.Wrong as wrong:
        print(f"ingress: {wrong.what}; {wrong.mend}", file=sys.stderr)
        return 2
    if start >= end:
        print("ingress: --since lies behind --until; nothing can be between them", file=sys.stderr)
        return 2
    from ingress.cli.render_history import MOST_EVENTS, columns_for, render_all, render_one

    console = new_console()
    place, span = find_socket(options.admin, "ingress"), {"since": start, "until": end}
    name = {"of": options.name} if options.name else {}
    step = {} if options.json else {"step": (end - start) / columns_for(console.width)}
    lang = {} if options.json else {"lang": of_environment(os.environ)}
    answer = ask(place, {"ask": "history", **lang, **span, **name, **step}, "ingress")
    limit = 2000 if options.json else MOST_EVENTS
    events = ask(place, {"ask": "events", **lang, **span, **name, "limit": limit}, "ingress")["events"]
    if options.json:
        print(json.dumps({**answer, "events": events}, indent=2))
        return 0
    render = render_one if options.name else render_all
    console.print(render(answer, events, console.width, now))
    return 0
