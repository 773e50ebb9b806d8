"""What a running ingress says about itself, asked as the command asks; no question may harm it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.choice.sites import parse_target
from ingress.cli import main
from ingress.report.rows import to_json
from relay.admin.client import ask
from relay.errors import OperatorError
from relay.identity import EXPIRY_WARNING
from relay.model.vitals import LineReport
from relay.wire.status import Status, status
from tests.ingress.report.running import explained
from tests.world import INGRESS, PATIENCE, TWO_PATHS, World, until

Make = Callable[..., World]


async def said(world: World, **question: str) -> dict[str, Any]:
    with trio.fail_after(PATIENCE):
        return dict(await trio.to_thread.run_sync(ask, world.folder / f"{INGRESS}.sock", question, "ingress"))


async def test_paths_lines_and_nodes(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    client, _ = await world.pair()
    await until(lambda: _on(world, "direct") + _on(world, "ix/pacific") == 1)
    answer = await said(world, ask="paths")
    rows = {row["path"]: row for row in answer["paths"]}
    assert {name: row["state"] for name, row in rows.items()} == {"direct": "up", "ix/pacific": "up"}
    assert sum(row["streams"] for row in rows.values()) == 1
    assert all(row["dial_time"] is not None for row in rows.values())
    nodes = {row["node"]: row for row in answer["nodes"]}
    assert {name: (row["is_exit"], row["state"]) for name, row in nodes.items()} == {
        "jp": (False, "up"),
        "us": (True, "up"),
    }
    lines = {row["line"]: row["state"] for row in answer["lines"]}
    assert lines == {"direct": "up", "ix": "up", "pacific": "up"}
    assert answer["warnings"] == []
    assert answer["vitals"]["up"] >= 0 and answer["vitals"]["memory"]["limit"] == world.running.memory.limit
    assert answer["vitals"]["descriptors"]["used"] > 10
    await client.aclose()


async def used(world: World, *arguments: str) -> int:
    """The exit code of `ingress use`."""
    options = ["use", *arguments, "--admin", str(world.folder / f"{INGRESS}.sock")]
    with trio.fail_after(PATIENCE):
        return await trio.to_thread.run_sync(main, options)


async def test_what_is_asked_for_by_hand_is_done_and_told(make_world: Make, capsys: pytest.CaptureFixture[str]) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    client, _ = await world.pair()
    await until(lambda: _on(world, "direct") + _on(world, "ix/pacific") == 1)
    line, path = ("ix", "ix/pacific") if _on(world, "direct") else ("direct", "direct")
    assert await used(world, line, "--until", "2h") == 0
    assert capsys.readouterr().out.startswith(f"{line} until ")
    await until(lambda: _on(world, path) == 1)  # it has left by plan
    assert (await said(world, ask="why", target="x.example"))["paths"] == [path]
    (told,) = (await said(world, ask="paths"))["wishes"]
    assert told.startswith(f"{line} until ")
    assert [await used(world, "pacifik"), await used(world, line, "--until", "soon")] == [1, 2]
    assert "no path goes over pacifik: did you mean" in (wrong := capsys.readouterr().err) and "--until soon" in wrong
    assert await used(world, "direct", "--for", "ann") == 0
    assert await used(world, "auto") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "direct for ann"
    assert await used(world, "auto") == 1
    assert "in force: direct for ann; say --for WHO, or --all" in capsys.readouterr().err
    for words in ([""], [line, "--until", "0s"], ["--for", "ann"], ["auto", "--until", "1h"], [line, "--all"]):
        assert await used(world, *words) == 2, words
    assert capsys.readouterr().err.count("ingress: use: ") == 5
    with pytest.raises(OperatorError, match="ten years at most"):
        await said(world, ask="use", use="direct", seconds=0)
    assert await used(world, "auto", "--all") == 0
    assert capsys.readouterr().out == "nothing is asked for by hand: the best path, and what rules say\n"
    for seconds in ("5", True):
        with pytest.raises(OperatorError, match="that is no wish"):
            await said(world, ask="use", use="direct", seconds=seconds)
    await client.aclose()


async def test_g7_what_nodes_say_of_themselves_is_shown_with_its_age(
    make_world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.serve.status.EVERY", 0.05)
    world = await make_world(TWO_PATHS).start()
    await world.up()
    client, _ = await world.pair()
    peers = world.running.fleet.peers
    since = world.running.loop.now  # all that is asserted is so by now
    await until(lambda: all((peer.told_at or 0.0) > since for peer in peers.values()))
    await until(lambda: all(peer.told.connected for peer in peers.values()))
    answer = await said(world, ask="paths")
    told = {row["node"]: row["told"] for row in answer["nodes"]}
    assert all(0 <= one["age"] < PATIENCE and one["vitals"]["up"] >= 0 for one in told.values())
    (here,) = told["jp"]["connected"]
    assert (here["ingress"], here["sessions"], here["carriers"]) == (INGRESS, 1, 1) and here["passed_on"] >= 1
    lines = {one["line"]: one for one in told["jp"]["lines"]}
    assert set(lines) == {"ix", "pacific"} and lines["ix"]["bytes_in"] > 0
    assert {one["line"] for one in told["us"]["lines"]} == {"direct", "pacific"}
    assert told["us"]["counters"]["accepted"] >= 2 and "accept_pauses" not in told["us"]["counters"]
    ages = {row["line"]: row["dial_age"] for row in answer["lines"]}
    assert all(0 <= age < PATIENCE for age in ages.values())
    await client.aclose()


async def test_a_node_is_believed_about_its_own_lines_only(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    lies = tuple(LineReport(name, 1.0, carriers=9) for name in ("ix", "direct", "made-up"))
    world.nodes["jp"].sessions.tell_status(status(Status(bytes(8), 0, lies, None, (), {"accepted": 7})))
    await until(lambda: (told := world.running.fleet.peers["jp"].told) is not None and told.counters == {"accepted": 7})
    rows = {row["node"]: row["told"] for row in (await said(world, ask="paths"))["nodes"]}
    assert [one["line"] for one in rows["jp"]["lines"]] == ["ix"]
    assert rows["jp"]["vitals"] is None and rows["jp"]["counters"] == {"accepted": 7}


def _on(world: World, path: str) -> int:
    return world.running.fleet.traffic[path].streams


async def test_why_and_mistakes(make_world: Make) -> None:
    world = await make_world().start()
    await world.up()
    answer = await said(world, ask="why", target="example.com")
    assert (answer["target"], answer["paths"]) == ("example.com:443", ["direct"])
    for target in ("", ":443", "example.com:0", "example.com:https", "a b:1"):
        with pytest.raises(OperatorError, match="no target to explain: "):
            await said(world, ask="why", target=target)


async def test_a_certificate_that_ends_soon_is_told(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.identity.EXPIRY_WARNING", EXPIRY_WARNING + 10 * 365 * 86_400)
    world = await make_world().start()
    await world.up()
    warnings = (await said(world, ask="paths"))["warnings"]
    assert [str(text).partition(" ends on")[0] for text in warnings] == [
        "the certificate of us",
        "the certificate of shanghai",
    ]
    assert all(str(text).endswith(("--renew us`", "--renew shanghai`")) for text in warnings)


async def test_an_older_file_and_a_drain_are_shown(make_world: Make) -> None:
    world = make_world()
    old = world.write(world.text() + '\n[ingress.london]\nlisten = "127.0.0.1:1"\n', "old.toml")
    await world.start("us", config=old)
    await world.start(INGRESS)
    await world.up()
    (node,) = (await said(world, ask="paths"))["nodes"]
    assert (node["stale_config"], node["draining"]) == (True, False)
    client, _ = await world.pair()
    world.nodes["us"].drain()
    await until(lambda: world.running.fleet.peers["us"].is_draining)
    (node,) = (await said(world, ask="paths"))["nodes"]
    assert node["draining"]
    await client.aclose()


@given(st.text())
def test_any_target_is_explained_or_refused(text: str) -> None:
    try:
        host, port = parse_target(text)
    except ValueError:
        return
    json.dumps(to_json(explained(Chooser(["us"]), Demand(host, port), 0.0)))
