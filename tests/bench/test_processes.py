"""Processes are counted with their children, and none is left."""

import os
import pathlib
import sys

import pytest

from bench.processes import Command, Running, spent

BUSY = "import os\nwhile sum(os.times()[:2]) < 0.2: pass\nprint('done', flush=True)\nimport signal; signal.pause()"


@pytest.fixture
def parent_and_child(tmp_path: pathlib.Path) -> Running:
    return Running([Command("ingress", ["/bin/sh", "-c", "sleep 60 & echo ready; wait"])], tmp_path)


def wait_for(path: pathlib.Path, text: str) -> None:
    """Until a process has written *text*; the test's own time limit ends a wait in vain."""
    while text not in path.read_text():
        os.sched_yield()


def test_children_belong_to_their_role_and_end_with_it(parent_and_child: Running, tmp_path: pathlib.Path) -> None:
    wait_for(tmp_path / "ingress.log", "ready")
    pids = parent_and_child.members()["ingress"]
    assert len(pids) == 2
    assert parent_and_child.memory()["ingress"] > 0
    parent_and_child.stop()
    assert parent_and_child.members() == {"ingress": []}


def test_cpu_is_what_the_process_used(tmp_path: pathlib.Path) -> None:
    running = Running([Command("exit", [sys.executable, "-c", BUSY])], tmp_path)
    try:
        wait_for(tmp_path / "exit.log", "done")
        assert 0.15 <= running.cpu()["exit"] < 2
    finally:
        running.stop()


def test_an_end_is_told_with_the_last_words(tmp_path: pathlib.Path) -> None:
    running = Running([Command("hop1", ["/bin/sh", "-c", "echo first; echo cannot listen; exit 3"])], tmp_path)
    running.started["hop1"].wait()
    assert running.ended() == "hop1 ended with 3: cannot listen"
    running.stop()


def test_a_program_that_is_not_there_leaves_nothing_running(tmp_path: pathlib.Path) -> None:
    commands = [Command("exit", ["/bin/sleep", "60"]), Command("ingress", ["/nowhere/program"])]
    with pytest.raises(OSError, match="nowhere"):
        Running(commands, tmp_path)


def test_what_was_spent_is_summed_as_the_tables_name_it() -> None:
    after = {"ingress": 3.0, "hop1": 2.0, "hop2": 2.5, "exit": 1.0}
    before = {"ingress": 1.0, "hop1": 1.0, "hop2": 1.0, "exit": 1.0}
    assert spent(after, before) == {"all": 4.5, "ingress": 2.0, "middle": 2.5, "exit": 0.0}
