"""What every test needs: nothing that an ingress learns may reach the next test, nor the state of who runs them."""

import itertools
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # no test asserts a figure of the clock
settings.load_profile("any machine")

STATES = itertools.count()


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for state folders."""
    return tmp_path_factory.mktemp("states")


@pytest.fixture(autouse=True)
def state_of_its_own(states: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder for each test, made by whoever uses it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(states / str(next(STATES))))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
