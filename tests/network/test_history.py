"""What an ingress tells of the past after it was killed in the middle of an outage: real processes, a real file."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.network.network import INGRESS, Network, until

pytestmark = pytest.mark.network


def written(file: Path, query: str) -> list[tuple[Any, ...]]:
    """What stands in the state file, as another process sees it while the ingress runs."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def test_a_kill_loses_nothing_that_was_written_and_ends_what_lasted(breakable: Network) -> None:
    file = breakable.folder / "state" / f"{INGRESS}.sqlite"
    begin = written(file, "SELECT COALESCE(MAX(at), 0) FROM events")[0][0]
    breakable.order("cut ix-one")
    is_open = (
        "SELECT why FROM outages JOIN series ON series.id = outages.series "
        "WHERE kind = 'line' AND name = 'ix-one' AND end IS NULL"
    )
    until(lambda: any("ix-one" in why for (why,) in written(file, is_open)))
    breakable.kill(INGRESS)
    breakable.start(INGRESS)
    until(lambda: Path(breakable.admin).exists())
    breakable.order("heal ix-one")
    breakable.until(lambda answer: all(path["state"] == "up" for path in answer["paths"]))
    told = json.loads(breakable.run("ingress", "history", "ix-one", "--json", "--admin", breakable.admin).stdout)
    before = [one for one in told["outages"] if one["from"] > begin]
    assert before and all(one["to"] is not None for one in before), told["outages"]
    assert "ix-one" in before[0]["why"] and before[0]["kind"] == "line"
    assert {"path-dead", "path-up"} <= {one["event"] for one in told["events"] if one["at"] > begin}
    question = json.dumps({"ask": "history", "of": "ix-one", "kind": "line"})
    until(lambda: any(one["rtt"] for one in json.loads(breakable.ask(breakable.admin, question))["series"]))
    drawn = breakable.run("ingress", "history", "--since", "10m", "--admin", breakable.admin)
    assert drawn.returncode == 0 and "the worst outages" in drawn.stdout and "line ix-one" in drawn.stdout
    wrong = breakable.run("ingress", "history", "ix-on", "--admin", breakable.admin)
    assert wrong.returncode == 1 and 'did you mean "ix-one"?' in wrong.stderr
