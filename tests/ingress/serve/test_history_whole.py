"""What an ingress tells of the past: what was measured, what broke and why, the events, over restarts."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from ingress.history.record import EMPTY, Series
from ingress.messages.message import Message, render
from ingress.serve.answers import make_report
from ingress.serve.history_answer import answer_events, answer_history
from relay import log
from relay.errors import OperatorError
from tests.world import INGRESS, TWO_PATHS, Journal, World, until

Make = Callable[..., World]
RECORD = EMPTY._replace(samples=60, round_trip=1500, p95=1600, deviation=10, late=2000, in_first=3000)


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


async def ready(make_world: Make) -> World:
    """A world with one path, of which something is known."""
    world = await make_world().start()
    await world.up()
    await until(lambda: world.running.keeper.is_open)
    watch = world.running.history.watch

    def is_known() -> bool:
        records = watch.present()[1].values()
        return len(records) == 4 and all(one.samples and any(one.stays) for one in records)

    await until(is_known)
    now = time.time()
    watch._wall = lambda: now  # no minute ends during a test
    return world


async def test_the_minute_that_is_under_way_is_told(make_world: Make) -> None:
    world = await ready(make_world)
    answer = await history(world, of="direct")
    (point,) = answer["series"][-1:]
    assert (answer["kind"], answer["of"], answer["step"]) == ("path", "direct", 300)
    assert point["state"]["up"] > 0 and point["rtt"] > 0 and point["samples"] > 0


async def test_names_kinds_and_what_is_called_nearly_so(make_world: Make) -> None:
    world = await ready(make_world)
    assert (await history(world, of="direct", kind="line", since=600))["kind"] == "line"
    assert (await history(world, of="us"))["kind"] == "node"
    assert (await history(world, of=INGRESS))["kind"] == "ingress"
    with pytest.raises(OperatorError, match=r'nothing is known of a path, line or node dirct; did you mean "direct"\?'):
        await history(world, of="dirct")
    with pytest.raises(OperatorError, match="nothing is known of a node direct"):
        await history(world, of="direct", kind="node")


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"since": -1}, "since: is a number of seconds"),
        ({"since": "x"}, "since: is a number of seconds"),
        ({"since": True}, "since: is a number of seconds"),
        ({"since": [1]}, "since: is a number of seconds"),
        ({"until": 1e12}, "until: is a number of seconds"),
        ({"until": 10**400}, "until: is a number of seconds"),
        ({"since": float("nan")}, "since: is a number of seconds"),
        ({"since": 10, "until": 20}, "since: lies behind until"),
        ({"of": 7}, "of: is a name"),
        ({"limit": 0}, "limit: is a number from 1 to 2000"),
        ({"limit": "many"}, "limit: is a number"),
    ],
)
async def test_questions_that_make_no_sense(make_world: Make, question: dict[str, object], said: str) -> None:
    world = await ready(make_world)
    asked = answer_events if "limit" in question else answer_history
    with pytest.raises(OperatorError, match=said):
        await asked(world.running, question)


async def test_minutes_of_the_file_and_the_present_one_are_one_series(make_world: Make) -> None:
    world = await ready(make_world)
    minute = world.running.history.watch.present()[0]
    for back in (1, 2, 3):
        world.running.history.watch._closed[minute - back] = {Series("path", "direct"): RECORD}
    words = {"since": str((minute - 3) * 60), "step": "60"}  # as a page asks
    points = (await history(world, of="direct", **words))["series"]
    assert [point["at"] for point in points] == [(minute - back) * 60 for back in (3, 2, 1, 0)]
    assert points[0]["rtt"] == 0.15 and points[0]["state"] == {"up": 1.0} and points[0]["late"] == 0.1
    joined = (await history(world, of="direct", since=(minute - 3) * 60, step=86_400))["series"]
    assert len(joined) in (1, 2) and sum(point["watched"] for point in joined) > 180
    past = await history(world, of="direct", since=(minute - 3) * 60, until=(minute - 1) * 60)
    assert [point["samples"] for point in past["series"]] == [60, 60]


async def test_all_at_once(make_world: Make) -> None:
    world = await ready(make_world)
    watch = world.running.history.watch
    now = time.time()
    watch._closed[watch.present()[0] - 1] = {Series("node", "gone"): RECORD._replace(in_fourth=3000)}
    watch.outages.begin(Series("node", "gone"), "down", "cut", now - 50)
    watch.outages.end(Series("node", "gone"), now - 20)
    answer = await history(world, since=7200)
    rows = {(row["kind"], row["name"]): row for row in answer["all"]}
    named = [("path", "direct"), ("line", "direct"), ("node", "gone"), ("node", "us"), ("ingress", INGRESS)]
    assert list(rows) == named
    assert rows["path", "direct"]["availability"] == 1 and rows["path", "direct"]["rtt"] > 0
    gone = rows["node", "gone"]
    assert (gone["availability"], gone["outages"]) == (0.5, 1) and gone["longest_outage"] == pytest.approx(30)
    assert answer["outages"][0]["why"] == "cut" and answer["notes"] == []
    watch.outages.begin(Series("path", "direct"), "down", Message("blame.everything"), now - 10)
    chinese = await answer_history(world.running, {}, "zh")
    assert [one["why"] for one in chinese["outages"]] == ["cut", render(Message("blame.everything"), "zh")]
    before = await history(world, since=now - 86_400, until=now - 80_000)
    assert before["all"] == [] == before["outages"]
    watch.dropped = 3
    assert make_report(world.running).counters["history_dropped"] == 3


async def test_events_of_a_line_are_those_of_its_paths(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    await until(lambda: world.running.keeper.is_open)
    world.wires["pacific"].cut()
    await until(lambda: any(one.series.kind == "path" for one in world.running.history.watch.outages.open.values()))
    await until(lambda: world.running.fleet.chooser.ranking.order[0].name == "direct")
    for name in ("pacific", "ix/pacific"):
        told = await events(world, of=name)
        assert {"path-up"} < {one["event"] for one in told}
        assert all("pacific" in one["text"] for one in told)
    assert any(one["about"] == "ix/pacific" for one in await events(world, of="jp"))
    assert any(one["text"] == "direct is up" for one in await events(world, of="us"))
    all_of_them = await events(world)
    assert all_of_them[0]["event"] in {"ingress-started", "reloaded", "path-up", "carrier-failed"}
    assert len(await events(world, limit=1)) == 1


async def test_without_a_file_it_is_said_why(make_world: Make) -> None:
    world = make_world()
    (world.folder / "kept").write_text("a file in the way")
    answer = f'answer = "{world.answer}"'
    world.write(world.text().replace(answer, f'{answer}\nstate = "kept"'))
    await world.start()
    await until(lambda: world.running.keeper.trouble)
    with pytest.raises(OperatorError, match=r"no history is kept: .*File exists"):
        await history(world)


async def test_another_leader_is_an_event(make_world: Make, journal: Journal) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    best = world.running.fleet.chooser.ranking.order[0].name
    world.wires["direct" if best == "direct" else "ix"].cut()
    told = await journal.until("leader-changed", INGRESS, before=best)
    assert told["path"] != best and told["why"]
    world.running.history.end()
    world.running.history.end()


async def test_history_survives_a_restart(make_world: Make) -> None:
    world = await ready(make_world)
    minute = world.running.history.watch.present()[0]
    world.running.history.watch._closed[minute - 1] = {Series("path", "direct"): RECORD}
    await world.kill(INGRESS)
    await world.start(INGRESS)
    await until(lambda: world.running.keeper.is_open)
    answer = await history(world, of="direct", since=(minute - 1) * 60, step=60)
    assert answer["series"][0]["samples"] == 60
    started = [one for one in await events(world) if one["event"] == "ingress-started"]
    assert len(started) == 2 and started[0]["text"].startswith(f"ingress {INGRESS} started")
