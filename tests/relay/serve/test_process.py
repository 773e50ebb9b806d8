"""What a serving process does to its own memory."""

import gc
from collections.abc import Iterator

import pytest

from relay.serve.process import GC_THRESHOLDS, settle_memory


@pytest.fixture
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_stands_at_the_start_is_left_out_of_collections(as_before: None) -> None:
    settle_memory()
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold() == GC_THRESHOLDS


def test_a_system_without_mallopt_is_served_all_the_same(as_before: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr("ctypes.CDLL", refuse)
    settle_memory()
    assert gc.get_threshold() == GC_THRESHOLDS
