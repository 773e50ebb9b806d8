"""Lending pipes: what comes back, what is refused."""

import fcntl
import os

import pytest

from relay.engine import pipes
from relay.engine.pipes import MOST, RETRY, SIZES, Pipes


def test_an_empty_pipe_is_lent_again_and_one_that_holds_bytes_is_closed() -> None:
    pool = Pipes()
    first = pool.lend(0.0)
    assert first is not None
    assert first.size in SIZES
    assert fcntl.fcntl(first.read_end, fcntl.F_GETPIPE_SZ) == first.size
    pool.take_back(first, 0)
    assert pool.lend(0.0) is first
    os.write(first.write_end, b"x")
    pool.take_back(first, 1)
    assert "0 lent, 0 free" in repr(pool)
    with pytest.raises(OSError):
        os.fstat(first.read_end)
    pool.close()


def test_no_more_than_most_are_lent() -> None:
    pool = Pipes()
    lent = [pool.lend(0.0) for _ in range(MOST + 1)]
    assert lent[-1] is None
    made = [pipe for pipe in lent if pipe is not None]
    for pipe in made:
        pool.take_back(pipe, 0)
    assert f"{len(made)} free" in repr(pool)
    pool.close()


def test_after_a_refusal_nothing_is_tried_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def refuse(descriptor: int, command: int, size: int) -> int:
        tried.append(size)
        raise PermissionError

    before = os.listdir("/proc/self/fd")
    with monkeypatch.context() as patch:
        patch.setattr(pipes.fcntl, "fcntl", refuse)
        pool = Pipes()
        assert pool.lend(5.0) is None
        assert pool.lend(5.0 + RETRY - 0.1) is None
        assert tried == list(SIZES)
    assert os.listdir("/proc/self/fd") == before
    later = pool.lend(5.0 + RETRY)
    assert later is not None
    pool.take_back(later, 0)
    pool.close()


def test_without_descriptors_there_is_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(flags: int) -> tuple[int, int]:
        raise OSError(24, "too many")

    monkeypatch.setattr(pipes.os, "pipe2", refuse)
    assert Pipes().lend(0.0) is None
