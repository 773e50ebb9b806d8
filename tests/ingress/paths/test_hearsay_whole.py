"""Nodes with good keys that lie, among real sockets and real TLS: about every TRANSIT, about PINGs."""

from collections.abc import Callable
from typing import NoReturn

import pytest

from bench.hostile.peers.carrier import HostileCarrier
from bench.hostile.peers.node import HostileNode
from ingress.measure.faults import REFUSALS, Asked, kind_of
from ingress.serve.answers import node_rows
from relay.node.sessions import RefusedError
from relay.wire import bodies
from relay.wire.codes import Reason
from relay.wire.setup import Hello
from tests.world import INGRESS, TWO_PATHS, Journal, World, read, until

Make = Callable[..., World]


class Liar:
    """What jp answers to every TRANSIT; everything else it does as a relay should."""

    def __init__(self, world: World) -> None:
        self.reason = Reason.OTHER
        self.asked = 0
        world.nodes["jp"]._pass_on = self.answer  # type: ignore[method-assign, assignment]

    async def answer(self, *_: object) -> NoReturn:
        self.asked += 1
        raise RefusedError(self.reason, f"us is gone for good ({self.reason.name})")


async def echo(world: World, client: object, target: object) -> None:
    for near, far in ((client, target), (target, client)):
        await near.send_all(b"word")  # type: ignore[attr-defined]
        assert await read(far, 4) == b"word"  # type: ignore[arg-type]


async def test_c1_a_relay_that_refuses_for_each_reason_in_turn(
    make_world: Make, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.paths.backoff.BACKOFF_MOST", 0.05)
    world = await make_world(TWO_PATHS).start()
    await world.up()
    fleet = world.running.fleet
    liar = Liar(world)
    world.wires["pacific"].cut()
    pairs = [await world.pair() for _ in range(5)]
    session, path = fleet.peers["us"].session, fleet.live["ix/pacific"].monitor.health
    for reason in Reason:
        liar.reason = reason
        await until(lambda reason=reason: f"({reason.name})" in path.reason)
        asked = liar.asked
        await until(lambda asked=asked: liar.asked > asked + 2)
        shown = REFUSALS.get(kind_of(Asked.TRANSIT, reason))
        assert path.word == ("down" if shown is None else shown.value)
        assert path.reason.startswith("jp: ")
        assert {row.node: row.state for row in node_rows(world.running)} == {"jp": "up", "us": "up"}
        assert fleet.peers["us"].session is session
        for client, target in pairs:
            await echo(world, client, target)
    assert not journal.of("session-forgotten") and not journal.of("exit-lost")


async def test_c4_an_exit_that_answers_before_it_is_asked_has_no_round_trip(make_world: Make, journal: Journal) -> None:
    world = make_world()

    def answer_early(carrier: HostileCarrier, _: Hello) -> None:
        carrier.say(*(bodies.pong(number) for number in range(1, 100)))
        carrier.is_closed()

    with HostileNode(world.keys, "us", ("127.0.0.1", world.ports["us"]), answer_early) as node:
        await world.start(INGRESS)
        lost = await journal.until("carrier-lost", INGRESS, path="direct")
        assert lost["why"] == "protocol error: a PONG for what was not asked, or was answered before"
        assert world.running.fleet.live["direct"].monitor.pings.samples == 0
        assert node.welcomed >= 1
