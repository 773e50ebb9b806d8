"""Networks that the demo is not: answers to `paths` and `streams`, made of its own."""

import copy
import itertools
from typing import Any

Answer = dict[str, Any]
RELAYS, EXITS = 5, 6
LONG = "with-a-rather-long-name"


def crowded(told: Answer) -> Answer:
    """64 paths and 30 lines, and names as long as they may be; some lines are poor, broken, held, a backup."""
    line, path, node = told["lines"][0], told["paths"][0], told["nodes"][0]
    relays = [f"jp-{LONG}-{number}" for number in range(RELAYS)]
    exits = [f"us-{LONG}-{number}" for number in range(EXITS)]
    first = [(f"ix-{relay[-1]}{copy_}-{LONG}", "shanghai", relay) for relay in relays for copy_ in "ab"]
    second = [(f"sea-{a[-1]}{b[-1]}-{LONG}", a, b) for a, b in list(itertools.product(relays, exits))[:20]]
    lines = [{**line, "line": name, "start": start, "end": end} for name, start, end in [*first, *second]]
    lines[1] |= {"state": "poor", "late": 0.07}
    lines[12] |= {"state": "broken", "round_trip": None}
    lines[4] |= {"backup": True}
    holds = [{"line": lines[3]["line"], "since": 0.0, "until": None, "said": f"{lines[3]['line']}, by hand"}]
    ways = [(a, b) for a in first for b in second if a[2] == b[1]][:64]
    paths = [
        {**path, "rank": place, "path": f"{a[0]}/{b[0]}", "exit": b[2], "state": "up", "in_band": place == 1}
        for place, (a, b) in enumerate(ways, 1)
    ]
    nodes = [{**node, "node": name, "is_exit": name in exits, "state": "up"} for name in [*relays, *exits]]
    nodes[1] |= {"draining": True}
    return {
        **told,
        "lines": lines,
        "paths": paths,
        "nodes": nodes,
        "holds": holds,
        "blame": [f"line {lines[12]['line']} is broken"],
    }


def all_down(told: Answer) -> Answer:
    """Nothing works."""
    found = copy.deepcopy(told)
    for row in [*found["paths"], *found["nodes"]]:
        row |= {"state": "down"}
    for row in found["lines"]:
        row |= {"state": "unknown", "round_trip": None}
    return {**found, "blame": ["nothing answers, on any line: it is the connection of this machine"]}


def empty(told: Answer) -> Answer:
    """An ingress that knows of no path."""
    return {**told, "paths": [], "lines": [], "nodes": [], "blame": [], "warnings": []}


def hostile(told: Answer) -> Answer:
    """Names and sentences that would be markup."""
    bad = "<img src=x onerror=window.taken=1>"
    found = copy.deepcopy(told)
    found["blame"] = [f"line {bad} is broken", "</script><script>window.taken=1</script>"]
    found["lines"][0]["line"] = bad
    found["nodes"][0]["node"] = bad
    found["paths"][0] |= {"exit": bad, "reason": bad}
    return {**found, "ingress": bad}


def many_streams(count: int, host: str) -> Answer:
    """What clients have open."""
    rows = [
        {
            "id": number,
            "protocol": "udp" if number % 9 == 0 else "tcp",
            "client": f"192.168.1.{number % 250}",
            "user": "alice",
            "target": f"{host}:{number}",
            "rule": "",
            "path": "ix-dmit/pacific-dmit",
            "exit": "us-dmit",
            "age": float(number),
            "up": number,
            "down": number * 100,
            "rate_up": None,
            "rate_down": None,
            "moves": 0,
        }
        for number in range(count)
    ]
    return {"version": 1, "total": count, "matched": count, "streams": rows}
