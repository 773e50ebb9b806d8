"""Stages: time is charged once and to the right one, every name in the table is there, and the tables add up."""

import os
import pathlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from bench.goals import goals_table
from bench.load import Failed
from bench.measures.stages import (
    PROFILED,
    Stages,
    clocked,
    factor,
    file_of,
    nearest_budget,
    stage_numbers,
    stage_values,
)
from bench.peers import OURS
from bench.processes import Command
from bench.results import Numbers, Result, Row
from bench.stages.__main__ import answer_signal, wrap
from bench.stages.clock import REST, Account, Clock, Cost, calibrate
from bench.stages.snapshot import SIGNAL, Snapshot, ask, read, take, write
from bench.stages.table import EXIT, INGRESS, MIDDLE, STAGES, WHOLE, Stage, names, resolve, service_of
from relay.engine.tcp import IGNORING, IgnoringOwner, Tcp


class Hand:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        return self.at

    def turn(self, nanoseconds: int) -> None:
        self.at += nanoseconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


def spent(clock: Clock) -> dict[str, int]:
    clock.settle()
    return {name: account.spent for name, account in clock.accounts.items()}


# ---- the clock


def test_a_call_within_a_call_is_taken_off_its_caller(hand: Hand) -> None:
    clock = Clock(hand.now)
    inner = clock.timed("close", "inner", lambda: hand.turn(5))

    def work() -> None:
        hand.turn(10)
        inner()
        hand.turn(20)
        inner()

    outer = clock.timed("pump", "outer", work)
    hand.turn(1)
    outer()
    hand.turn(2)
    outer()
    assert spent(clock) == {REST: 3, "pump": 60, "close": 20}
    assert {name: count for name, (count,) in clock.calls.items()} == {"inner": 4, "outer": 2}
    assert clock.accounts["pump"] == Account(spent=60, entered=2, left=4)
    assert clock.accounts[REST] == Account(spent=3, left=2)


def test_a_call_within_its_own_stage_reads_no_clock(hand: Hand) -> None:
    clock = Clock(hand.now)
    inner = clock.timed("pump", "inner", lambda: hand.turn(5))
    clock.timed("pump", "outer", inner)()
    assert spent(clock) == {REST: 0, "pump": 5}
    assert clock.accounts["pump"] == Account(spent=5, entered=1, nested=1)


def test_an_exception_goes_through_and_gives_the_time_back(hand: Hand) -> None:
    clock = Clock(hand.now)

    def fail() -> None:
        hand.turn(7)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        clock.timed("open", "fail", fail)()
    hand.turn(2)
    assert spent(clock) == {REST: 2, "open": 7}


def test_arguments_and_results_pass_through(hand: Hand) -> None:
    assert Clock(hand.now).timed("open", "pow", pow)(3, exp=4) == 81


def test_what_a_reading_costs_is_found(hand: Hand) -> None:
    def slow() -> int:
        hand.turn(100)
        return hand.at

    cost = calibrate(slow)
    assert cost.inner == pytest.approx(100, abs=1)
    assert cost.outer == pytest.approx(100, abs=1)
    assert cost.nested == pytest.approx(0, abs=1)


# ---- snapshots


def test_a_difference_is_what_happened_between() -> None:
    cost = Cost(inner=2.0, outer=3.0, nested=0.5)
    before = Snapshot({"pump": Account(100, 10, 0, 4), REST: Account(50, 0, 10, 0)}, {"a": 3}, cost)
    after = Snapshot(
        {"pump": Account(400, 30, 0, 10), REST: Account(250, 0, 33, 0), "close": Account(9, 3, 0, 0)},
        {"a": 8, "b": 3},
        cost,
    )
    window = after.since(before)
    assert window.accounts == {
        "pump": Account(300, 20, 0, 6),
        REST: Account(200, 0, 23, 0),
        "close": Account(9, 3, 0, 0),
    }
    assert window.calls == {"a": 5, "b": 3}
    assert window.added() == {"pump": 43.0, REST: 69.0, "close": 6.0}


def test_numbers_are_seconds_of_one_connection() -> None:
    window = Snapshot({"pump": Account(8_000, 4, 0, 0)}, {"a": 4}, Cost(500.0, 0.0, 0.0))
    found = stage_numbers(window, 2)
    assert found == {"spent.pump": pytest.approx(4e-6), "added.pump": pytest.approx(1e-6), "calls.a": 2.0}


def test_a_snapshot_comes_back_as_it_was_written(tmp_path: pathlib.Path, hand: Hand) -> None:
    clock = Clock(hand.now)
    clock.timed("open", "work", lambda: hand.turn(5))()
    taken = take(clock, Cost(1.0, 2.0, 3.0))
    write(taken, tmp_path / "file.json")
    assert read(tmp_path / "file.json") == taken
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]


@pytest.fixture
def kept_handler() -> Iterator[None]:
    before = signal.getsignal(SIGNAL)
    yield
    signal.signal(SIGNAL, before)


@pytest.mark.usefixtures("kept_handler")
def test_a_process_writes_when_it_is_asked(tmp_path: pathlib.Path, hand: Hand) -> None:
    clock = Clock(hand.now)
    file = tmp_path / "file.json"
    file.write_text("an older one")
    answer_signal(clock, Cost(0.0, 0.0, 0.0), file)
    hand.turn(11)
    assert ask(os.getpid(), file).accounts == {REST: Account(11)}


# ---- the table


@pytest.mark.parametrize("text", list(dict.fromkeys(names())))
def test_every_name_is_there(text: str) -> None:
    assert callable(resolve(text).value)


@pytest.mark.parametrize("text", ["relay.engine.tcp:Tcp.gone", "relay.engine.gone:Tcp", "relay.engine.tcp:Gone.serve"])
def test_a_name_that_is_gone_is_named(text: str) -> None:
    with pytest.raises(Failed, match=f"there is no {text}"):
        resolve(text)


def test_what_cannot_be_timed_is_named() -> None:
    with pytest.raises(Failed, match=r"ClientStream\.is_current is no plain function"):
        resolve("ingress.client.client_stream:ClientStream.is_current")


def test_nothing_runs_when_a_name_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES["relay"], "open", Stage(1.0, "", ("relay.engine.tcp:gone",)))
    with pytest.raises(Failed, match=r"there is no relay\.engine\.tcp:gone"):
        Stages().run([], 1)


def test_the_budgets_together_stay_below_the_best_peer() -> None:
    stages = [*INGRESS.values(), *EXIT.values()]
    assert sum(stage.budget for stage in stages) + 2 * MIDDLE <= WHOLE
    assert all(stage.why for stage in stages)


def test_no_function_stands_for_two_stages() -> None:
    for stages in STAGES.values():
        found = [text for stage in stages.values() for text in (*stage.functions, *stage.owners)]
        assert len(found) == len(set(found))


def test_functions_are_wrapped_in_their_classes_and_sockets_by_owner(
    monkeypatch: pytest.MonkeyPatch, hand: Hand
) -> None:
    def serve(endpoint: Any, events: int) -> None:
        hand.turn(events)

    monkeypatch.setattr(Tcp, "serve", serve)
    monkeypatch.setattr(IgnoringOwner, "on_eof", lambda self: hand.turn(3))
    clock = Clock(hand.now)
    wrap(
        clock,
        {"close": Stage(1.0, "", ("relay.engine.tcp:IgnoringOwner.on_eof",), ("relay.engine.tcp:IgnoringOwner",))},
    )
    IGNORING.on_eof()
    endpoint = Tcp.__new__(Tcp)
    endpoint.owner = IGNORING
    endpoint.serve(10)
    endpoint.owner = object()  # type: ignore[assignment]
    endpoint.serve(100)
    assert spent(clock) == {REST: 100, "close": 13}


# ---- the measure


def test_the_wrapper_starts_the_same_command(tmp_path: pathlib.Path) -> None:
    command = clocked(Command("exit", ["/somewhere/bin/relay", "serve", "exit"], {"A": "b"}), tmp_path)
    assert command.argv[1:] == ["-m", "bench.stages", "relay", "serve", "exit"]
    assert command.env["A"] == "b"
    assert command.env["BENCH_STAGES_FILE"] == str(file_of(tmp_path, "exit"))


def numbers_of(spent: dict[str, float]) -> Numbers:
    """A clocked round: per stage so many µs, of which the calibration says 1."""
    found: Numbers = {"cpu.all": 260e-6, "cpu.ingress": 130e-6, "cpu.middle": 22e-6, "cpu.exit": 108e-6}
    for part, stages in (("ingress", INGRESS), ("exit", EXIT)):
        found |= {f"{part}.spent.{name}": spent.get(name, 5.0) * 1e-6 for name in stages}
        found |= {f"{part}.added.{name}": 1e-6 for name in stages}
    service = service_of("ingress.client.client:Client")
    return found | {"ingress.calls.ingress.client.opener:Opener.open": 1.0, f"ingress.calls.{service}": 2.0}


@pytest.fixture
def result() -> Result:
    plain: Numbers = {"cpu.all": 206e-6, "cpu.ingress": 112e-6, "cpu.middle": 22e-6, "cpu.exit": 108e-6}
    plain |= {"node.hop1": 11e-6, "node.hop2": 99e-6, "node.exit": 108e-6}
    rounds = [numbers_of({"pump": 20.0}), numbers_of({"pump": 22.0}), numbers_of({"pump": 60.0})]
    return Result("stages", "", "", {OURS.name: Row(rounds=[plain] * 3), PROFILED.name: Row(rounds=rounds)})


def test_the_clock_is_taken_off_by_what_the_plain_chain_takes(result: Result) -> None:
    assert factor(result, "ingress") == pytest.approx(2.0)
    assert factor(result, "exit") == 1.0
    assert stage_values(result, "ingress")["pump"] == pytest.approx([18e-6, 20e-6, 58e-6])
    assert stage_values(result, "exit")["close"] == pytest.approx([4e-6] * 3)


def test_without_a_plain_chain_the_calibration_stands(result: Result) -> None:
    del result.rows[OURS.name]
    assert factor(result, "ingress") == 1.0
    assert "**pump**" in Stages().tables(result)


def test_a_table_has_each_stage_its_budget_and_the_largest(result: Result) -> None:
    lines = Stages().tables(result).splitlines()
    ingress = lines[next(index for index, line in enumerate(lines) if line.startswith("At the ingress")) :]
    assert "The largest stage is **pump**: 20 µs, 45%. The clock cost 2 times" in ingress[0]
    assert "| pump | 20 (18–58) | 45% | 12 | no |" in "\n".join(ingress)
    assert "| open | 3 (3–3) | 7% | 15 | yes | `Opener.open` 1 |" in "\n".join(ingress)
    assert "| `Tcp.serve` of a `Client` 2 |" in "\n".join(ingress)
    assert "| in all | 44 | 100% | 144 | yes |" in "\n".join(ingress)


def test_the_nodes_between_have_one_figure_each(result: Result) -> None:
    text = Stages().tables(result)
    assert "| hop1 | 11 (11–11) | 15 | yes |" in text
    assert "| hop2 | 99 (99–99) | 15 | no |" in text
    assert "| exit |" not in text


def test_a_chart_has_a_bar_for_each_stage(result: Result) -> None:
    charts = Stages().charts(result)
    assert all(f">{name}<" in charts["ingress"] for name in INGRESS)
    assert all(f">{name}<" in charts["exit"] for name in EXIT)


def test_a_goal_is_missed_by_the_stage_that_is_furthest_above(result: Result) -> None:
    values, name = nearest_budget("ingress")(result)
    assert name == " (pump)"
    assert values == pytest.approx([18 / 12, 20 / 12, 58 / 12])
    assert nearest_budget("exit")(Result("stages", "", "", {})) == ([], "")
    assert "no, 67% above" in goals_table({"stages": result})
