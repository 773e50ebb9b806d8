"""Strangers make room for each other, never the other way round."""

import pytest

from relay.node import strangers as module
from relay.node.strangers import Strangers, StrangersStatistics


async def test_the_oldest_of_a_source_makes_room_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_EACH", 2)
    strangers = Strangers()
    other, first, second = (strangers.admit(at) for at in ("192.0.2.9", "192.0.2.1", "192.0.2.1"))
    third = strangers.admit("192.0.2.1")
    assert [one.scope.cancel_called for one in (other, first, second, third)] == [False, True, False, False]
    assert len(strangers) == 3


async def test_the_oldest_of_all_makes_room_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    strangers = Strangers()
    crowd = [strangers.admit(f"192.0.2.{number}") for number in range(1, 6)]
    assert [one.scope.cancel_called for one in crowd] == [True, True, False, False, False]
    assert strangers.statistics() == StrangersStatistics(waiting=3, evicted=2)
    assert len(strangers) == 3


async def test_whoever_is_known_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    strangers = Strangers()
    ours = strangers.admit("192.0.2.1")
    strangers.leave(ours)
    strangers.admit("192.0.2.2")
    strangers.leave(ours)
    assert not ours.scope.cancel_called
    assert len(strangers) == 1
