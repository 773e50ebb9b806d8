"""Which folder the state is kept in."""

from pathlib import Path

import pytest

from ingress.state.place import state_file, state_folder


@pytest.mark.parametrize(
    ("told", "environment", "expected"),
    [
        ("/srv/state", {"STATE_DIRECTORY": "/var/lib/ingress"}, "/srv/state"),
        (None, {"STATE_DIRECTORY": "/var/lib/ingress"}, "/var/lib/ingress"),
        (None, {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two", "XDG_STATE_HOME": "/x"}, "/var/lib/one"),
        (None, {"XDG_STATE_HOME": "/home/u/.state"}, "/home/u/.state/ingress"),
        (None, {"XDG_STATE_HOME": "relative"}, "/home/u/.local/state/ingress"),
        (None, {}, "/home/u/.local/state/ingress"),
    ],
)
def test_the_file_comes_first_then_systemd_then_the_users_own(
    told: str | None, environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    assert state_folder(None if told is None else Path(told), environment) == Path(expected)


def test_who_has_no_home_has_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "nowhere")
    assert state_folder(None, {}) == Path("/var/lib/ingress")


def test_each_ingress_has_a_file_of_its_own() -> None:
    assert state_file(Path("/s"), "shanghai") == Path("/s/shanghai.sqlite")
