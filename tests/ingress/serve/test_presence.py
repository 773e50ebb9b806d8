"""An ingress that was killed says when it is back how long it was away; one that was told to stop does not."""

import json
import sqlite3
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.serve.presence import LEAST, SIGN, Absence, Presence, read_sign
from ingress.state.place import state_file, state_folder
from tests.hook import serve_hook
from tests.world import INGRESS, Journal, World, until

NOW = 1.8e9
LONG_AGO = 1_768_464_000.0
Make = Callable[..., World]
SIGNS = "SELECT text FROM notes WHERE name = 'presence'"


@given(away=st.floats(0.0, 1e7), was_told=st.booleans())
def test_what_is_told_is_as_long_as_it_was(away: float, was_told: bool) -> None:
    wall, told = NOW + 7.0, list[Absence]()
    before = Presence(lambda: wall, told.append, lambda: was_told)
    assert before.write() == (0, False)
    before.begin()
    wall += 3600.0
    kept = read_sign(json.loads(json.dumps(before.write())))
    last, wall = wall, wall + away
    Presence(lambda: wall, told.append, lambda: False).recall(kept)
    assert len(told) <= (not was_told)
    for absence in told:
        assert absence.end == wall and 0 <= last - absence.start < SIGN
        assert absence.seconds >= LEAST
    assert told or was_told or away < LEAST


def test_a_clock_that_was_set_back_tells_nothing() -> None:
    told = list[Absence]()
    Presence(lambda: NOW, told.append, lambda: False).recall((int(NOW) + 5000, False))
    assert told == []


@pytest.mark.parametrize("odd", [None, [], [1.5, True], [1, 1], ["1", False], [1, True, 2]])
def test_what_is_no_sign_is_not_read(odd: object) -> None:
    with pytest.raises(ValueError, match="sign of life"):
        read_sign(odd)


async def test_after_a_kill_there_is_one_message(make_world: Make, journal: Journal) -> None:
    world = make_world()
    file = state_file(state_folder(None), INGRESS)
    with serve_hook() as hook:
        world.write(f'{world.text()}\n[[alert]]\nwebhook = "{hook.url}"\nwhen = ["away"]\n')
        await world.start()
        await until(lambda: world.running.keeper.is_open)
        world.running.presence._wall = lambda: LONG_AGO
        await world.kill(INGRESS)
        with sqlite3.connect(file) as connection:
            ((text,),) = connection.execute(SIGNS).fetchall()
        assert json.loads(text) == [LONG_AGO, False]
        await world.start(INGRESS)
        await journal.until("alert-sent", INGRESS)
        (event,) = hook.came.get()["events"]
        assert (event["kind"], event["name"], event["state"]) == ("away", INGRESS, "over")
        assert event["why"].startswith("from 2026-01-15 08:00 UTC to ")
        world.running.is_draining = True
        await until(lambda: world.running.keeper.is_open)
        await world.kill(INGRESS)
        with sqlite3.connect(file) as connection:
            ((text,),) = connection.execute(SIGNS).fetchall()
        assert json.loads(text)[1] is True
        assert hook.came.empty()
