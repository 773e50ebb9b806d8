"""`/metrics` of a running ingress, and its nodes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingress.serve.answers import make_report
from tests.ingress.serve.test_web_whole import TOKEN, with_page
from tests.ingress.web.visitor import Visit
from tests.world import TWO_PATHS, World, until

Make = Callable[..., World]
ROOT = Path(__file__).parents[3]
NOT_YET = {"ingress_line_loss_ratio", "ingress_path_datagram_loss_ratio", "ingress_node_refusals_total"}
"""What a network that has just begun, and in which nothing went wrong, has no samples of."""


async def up(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> tuple[World, Visit]:
    monkeypatch.setattr("relay.serve.status.EVERY", 0.05)
    world, port = with_page(make_world, lines=TWO_PATHS)
    world.write(world.text().replace("[line.ix]", "[line.ix]\nquota = { amount = '1TB', each = 'month', day = 5 }"))
    await world.start()
    await world.up()
    peers = world.running.fleet.peers
    await until(lambda: all(peer.clock_leads and peer.told.connected for peer in peers.values()))
    return world, Visit(port, {"authorization": f"Bearer {TOKEN}"})


async def scraped(visit: Visit) -> dict[str, dict[str, float]]:
    """By name, then by the labels, written out."""
    got = await visit.get("/metrics")
    assert got.status == 200 and got.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(got.body.decode())
    found: dict[str, dict[str, float]] = {}
    for sample in (sample for family in families for sample in family.samples):
        found.setdefault(sample.name, {})[" ".join(sample.labels.values())] = sample.value
    return found


async def test_what_rules_and_dashboard_ask_for_is_in_a_real_scrape(
    make_world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, visit = await up(make_world, monkeypatch)
    client, _ = await world.pair()
    cut = await world.pair()
    await cut[0].aclose()
    await until(lambda: sum(world.running.opener.open_times.counts) == 2)
    await until(lambda: all(row.late is not None for row in make_report(world.running).lines))
    found = await scraped(visit)
    asked = {
        name
        for file in ("prometheus-rules.yml", "grafana.json")
        for name in re.findall(r"\bingress_[a-z0-9_]+", (ROOT / "deploy" / file).read_text())
    }
    lost = {"ingress_streams_lost_total", "ingress_path_streams_lost_total"}  # once one is lost
    assert asked - set(found) <= NOT_YET | lost
    assert sum(found["ingress_line_state"][f"{line} up"] for line in ("direct", "ix", "pacific")) == 3
    assert found["ingress_open_seconds_count"][""] == 2 and found["ingress_streams_opened_total"][""] == 2
    assert all(abs(offset) < 30 for offset in found["ingress_node_clock_offset_seconds"].values())
    assert found["ingress_node_certificate_expiry_timestamp_seconds"].keys() == {"us", "jp"}
    again = (await scraped(visit))["ingress_path_bytes_total"]
    assert all(again[one] >= count > 0 for one, count in found["ingress_path_bytes_total"].items())
    await client.aclose()


async def test_reloads_are_counted(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world, visit = await up(make_world, monkeypatch)
    assert (await scraped(visit))["ingress_reloads_total"] == {"done": 0, "refused": 0}
    await visit.ask("POST", "/api/v1/reload")
    world.write("nonsense")
    await visit.ask("POST", "/api/v1/reload")
    assert (await scraped(visit))["ingress_reloads_total"] == {"done": 1, "refused": 1}


async def test_nobody_without_the_token_sees_them(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    _, visit = await up(make_world, monkeypatch)
    stranger = Visit(visit.port)
    assert [(await stranger.get(path)).status for path in ("/metrics", "/api/v1/nodes")] == [401, 401]


async def test_nodes_and_what_is_held(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world, visit = await up(make_world, monkeypatch)
    nodes = {row["node"]: row for row in (await visit.get("/api/v1/nodes")).json()["nodes"]}
    assert nodes["us"]["told"]["vitals"]["time"] > 1.7e9 and abs(nodes["us"]["clock_offset"]) < 30
    world.running.holding.hold("ix", 60.0, force=True)
    assert (await scraped(visit))["ingress_line_held"] == {"direct": 0, "ix": 1, "pacific": 0}


async def test_a_clock_that_is_far_off_is_warned_of(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world, _ = await up(make_world, monkeypatch)
    peers = world.running.fleet.peers
    assert make_report(world.running).warnings == []
    for name, lead in (("us", 7200.0), ("jp", -90.0)):
        peers[name].clock_leads.clear()
        peers[name].clock_leads.append(lead)  # until the next STATUS, which is not read before this is over
    told = make_report(world.running).warnings
    assert any(said.startswith("the clock of us is 2 h ahead of this machine's") for said in told)
    assert any(said.startswith("the clock of jp is 1 min 30 s behind this machine's") for said in told)
