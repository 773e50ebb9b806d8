"""One path kept alive: redials that back off, carriers for bulk that are bounded, and nothing left of a session."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import trio

from ingress.measure.faults import FaultKind, SetupFault
from ingress.paths import bulk
from ingress.paths import live as live_module
from ingress.paths.backoff import BACKOFF_FIRST, BACKOFF_MOST, longer
from ingress.paths.dial import Opened, SetupFailed, open_carrier
from ingress.paths.live import MOST_BULK
from ingress.paths.peer import Peer
from relay.model.walk import Path
from relay.wire.codes import Purpose
from relay.wire.setup import Hello
from tests.world import DIRECT, INGRESS, TWO_PATHS, Journal, World, is_reset, read, until

Make = Callable[..., World]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each path would have waited before its next attempt; in truth it waits a thousandth of that."""
    noted: list[float] = []

    def note(backoff: float) -> float:
        noted.append(longer(1000 * backoff))
        return noted[-1] / 1000

    monkeypatch.setattr("ingress.paths.backoff.longer", note)
    return noted


async def test_a_dead_line_is_dialled_less_and_less(make_world: Make, waits: list[float]) -> None:
    await make_world(is_wired=False).start(INGRESS)
    await until(lambda: len(waits) >= 10)
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]
    assert max(waits) == BACKOFF_MOST


async def test_a_carrier_that_never_lives_long_is_dialled_less_and_less(
    make_world: Make, journal: Journal, waits: list[float]
) -> None:
    """Its set-up succeeds each time: only its short life can slow the redials down."""
    world = await make_world().start()
    for number in range(1, 5):
        await until(lambda number=number: len(journal.of("carrier-up", INGRESS)) >= number)
        world.wires["direct"].cut()
        await until(lambda number=number: len(waits) >= number)
    assert waits[:4] == [0.1, 0.2, 0.4, 0.8]


async def test_a_node_that_has_just_shown_that_it_is_back_is_dialled_at_once(
    make_world: Make, journal: Journal, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses the session of before its restart; after that nobody waits out the backoff of its absence."""
    told: list[int] = []
    forgot = Peer.forgot
    monkeypatch.setattr(Peer, "forgot", lambda peer, token: (told.append(len(waits)), forgot(peer, token)))
    world = await make_world(is_wired=False).start()
    await world.up()
    ups = len(journal.of("carrier-up", INGRESS))
    await world.kill("us")
    await until(lambda: len(waits) >= 8)
    await world.start("us")
    await until(lambda: len(journal.of("carrier-up", INGRESS)) > ups)
    assert told == [len(waits) - 1]  # no attempt failed between that word and the carrier


async def test_a_spare_for_bulk_is_kept_and_its_number_is_bounded(make_world: Make) -> None:
    world = await make_world().start()
    await world.up()
    direct = world.running.fleet.live["direct"]
    await until(lambda: direct.spare() is not None)
    direct.bulk += [direct.bulk[0]] * (MOST_BULK - 1)
    for link in direct.bulk:
        link.end.legs = {1: None}  # type: ignore[dict-item]
    direct.want_spare()
    assert not direct.spares.is_dialling
    direct.bulk[:] = direct.bulk[:1]
    direct.bulk[0].end.legs = {}


async def test_a_refused_spare_is_not_asked_for_at_every_round(
    make_world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    tried: list[object] = []

    async def refuse_bulk(path: Path, hello: Hello, *others: Any) -> Opened:
        if hello.purpose is Purpose.BULK:
            tried.append(trio.current_time())
            raise SetupFailed(SetupFault(FaultKind.OTHER, 0, "us has no room", said_by="us"))
        return await open_carrier(path, hello, *others)

    monkeypatch.setattr(live_module, "open_carrier", refuse_bulk)
    monkeypatch.setattr("ingress.paths.fleet.ROUND", 0.01)
    await world.start()
    await until(lambda: len(tried) >= 3)
    backoff = world.running.fleet.live["direct"].spares.backoff
    assert backoff >= 4 * BACKOFF_FIRST


async def test_a_silent_bulk_carrier_is_closed(
    make_world: Make, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await make_world().start()
    await world.up()
    direct = world.running.fleet.live["direct"]
    await until(lambda: direct.spare() is not None)
    spare = direct.spare()
    assert spare is not None
    spare.end.heard_at -= 10
    direct.ping_bulk(-1, spares=False)
    assert spare in direct.bulk  # nothing was asked, and nobody need say anything
    direct.ping_bulk(-2, spares=True)
    assert spare in direct.bulk
    direct._bulk_pings = dict.fromkeys(direct._bulk_pings, direct._loop.now - 10)
    direct.ping_bulk(-3, spares=False)
    assert spare not in direct.bulk
    await journal.until("carrier-lost", "test", why="silent")
    assert direct.thin is not None


async def test_a_restarted_exit_is_known_and_nothing_of_its_session_is_left(make_world: Make, journal: Journal) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    client, _ = await world.pair()
    peer = world.running.fleet.peers["us"]
    old = peer.session
    await world.kill("us")
    await world.start("us")
    assert await is_reset(client)
    assert (await journal.until("session-forgotten", INGRESS))["streams"] == 1
    assert peer.session is not old
    assert old.carriers == {}
    client, target = await world.pair()
    await client.send_all(b"anew")
    assert await read(target, 4) == b"anew"
    live = world.running.fleet.live.values()
    assert all(link.end.session is each.peer.session for each in live for link in each.links)


async def test_carriers_of_another_session_are_dropped(make_world: Make) -> None:
    """One process is asked and says that it knows nothing, while others of the same name still answer."""
    world = await make_world(TWO_PATHS).start()
    await world.up()
    client, _ = await world.pair()
    peer = world.running.fleet.peers["us"]
    peer.forgot(peer.session.token)
    assert await is_reset(client)
    await world.pair()
    live = world.running.fleet.live.values()
    assert all(link.end.session is peer.session for each in live if each.peer is peer for link in each.links)


async def test_a_removed_path_leaves_nothing_behind(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingress.paths.fleet.DRAIN_REMOVED", 0.0)
    world = await make_world(TWO_PATHS).start()
    await world.up()
    await until(lambda: all(each.spare() for each in world.running.fleet.live.values() if not each.is_prefix))
    running = world.running
    fds = len(os.listdir("/proc/self/fd"))
    world.write(world.text(DIRECT))
    await running.reloads.reload()
    await until(lambda: world.nodes["jp"].sessions.carriers == 0 and not world.nodes["jp"].transits)
    await until(lambda: len(os.listdir("/proc/self/fd")) < fds)
    assert set(running.fleet.live) == {"direct"}
    accepted = world.wires["ix"].accepted
    world.wires["direct"].cut()
    await until(lambda: running.fleet.live["direct"].thin is not None)
    assert world.wires["ix"].accepted <= accepted + 1  # the dial time, once a minute


# ---- bulk


async def test_bulk_gets_a_carrier_of_its_own_and_gives_it_back(
    make_world: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CALM_SECONDS", 1)
    world = await make_world().start()
    await world.up()
    direct = world.running.fleet.live["direct"]
    await until(lambda: direct.spare() is not None)
    client, target = await world.pair()
    (stream,) = direct.peer.session.streams.values()
    is_bulk: list[bool] = []

    async def send() -> None:
        while not any(is_bulk):
            await target.send_all(bytes(1 << 20))

    async def receive() -> None:
        while not any(is_bulk):
            await client.receive_some(1 << 20)
            is_bulk.append(any(leg.carrier.is_bulk for leg in stream.legs))

    with trio.move_on_after(15):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            nursery.start_soon(send)
    assert any(is_bulk)

    async def drop() -> None:
        while True:
            await client.receive_some(1 << 20)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(drop)
        await until(lambda: not stream.legs[0].carrier.is_bulk)
        nursery.cancel_scope.cancel()
    assert len(direct.bulk) >= 1
