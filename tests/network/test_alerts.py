"""Whoever is told hears once of a line that breaks, and once that it is over; by the network's own paths where nothing
else leads there."""

import contextlib
import json
import sqlite3
import sys

import pytest

from tests.hook import serve_hook
from tests.network.network import INGRESS, PATIENCE, Network, until

pytestmark = pytest.mark.network
ALERT = '\n[[alert]]\nwebhook = "{url}"\nwhen = {{ line = "500ms", down = "500ms" }}\nlang = "zh"\n'


def logged(network: Network, event: str) -> list[dict[str, object]]:
    return [one for one in network.log(INGRESS) if one["event"] == event]


def test_a_line_is_cut_and_healed(breakable: Network) -> None:
    line = breakable.lines[0]
    with serve_hook() as hook:
        breakable.reload(breakable.original + ALERT.format(url=hook.url))
        breakable.order(f"cut {line}")
        begun = hook.came.get(timeout=PATIENCE)
        breakable.order(f"heal {line}")
        over = hook.came.get(timeout=PATIENCE)
        assert hook.came.empty()
    (event,) = [one for one in begun["events"] if one["name"] == line]
    assert event["state"] == "wrong"
    assert f"线路 {line} 已不通" in begun["text"]
    (event,) = [one for one in over["events"] if one["name"] == line]
    assert event["state"] == "over"
    assert event["seconds"] > 0
    assert "已恢复" in over["title"] + over["text"]
    until(lambda: len(logged(breakable, "alert-sent")) == 2)
    assert "secret-path" not in (breakable.folder / f"{INGRESS}.log").read_text()


def test_what_only_exits_reach_is_told_over_the_paths(breakable: Network) -> None:
    """The target's name is known to exits alone."""
    host, port = breakable.target
    breakable.reload(breakable.original + ALERT.format(url=f"http://{host}:{port}/echo/secret-path"))
    done = breakable.run("ingress", "alert", "test", "--admin", breakable.admin)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("webhook: taken, over the network's own paths\n")
    used = json.loads(breakable.ask(breakable.admin, json.dumps({"ask": "usage", "by": "user", "since": 3600})))
    assert any("ingress-alert" in json.dumps(row) for row in used["rows"])
    breakable.reload(breakable.original + f'\n[[alert]]\ncommand = ["{sys.executable}", "-c", "exit(3)"]\n')
    done = breakable.run("ingress", "alert", "test", "--admin", breakable.admin)
    assert (done.returncode, done.stdout.split(": ", 1)[1]) == (1, "not taken: ended with 3\n")


def test_an_ingress_that_was_killed_says_for_how_long_when_it_is_back(breakable: Network) -> None:
    """Its last sign is made a long time ago: nobody waits for a minute here."""
    file = breakable.folder / "state" / f"{INGRESS}.sqlite"

    def rows(query: str) -> int:
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            return connection.execute(query).rowcount

    set_sign = "UPDATE notes SET text = '[1768464000, false]' WHERE name = 'presence'"
    with serve_hook() as hook:
        breakable.reload(breakable.original + f'\n[[alert]]\nwebhook = "{hook.url}"\nwhen = ["away"]\n')
        until(lambda: rows(set_sign) == 1)
        breakable.kill(INGRESS)
        assert rows(set_sign) == 1
        breakable.start(INGRESS)
        told = hook.came.get(timeout=PATIENCE)
        assert hook.came.empty()
    assert told["text"].startswith(f"the ingress {INGRESS} was away from 2026-01-15 08:00 UTC to ")
    assert [event["state"] for event in told["events"]] == ["over"]
