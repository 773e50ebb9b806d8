"""`ingress hold` and `ingress release`, asked as the commands ask, of a running ingress."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from ingress.choice.entry import Tier
from ingress.cli import main
from ingress.serve.answers import make_report
from relay.admin.client import ask
from relay.errors import OperatorError
from tests.world import INGRESS, PATIENCE, TWO_PATHS, Journal, World, until

Make = Callable[..., World]


async def run(world: World, *arguments: str) -> int:
    """The exit code of a command."""
    options = [*arguments, "--admin", str(world.folder / f"{INGRESS}.sock")]
    with trio.fail_after(PATIENCE):
        return await trio.to_thread.run_sync(main, options)


async def said(world: World, **question: Any) -> dict[str, Any]:
    with trio.fail_after(PATIENCE):
        return dict(await trio.to_thread.run_sync(ask, world.folder / f"{INGRESS}.sock", question, "ingress"))


def on(world: World, path: str) -> int:
    traffic = world.running.fleet.traffic.get(path)
    return 0 if traffic is None else traffic.streams


async def up(make_world: Make) -> World:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    await until(lambda: world.running.keeper.is_open)
    return world


async def test_a_line_is_held_and_released(
    make_world: Make, capsys: pytest.CaptureFixture[str], journal: Journal
) -> None:
    world = await up(make_world)
    client, target = await world.pair()
    await until(lambda: on(world, "direct") + on(world, "ix/pacific") == 1)
    line, other = ("direct", "ix/pacific") if on(world, "direct") else ("ix", "direct")
    await world.up()  # else its exit might be left without a path for a moment
    assert await run(world, "hold", line, "--for", "2h") == 0
    assert capsys.readouterr().out.startswith(f"{line}, by hand since ")
    await until(lambda: on(world, other) == 1)
    await client.send_all(b"still here")
    assert await target.receive_some(10) == b"still here"
    answer = await said(world, ask="paths")
    (held,) = answer["holds"]
    assert (held["line"], held["until"] - held["since"]) == (line, pytest.approx(7200.0))
    rows = {row["path"]: row for row in answer["paths"]}
    assert rows.pop(other)["state"] == "up"
    ((left, row),) = rows.items()
    assert line in left and row["reason"].startswith(f"line {line} is held by hand until ") and row["state"] == "up"
    assert (await said(world, ask="why", target="x.example"))["paths"] == [other]
    assert await run(world, "paths") == 0
    assert f"hold {line}, by hand since" in capsys.readouterr().out
    assert [await run(world, "hold"), await run(world, "release", line), await run(world, "hold")] == [0, 0, 0]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith(f"{line}, by hand since ") and shown[1:] == ["no line is held"] * 2
    assert journal.of("line-held", INGRESS, line=line, seconds=7200.0)
    assert await run(world, "hold", line) == 0
    assert "seconds" not in journal.of("line-held", INGRESS, line=line)[-1]
    assert journal.of("line-released", INGRESS, line=line, why="by hand")
    await client.aclose()


async def test_a_hold_is_told_in_the_language_of_the_terminal(
    make_world: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await up(make_world)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert [await run(world, "hold", "ix"), await run(world, "release", "ix")] == [0, 0]
    held, none = capsys.readouterr().out.splitlines()
    assert held.startswith("ix：自 ") and none == "没有手动停用的线路"
    with pytest.raises(OperatorError, match="no language"):
        await said(world, ask="hold", lang="fr")


async def test_what_cannot_be_held_is_told_with_what_to_do(
    make_world: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    world = await up(make_world)
    wrong = [("hold", "dirct"), ("release", "ix"), ("hold", "ix", "--for", "soon"), ("hold", "--force")]
    assert [await run(world, *one) for one in wrong] == [1, 1, 1, 1]
    told = capsys.readouterr().err
    assert 'there is no line dirct: did you mean "direct"?' in told and "ix is not held; no line is" in told
    assert "--for soon" in told and "--for and --force say how a LINE is held" in told
    assert await run(world, "hold", "direct") == 0
    assert await run(world, "hold", "pacific") == 1
    assert "without pacific nothing leads to exit us; with --force it is held all the same" in capsys.readouterr().err
    assert await run(world, "hold", "pacific", "--force") == 0
    await until(lambda: not world.running.fleet.chooser.ranking.usable)
    for question in ({"line": 5}, {"line": "ix", "seconds": "5"}, {"line": "ix", "force": 1}):
        with pytest.raises(OperatorError, match="nothing can be held so"):
            await said(world, ask="hold", **question)
    for seconds in (0, -1, 1e300, True):
        with pytest.raises(OperatorError, match=r"held"):
            await said(world, ask="hold", line="ix", seconds=seconds)


async def test_a_hold_outlives_the_process_a_reload_and_not_its_line(make_world: Make, journal: Journal) -> None:
    world = await up(make_world)
    world.running.holding.hold("ix", 3600.0, force=True)
    before = world.running.holding.holds.all
    await world.kill(INGRESS)
    await world.start(INGRESS)
    await until(lambda: world.running.holding.holds.all == before)
    await until(lambda: world.running.fleet.chooser.ranking.order)
    assert [row.line for row in make_report(world.running).holds] == ["ix"]
    await until(lambda: world.running.fleet.chooser.ranking.by_name["ix/pacific"].tier is Tier.CLOSED)
    await said(world, ask="reload")
    assert world.running.holding.holds.all == before
    world.write("\n".join(_without(world.text(), "line.ix")))
    await said(world, ask="reload")
    assert world.running.holding.holds.all == []
    assert journal.of("line-released", INGRESS, line="ix", why="it is no longer in the file")


def _without(text: str, table: str) -> list[str]:
    """*text* without the table of that name."""
    kept, is_in = [], False
    for row in text.splitlines():
        is_in = row.strip() == f"[{table}]" if row.startswith("[") else is_in
        kept += [] if is_in else [row]
    return kept


async def test_it_ends_by_itself(make_world: Make, journal: Journal) -> None:
    world = await up(make_world)
    world.running.holding.hold("ix", 0.05, force=True)
    assert [held.line for held in world.running.fleet.network_monitor.held] == ["ix"]
    await journal.until("line-released", INGRESS, line="ix", why="its time is over")
    await until(lambda: world.running.fleet.chooser.ranking.by_name["ix/pacific"].tier < Tier.CLOSED)
