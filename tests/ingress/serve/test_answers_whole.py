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
from ingress.report.rows import to_json
from ingress.report.why import explain
from relay.admin.client import ask
from relay.errors import OperatorError
from relay.identity import EXPIRY_WARNING
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
    await client.aclose()


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
    json.dumps(to_json(explain(Chooser(["us"]), Demand(host, port), 0.0)))
