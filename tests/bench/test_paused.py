"""The measure of clients that do not read: what is lost stays lost, and the rest is measured all the same."""

import pytest

from bench.load import Failed
from bench.measures import paused
from bench.measures.paused import Paused, await_kernel, check_kernel, noted
from bench.peers import OURS
from bench.results import Row, new_result
from bench.silent import SilentClients
from relay.engine.kernel_memory import KernelMemory


def kernel_has(monkeypatch: pytest.MonkeyPatch, *used: int) -> None:
    """The kernel holds so much, of 100 that it likes to, one figure after the other."""
    told = [KernelMemory(one, 100, 120) for one in used]
    monkeypatch.setattr(paused, "kernel_memory", lambda: told.pop(0) if len(told) > 1 else told[0])
    monkeypatch.setattr(paused, "LOOK", 0.0)


def test_a_row_in_which_the_kernel_runs_short_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel_has(monkeypatch, 99)
    check_kernel()
    kernel_has(monkeypatch, 100)
    with pytest.raises(Failed, match="lost: the kernel holds"):
        check_kernel()


def test_it_ends_before_it_hurts_others(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel_has(monkeypatch, 100)
    with SilentClients(("127.0.0.1", 1), "127.0.0.1", check_kernel) as clients, pytest.raises(Failed):
        clients.open(1)


def test_the_next_one_waits_until_the_kernel_has_memory_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel_has(monkeypatch, 110, 105, 99)
    await_kernel()
    kernel_has(monkeypatch, 110)
    monkeypatch.setattr(paused, "RELIEF", 0.0)
    with pytest.raises(Failed, match="lost"):
        await_kernel()


def test_what_failed_stays_in_the_row_and_in_the_report() -> None:
    row = Row("ingress 1.0", "ours", [{"0.rate": 1e8, "100.rate": 9.5e7}])
    with noted(row, "beside 5 paused"):
        raise Failed("the download broke")
    with noted(row, "2000 at once"):
        raise OSError("lost")
    assert row.error == "beside 5 paused: the download broke; 2000 at once: lost"
    text = Paused().tables(new_result("paused", {OURS.name: row}))
    assert "0.95" in text and "Not to the end" in text and "the download broke" in text
