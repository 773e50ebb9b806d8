"""`ingress usage`: the answer of a running ingress as a table, as CSV, as JSON."""

import csv
import io
import json
from argparse import Namespace
from typing import Any

import pytest

from ingress.cli import usage

ROWS: list[dict[str, Any]] = [
    {"name": "alice", "up": 1_234_567, "down": 5_600_000_000, "streams": 12_345, "udp_up": 0, "udp_down": 7},
    {"name": "", "up": 1, "down": 2, "streams": 3, "udp_up": 4, "udp_down": 5},
]
ANSWER: dict[str, Any] = {"version": 1, "ingress": "sh", "by": "user", "since": 1.8e9, "rows": ROWS, "left_out": 0}


def run(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], **options: object) -> tuple[int, list[Any]]:
    asked: list[Any] = []

    def ask(*question: object) -> dict[str, Any]:
        asked.append(question)
        return answer

    monkeypatch.setattr(usage, "ask", ask)
    monkeypatch.setattr(usage, "find_socket", lambda admin, kind: admin)
    words = {"admin": "a.sock", "by": "user", "since": "30d", "json": False, "csv": False, "action": None, **options}
    return usage.run(Namespace(**words)), asked


def test_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, asked = run(monkeypatch, {**ANSWER, "left_out": 9, "notes": ["a row is lost"]}, since="2h")
    lines = capsys.readouterr().out.splitlines()
    assert code == 0 and asked == [("a.sock", {"ask": "usage", "by": "user", "since": 7200.0}, "ingress")]
    assert lines[0].split() == ["user", "up", "down", "streams", "udp", "up", "udp", "down"]
    assert lines[1].split() == ["alice", "1.2M", "5.6G", "12,345", "0", "7"]
    assert lines[2].split() == ["-", "1", "2", "3", "4", "5"]
    assert lines[3:] == ["9 more that moved less are left out", "a row is lost"]


QUOTA = {
    "used": 512e9,
    "amount": 1e12,
    "fraction": 0.512,
    "counts": "both",
    "ends_on": "2026-12-05",
    "effect": "none",
    "subject": "bob",
}


def test_what_was_used_of_quotas_stands_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quotas = {"ix": QUOTA, "rated": {**QUOTA, "counts": "p95", "used": 1e7, "amount": None, "effect": "none"}}
    owners = [{**QUOTA, "effect": "slow", "fraction": 1.0}]
    run(monkeypatch, {**ANSWER, "notes": [], "quotas": quotas, "owners": owners})
    assert capsys.readouterr().out.splitlines()[3:] == [
        "quota of line ix: 512G of 1.0T (51%), until 2026-12-05",
        "quota of line rated: 95th percentile 80 Mbit/s, until 2026-12-05",
        "quota of bob: 512G of 1.0T (100%), until 2026-12-05: nothing new, and 64 kbit/s",
    ]


def test_what_the_seller_says_is_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"quota": {**QUOTA, "counts": "p95", "amount": 1e7, "effect": "backup"}}
    code, asked = run(monkeypatch, answer, action="set", line="ix", amount="512GB")
    assert code == 0 and asked == [("a.sock", {"ask": "quota", "line": "ix", "used": 512 * 10**9}, "ingress")]
    said = capsys.readouterr().out
    assert said.startswith("quota of line ix: 95th percentile 4.1e+06 of 80 Mbit/s, until 2026-12-05: it is a backup")
    code, asked = run(monkeypatch, answer, action="set", line="ix", amount="512")
    assert code == 2 and not asked
    assert capsys.readouterr().err.startswith("ingress: usage set ix: ")


def test_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    empty = {**ANSWER, "rows": [], "notes": []}
    run(monkeypatch, empty)
    run(monkeypatch, empty, csv=True)
    assert capsys.readouterr().out == "nothing was moved in this time\nuser\n"


def test_csv_and_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, ANSWER, csv=True)
    found = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert found[0] == ["user", "up", "down", "streams", "udp_up", "udp_down"]
    assert found[1] == ["alice", "1234567", "5600000000", "12345", "0", "7"]
    run(monkeypatch, ANSWER, json=True)
    assert json.loads(capsys.readouterr().out) == ANSWER


@pytest.mark.parametrize("since", ["yesterday", "3", "5 weeks", "0s", "99999999d"])
def test_a_time_that_is_none(since: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, ANSWER, since=since) == (2, [])
    assert f"ingress: --since {since}: " in capsys.readouterr().err
