"""What docs/hostile.md says of a run, and how a log is judged; nothing here hangs on a run."""

import json
from pathlib import Path

import pytest

from bench.hostile.attacks import ATTACKS
from bench.hostile.network import BOUND
from bench.hostile.report import felt_table, reached, write_report
from bench.hostile.vitals import LogWatch, hour_of
from bench.load import Failed
from bench.results import Numbers, Result, Row
from relay.log import ALL_AT_ONCE, ALL_BACK, LINES_AT_ONCE, LINES_BACK

GOOD: Numbers = {"calm.p50": 0.1, "p50": 0.11, "calm.p99": 0.2, "p99": 0.3, "lost": 0, "calls": 9, "calls.failed": 0}
GOOD |= {"speed": 1e6, "calm.speed": 1e6, "log.hour": 1000.0, "broken": 0, "serves": 1, "well": 0.5}
GOOD |= {"before.a": 4e7, "peak.a": 5e7, "after.a": 4e7, "fds.before.a": 30, "fds.after.a": 31}


def line(event: str, **fields: str) -> str:
    return json.dumps({"event": event, **fields})


def test_each_goal_is_judged_by_itself() -> None:
    assert reached(Row(rounds=[GOOD])) == []
    for change, word in [
        ({"p99": 0.61}, "p99 ≤ 3 × calm"),
        ({"lost": 1.0}, "0 reset"),
        ({"peak.a": BOUND + 1.0}, "memory"),
        ({"fds.after.a": 99.0}, "descriptors"),
        ({"log.hour": 1.1e6}, "log"),
        ({"broken": 1.0}, "0 failures"),
        ({"serves": 0.0}, "serves"),
    ]:
        (missed,) = reached(Row(rounds=[GOOD | change]))
        assert missed.startswith(word)


def test_an_attack_that_failed_says_why_in_its_place() -> None:
    text = felt_table({ATTACKS[0].name: Row(error="the attacker\nfailed")})
    assert f"| {ATTACKS[0].title} | not measured: the attacker failed |" in text
    assert text.count("not measured: not run") == len(ATTACKS) - 1


def test_a_report_is_written_of_all_attacks_or_not_at_all(tmp_path: Path) -> None:
    rows = {attack.name: Row(how="3 words", rounds=[GOOD]) for attack in ATTACKS}
    del rows["exit"]
    with pytest.raises(Failed, match="exit was not run"):
        write_report(Result("hostile", "now", "here", rows), tmp_path)
    assert not list(tmp_path.iterdir())
    rows["exit"] = Row(error="it broke")
    text = write_report(Result("hostile", "now", "here", rows), tmp_path).read_text()
    assert all(f"| {attack.title} |" in text for attack in ATTACKS) and "not measured: it broke" in text


def test_an_hour_of_a_log_is_what_it_lets_through() -> None:
    size = len(line("a")) + 1
    assert hour_of([], 10) == 0
    assert hour_of([line("a")], 10) == 360 * size
    assert hour_of([line("a")] * 29, 10) == (LINES_AT_ONCE + 60 * LINES_BACK) * size
    assert hour_of([line("a")] * 40, 10) == (40 + 120) * size
    assert hour_of([line("a", path="x"), line("a", path="y")], 3600) == 2 * (len(line("a", path="x")) + 1)
    many = [line("a", path=f"{number:03}") for number in range(100) for _ in range(20)]
    assert round(hour_of(many, 10)) == (ALL_AT_ONCE + 60 * ALL_BACK) * (len(many[0]) + 1)
    assert hour_of(["Traceback", "[]"], 3600) == len("Traceback") + len("[]") + 2


def test_what_no_log_may_have_is_found_behind_the_beginning(tmp_path: Path) -> None:
    log = tmp_path / "node.log"
    log.write_text(f"{line('handler-failed')}\n")
    watch = LogWatch([log])
    with log.open("a") as file:
        file.write(f"{line('path-up')}\n{line('handler-failed')}\n{line('x', password='secret')}\n")
    assert watch.broken("secret") == [f"node: {line('handler-failed')}", f"node: {line('x', password='secret')}"]
