"""A forward asks for its target before the client says a word, and passes on what comes meanwhile, once."""

from ingress.doors.door import KEPT_HARD, DoorSettings
from ingress.doors.events import Close, Open, Transparent
from ingress.doors.forward import ForwardDoor
from relay.model.cause import Cause

SETTINGS = DoorSettings(needs_password=True, proxy_url="x")


def test_it_opens_at_once_and_hands_over_what_came() -> None:
    door = ForwardDoor(SETTINGS, "game.example", 443)
    assert door.start() == [Open("game.example", 443)]
    assert door.receive(b"one") == [] and door.receive(b"two") == [] and door.receive_eof() == []
    assert door.opened() == [Transparent(b"onetwo")]


def test_a_failure_is_a_reset() -> None:
    door = ForwardDoor(SETTINGS, "game.example", 443)
    door.start()
    assert door.refused(Cause.NO_PATH) == [Close(True, "no-path")]
    assert door.opened() == [] and door.receive(b"x") == [] and door.timed_out() == []


def test_what_waits_is_bounded() -> None:
    door = ForwardDoor(SETTINGS, "game.example", 443)
    door.start()
    assert not door.in_handshake and door.gateway is None
    assert door.receive(bytes(KEPT_HARD)) == [] and not door.wants_client_bytes
    (close,) = door.receive(b"x")
    assert isinstance(close, Close) and close.reset
