"""The latch: only what comes back from where it was sent moves it."""

from relay.datagram.latch import PATIENCE, Latch
from relay.wire import datagrams

HEAD = bytes(16)


def test_the_first_address_has_to_answer_as_well() -> None:
    source: Latch[str] = Latch()
    asked = source.ask("home", HEAD, b"12345678", 0.0)
    assert asked == datagrams.challenge(HEAD, b"12345678") and source.address is None
    answer = datagrams.answer_challenge(asked)
    assert not source.confirm(answer, "elsewhere", 1.0)
    assert not source.confirm(answer[:-1] + b"x", "home", 1.0)
    assert source.confirm(answer, "home", 1.0) and source.address == "home"
    assert source.ask("home", HEAD, b"87654321", 2.0) is None
    assert not source.confirm(answer, "home", 2.0)


def test_u20_an_address_moves_once_it_has_answered() -> None:
    source: Latch[str] = Latch()
    source.address = "home"
    first = source.ask("away", HEAD, b"12345678", 0.0)
    again = source.ask("away", HEAD, b"87654321", 1.0)
    assert first == again and source.address == "home"
    assert first is not None and source.confirm(datagrams.answer_challenge(first), "away", 1.5)
    assert source.address == "away"


def test_u37_a_probe_from_a_forged_source_moves_nothing() -> None:
    source: Latch[str] = Latch()
    source.address = "home"
    asked = source.ask("victim", HEAD, b"12345678", 0.0)
    assert asked is not None
    assert not source.confirm(datagrams.answer_challenge(asked), "thief", 0.1)
    assert not source.confirm(datagrams.answer_challenge(asked), "victim", PATIENCE + 1)
    assert source.address == "home"
    later = source.ask("victim", HEAD, b"87654321", PATIENCE + 2)
    assert later is not None and later != asked
