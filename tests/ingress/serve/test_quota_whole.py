"""Quotas of a running ingress: a line becomes a backup, then carries nothing new; a user is refused, and slowed down;
what a seller says counts; a restart and a reload keep what was counted."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from ingress.serve import quota_keeping
from relay.errors import OperatorError
from tests.ingress.serve.test_answers_whole import said
from tests.world import INGRESS, TWO_PATHS, Journal, World, reply, until

Make = Callable[..., World]
BLOCK = 100_000
Tell = Callable[..., Any]


def with_quota(world: World, quota: str, spare: str = "\nbackup = true", extra: str = "") -> World:
    """*quota* on the line `direct`; the other path is a backup, so that nothing takes it while direct does."""
    text = world.text().replace("[line.direct]", f"[line.direct]\nquota = {{ {quota} }}")
    world.write(text.replace("[line.pacific]", f"[line.pacific]{spare}") + extra)
    return world


@pytest.fixture(autouse=True)
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_keeping, "EVERY", 0.02)


async def send(client: trio.SocketStream, target: trio.SocketStream, amount: int) -> None:
    for _ in range(amount // BLOCK):
        await client.send_all(bytes(BLOCK))
        received = 0
        while received < BLOCK:
            received += len(await target.receive_some(BLOCK))


async def quota(world: World) -> dict[str, Any]:
    (line,) = [row for row in (await said(world, ask="paths"))["lines"] if row["line"] == "direct"]
    found = line["quota"]
    assert isinstance(found, dict)
    return found


def riding(world: World) -> set[str]:
    return {name for name, live in world.running.fleet.live.items() if live.streams}


async def test_a_line_becomes_a_backup_and_then_carries_nothing_new_and_streams_go_on(
    make_world: Make, journal: Journal
) -> None:
    world = with_quota(make_world(TWO_PATHS), 'amount = "2MB", day = 5, over = "stop", zone = "Asia/Tokyo"')
    await world.start()
    await until(lambda: all(world.word(path) == "up" for path in world.running.fleet.live))
    await until(lambda: world.running.keeper.is_open)
    client, target = await world.pair()
    await until(lambda: riding(world) == {"direct"})
    await send(client, target, 1_000_000)
    await until(lambda: world.running.quotas.lines.tallies["direct"].used > 1e6)
    found = await quota(world)
    assert found["effect"] == "none" and found["used"] < 1.5e6 and found["ends_on"].endswith("-05")
    assert (await said(world, ask="quota", line="direct", used=1_850_000))["quota"]["effect"] == "backup"
    told = await journal.until("quota-near", INGRESS)
    assert (told["line"], told["amount"], told["effect"]) == ("direct", 2_000_000, "backup")
    report = await said(world, ask="paths")
    assert any("the quota of line direct is nearly used, until" in warning for warning in report["warnings"])
    await until(lambda: world.running.fleet.live["direct"].is_backup)
    assert riding(world) == {"direct"}  # it stays: what rides is not touched
    await send(client, target, 300_000)
    await journal.until("quota-used", INGRESS)
    await until(lambda: riding(world) == {"ix/pacific"})
    await send(client, target, 500_000)
    assert (await quota(world))["effect"] == "closed"
    fresh, accepted = await world.pair()
    await send(fresh, accepted, 100_000)
    assert riding(world) == {"ix/pacific"}
    answer = await said(world, ask="usage", by="line")
    assert answer["quotas"]["direct"]["fraction"] > 1 and answer["owners"] == []
    await said(world, ask="quota", line="direct", used=0)
    await journal.until("quota-fresh", INGRESS)
    again, _ = await world.pair()
    await until(lambda: "direct" in riding(world))
    await again.aclose()


async def test_what_has_no_other_path_is_reset_after_a_while(make_world: Make, journal: Journal) -> None:
    world = make_world(TWO_PATHS[:1], extra='[limits]\ndrain = "300ms"')
    await with_quota(world, 'amount = "1MB", over = "stop"').start()
    await world.up()
    client, target = await world.pair()
    await said(world, ask="quota", line="direct", used=1_000_000)
    told = await journal.until("streams-ended", INGRESS, path="direct")
    assert told["count"] == 1 and "the quota of line direct is used" in told["why"]
    with pytest.raises(trio.BrokenResourceError):
        await client.receive_some(1)
    await target.aclose()


async def test_a_restart_goes_on_counting_and_a_reload_goes_by_the_new_file(make_world: Make) -> None:
    world = with_quota(make_world(TWO_PATHS), 'amount = "1GB", day = 5')
    await world.start()
    await until(lambda: world.running.keeper.is_open)
    await said(world, ask="quota", line="direct", used=950_000_000)
    await world.kill(INGRESS)
    await world.start(INGRESS)
    await until(lambda: world.running.keeper.is_open)
    found = await quota(world)
    assert found["used"] >= 950_000_000 and found["effect"] == "backup"
    with_quota(world, 'amount = "2GB", day = 6')
    await said(world, ask="reload")
    found = await quota(world)
    assert found["effect"] == "none" and found["amount"] == 2e9 and found["used"] >= 950_000_000
    world.write()
    await said(world, ask="reload")
    assert not [row for row in (await said(world, ask="paths"))["lines"] if row["quota"] is not None]
    with pytest.raises(OperatorError, match="no line has a quota; write one"):
        await said(world, ask="quota", line="direct", used=1)


async def test_what_cannot_be_set_is_said(make_world: Make) -> None:
    world = with_quota(make_world(TWO_PATHS), 'amount = "1GB", day = 5')
    world.write((world.folder / "paths.toml").read_text().replace("[line.ix]", '[line.ix]\nquota = { counts = "p95" }'))
    await world.start()
    with pytest.raises(OperatorError, match=r'no line "dirct" with a quota; did you mean "direct"\?'):
        await said(world, ask="quota", line="dirct", used=1)
    with pytest.raises(OperatorError, match="line ix is billed by its 95th percentile"):
        await said(world, ask="quota", line="ix", used=1)
    for used in (-1, 1.5, "1GB", True, None, 10**19):
        with pytest.raises(OperatorError, match="used: is a whole number of bytes"):
            await said(world, ask="quota", line="direct", used=used)


async def test_a_clock_that_was_wrong_is_warned_of_until_the_seller_is_asked(make_world: Make) -> None:
    world = with_quota(make_world(TWO_PATHS), 'amount = "1GB", day = 5')
    await world.start()
    await until(lambda: world.running.keeper.is_open)
    quotas = world.running.quotas
    right = quotas.tallies.wall
    quotas.tallies.wall = lambda: right() + 400 * 86400
    quotas.look()
    quotas.tallies.wall = right
    quotas.look()
    (warning,) = (await said(world, ask="paths"))["warnings"]
    assert warning.startswith("the clock stands before 20") and "ingress usage set direct" in warning
    await said(world, ask="quota", line="direct", used=5_000_000)
    assert (await said(world, ask="paths"))["warnings"] == []


ALLOWANCE = '\n[[allowance]]\nclient = "127.0.0.1"\nquota = { amount = "%s", each = "day" }\n'


async def test_who_has_used_a_quota_is_refused_and_slowed_down_until_there_is_another(
    make_world: Make, journal: Journal
) -> None:
    world = make_world(TWO_PATHS[:1], extra=ALLOWANCE % "500kB")
    await world.start()
    await world.up()
    client, target = await world.pair()
    await send(client, target, 600_000)
    told = await journal.until("allowance-used-up", INGRESS)
    assert (told["owner"], told["what"]) == ("127.0.0.1", "quota")
    assert await reply(await world.ask()) == 1
    assert len(journal.of("allowance-used-up")) == 1
    (owner,) = (await said(world, ask="usage"))["owners"]
    assert (owner["subject"], owner["effect"]) == ("127.0.0.1", "slow") and owner["used"] >= 600_000
    (stream,) = world.running.accounts.streams
    assert stream.owner is not None and stream.owner.buckets is not None and stream.owner.buckets.up is not None
    assert stream.owner.buckets.up.rate == 8000.0
    world.extra = ALLOWANCE % "10MB"
    world.write()
    await said(world, ask="reload")
    await send(client, target, 300_000)
    assert await reply(await world.ask()) == 0
    assert stream.owner.buckets is None
