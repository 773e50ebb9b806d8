"""Quotas between real processes: a line that comes near its own and then has used it, a user who has, a restart."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.network.clients import http_over
from tests.network.files import with_entry, with_table
from tests.network.load import Load
from tests.network.network import INGRESS, Network, until

pytestmark = pytest.mark.network
SIZE = 12_000_000


def quota(answer: dict[str, Any]) -> dict[str, Any]:
    """That of ix-one."""
    return next(dict(row["quota"]) for row in answer["lines"] if row["line"] == "ix-one")


def riding(answer: dict[str, Any]) -> set[str]:
    """The first lines of the paths that streams ride on."""
    return {str(path["path"]).partition("/")[0] for path in answer["paths"] if path["streams"]}


def set_used(network: Network, used: str) -> str:
    """As an operator does."""
    done = network.run("ingress", "usage", "set", "ix-one", used, "--admin", network.admin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_line_becomes_a_backup_then_stops_and_nobody_notices(breakable: Network) -> None:
    said = 'quota = { amount = "200MB", each = "month", day = 5, over = "stop", zone = "Asia/Tokyo" }'
    breakable.reload(with_entry(breakable.original, "[line.ix-one]", said))
    load = Load(breakable, ("echo", "download", "requests"))
    load.until_flowing()
    breakable.until(lambda answer: "ix-one" in riding(answer))
    assert set_used(breakable, "182MB").startswith("quota of line ix-one: 182M of 200M (91%), until ")
    answer = breakable.until(lambda answer: quota(answer)["effect"] == "backup")
    assert any("the quota of line ix-one is nearly used" in warning for warning in answer["warnings"])
    answer = breakable.until(lambda answer: quota(answer)["effect"] == "closed" and riding(answer) == {"ix-two"})
    assert quota(answer)["fraction"] >= 1.0
    load.until_past()
    load.end()
    assert breakable.get(f"/bytes/{SIZE}")
    closed = {path["reason"] for path in breakable.paths()["paths"] if str(path["path"]).startswith("ix-one")}
    assert all("the quota of line ix-one is used" in reason for reason in closed)
    breakable.ask(breakable.admin, json.dumps({"ask": "usage"}))  # all is written
    breakable.kill(INGRESS)
    breakable.start(INGRESS)
    until(Path(breakable.admin).exists)
    breakable.until(lambda answer: quota(answer)["effect"] == "closed" and quota(answer)["fraction"] >= 1.0)
    set_used(breakable, "1MB")
    breakable.until(lambda answer: quota(answer)["effect"] == "none")


def test_who_has_used_a_quota_is_refused_and_goes_on_slowly(breakable: Network) -> None:
    kept = breakable.connect()
    allowance = 'client = "127.0.0.1"', 'quota = { amount = "10MB", each = "day" }'
    breakable.reload(with_table(breakable.original, "[[allowance]]", *allowance))
    assert len(breakable.get(f"/bytes/{SIZE}")) == SIZE
    breakable.until(lambda _: used_up(breakable))
    for door, told in (("socks5", "1"), ("connect", "429")):
        with pytest.raises(ConnectionError, match=f"^{told}$"):
            breakable.connect(door)
    http = http_over(kept)
    http.request("GET", "/bytes/20000")
    assert len(http.getresponse().read()) == 20_000
    kept.close()
    breakable.reload(breakable.original)
    assert breakable.get("/bytes/1000")
    assert len(used_up(breakable)) == 1


def used_up(network: Network) -> list[dict[str, Any]]:
    """What the log says of allowances that are used."""
    return [one for one in network.log(INGRESS) if one["event"] == "allowance-used-up"]
