"""What an ingress tells of the past: what was measured, what broke and why, the events, over restarts."""

from collections.abc import Callable
from typing import Any

import pytest

from ingress.serve.history_answer import answer_events, answer_history
from relay import log
from tests.world import Journal, World, until

Make = Callable[..., World]


@pytest.fixture(autouse=True)
def _tap(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal stands in the log's place: what is told to it is told to subscribers as well."""
    written = journal.event

    def event(name: str, /, *, level: str = "info", about: str = "", **fields: object) -> None:
        written(name, level=level, about=about, **fields)
        if level != "debug":
            log._log._tell(name, level, fields)

    monkeypatch.setattr("relay.log.event", event)


async def history(world: World, **question: object) -> dict[str, Any]:
    return await answer_history(world.running, question)


async def events(world: World, **question: object) -> list[dict[str, Any]]:
    return (await answer_events(world.running, question))["events"]


async def test_the_minute_that_is_under_way_is_told(make_world: Make) -> None:
    world = await make_world().start()
    await world.up()
    await until(lambda: world.running.keeper.is_open)
    await until(lambda: any(one.samples for one in world.running.history.watch.present()[1].values()))
    answer = await history(world, of="direct")
    (point,) = answer["series"][-1:]
    assert (answer["kind"], answer["of"], answer["step"]) == ("path", "direct", 300)
    assert point["state"]["up"] > 0 and point["rtt"] > 0 and point["samples"] > 0
