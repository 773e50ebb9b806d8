"""G7: what a node tells of itself, to `relay status` and to its ingresses, is what is so."""

import json
import os
import resource
from collections.abc import AsyncIterator, Callable

import attrs
import pytest
import trio

from relay.dial.lines import LineDial
from relay.engine import Loop
from relay.model.cause import Cause
from relay.model.vitals import ConnectedIngress, LineReport
from relay.node.accounts import Accounts
from relay.serve import status as module
from relay.serve.counters import NodeParts, node_counters
from relay.serve.status import answer_status, node_status
from relay.serve.vitals import process_vitals
from relay.session.window import MemoryStatistics
from relay.wire.frames import HEADER_SIZE, Kind
from relay.wire.setup import Refused
from relay.wire.status import LONGEST_OWN, parse_status, status
from relay.wire.vitals import LARGEST_COUNT
from tests.relay.node.caller import Caller, asked, secured, transit
from tests.world import INGRESS, TWO_PATHS, World, read, until


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    return await make_world(TWO_PATHS).start("jp", "us")


@pytest.fixture
async def caller(world: World, nursery: trio.Nursery) -> AsyncIterator[Caller]:
    made = Caller(world, "us")
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


def parts_of(world: World, node: str) -> NodeParts:
    found = world.nodes[node]
    return NodeParts(found._loop, Accounts(100), found, [], found._loop.now - 5.0)


def lines_of(world: World, node: str) -> dict[str, LineReport]:
    return {report.line: report for report in world.nodes[node].lines()}


async def test_a_node_tells_what_it_holds(world: World, caller: Caller) -> None:
    caller.open(await caller.carrier())
    await until(lambda: world.nodes["us"].sessions.streams == 1)
    told = answer_status(parts_of(world, "us"))
    assert list(told)[:2] == ["version", "node"]
    counts = {name: told[name] for name in ("sessions", "carriers", "streams", "passed_on", "exit", "draining")}
    assert counts == {"sessions": 1, "carriers": 1, "streams": 1, "passed_on": 0, "exit": True, "draining": False}
    assert told["digest"] == world.nodes["us"].digest.hex()
    assert str(told["certificate_ends"]).endswith("+00:00")
    shown = json.loads(json.dumps(told))
    assert shown["connected"] == [{"ingress": INGRESS, "sessions": 1, "carriers": 1, "streams": 1, "passed_on": 0}]
    assert shown["vitals"]["memory"] == {"used": 0, "limit": 100}


async def test_bytes_are_counted_on_the_lines_by_which_they_come_and_go(world: World, caller: Caller) -> None:
    link = await caller.carrier(via="jp")
    stream, _ = caller.open(link)
    stream.write(b"x" * 5000)
    target = await world.target.accept()
    await read(target, 5000)
    passed = lines_of(world, "jp")
    assert [(one.carriers, one.bytes_in > 5000) for one in passed.values()] == [(1, True), (1, False)]
    assert passed["pacific"].bytes_out == passed["ix"].bytes_in and passed["pacific"].bytes_in == passed["ix"].bytes_out
    assert world.nodes["jp"].connected() == [ConnectedIngress(INGRESS, passed_on=1)]
    ended = lines_of(world, "us")
    assert set(ended) == {"direct", "pacific"}
    assert (ended["direct"].carriers, ended["pacific"].carriers) == (1, 0)  # the caller says that it came by "direct"
    assert ended["direct"].bytes_in == link.end.bytes_out > 5000
    link.close("enough")
    await until(lambda: not world.nodes["jp"].transits and not world.nodes["us"].sessions.carriers)
    kept = attrs.evolve(lines_of(world, "us")["direct"], carriers=1, sent=None)
    assert kept == attrs.evolve(ended["direct"], sent=None)
    assert lines_of(world, "jp")["ix"].bytes_in >= passed["ix"].bytes_in
    assert lines_of(world, "jp")["ix"].carriers == 0


async def test_what_a_node_sends_is_told_by_line_and_stays_when_connections_end(world: World, caller: Caller) -> None:
    link = await caller.carrier(via="jp")
    stream, _ = caller.open(link)
    stream.write(b"x" * 50_000)
    await read(await world.target.accept(), 50_000)
    passed = {name: one.sent for name, one in lines_of(world, "jp").items()}
    there, back = passed["pacific"], passed["ix"]
    assert there is not None and back is not None and there.delivered > 50_000 > back.delivered > 0
    assert there.lost == back.lost == 0 and there.least is not None and there.rate is not None
    link.close("enough")
    await until(lambda: not world.nodes["jp"].transits and not world.nodes["us"].sessions.carriers)
    ended = lines_of(world, "jp")["pacific"].sent
    assert ended is not None and ended == ended.counts and ended.segments >= there.segments
    answer = lines_of(world, "us")["direct"].sent  # the caller says that it came by "direct"
    assert answer is not None and answer.segments > 0 and answer.rate is None


async def test_a_dial_has_an_age(world: World) -> None:
    node = world.nodes["jp"]
    await until(lambda: node.dials)
    node.note_dials([LineDial("pacific", 0.0123, None, node._loop.now - 7.0), LineDial("gone", 1.0, None, 0.0)])
    pacific = lines_of(world, "jp")["pacific"]
    assert pacific.dial == 0.0123 and pacific.age == pytest.approx(7.0, abs=2.0)
    node.note_dials([LineDial("pacific", None, "no answer", node._loop.now)])
    assert lines_of(world, "jp")["pacific"].error == "no answer"
    assert "gone" not in lines_of(world, "jp")


async def test_refusals_and_failures_are_counted_by_reason(world: World, caller: Caller) -> None:
    async with secured(world, "jp") as tls:
        assert isinstance(await asked(tls, transit(world, "no-such-line")), Refused)
    told = node_status(parts_of(world, "jp"))
    assert told.refusals == {"unknown_line": 1}
    _, sink = caller.open(await caller.carrier(), host="169.254.169.254", port=80)
    await until(lambda: sink.cause is Cause.POLICY)
    assert node_status(parts_of(world, "us")).failures == {"policy": 1}


async def test_every_ingress_is_told_again_and_again(
    make_world: Callable[..., World], nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.02)
    world = await make_world().start("us")
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    await caller.carrier()
    await until(lambda: sum(kind == Kind.STATUS for kind, _ in caller.notices) > 2)
    told = parse_status(await caller.hears(Kind.STATUS))
    assert told.vitals is not None and told.vitals.memory is not None and told.vitals.memory.limit == 256 * 1024 * 1024
    assert (told.counters["accepted"], told.connected[0].ingress) == (1, INGRESS)
    nursery.cancel_scope.cancel()


async def test_all_counters_fit_however_far_they_have_come(world: World) -> None:
    parts = parts_of(world, "us")
    full = attrs.evolve(node_status(parts), counters=dict.fromkeys(node_counters(parts), LARGEST_COUNT), lines=())
    assert set(parse_status(status(full)[HEADER_SIZE:]).counters) == set(node_counters(parts))
    assert len(status(full)) <= HEADER_SIZE + LONGEST_OWN


async def test_vitals_are_those_of_this_process() -> None:
    loop, memory = Loop(), MemoryStatistics(limit=100, started=4, used=3, denied=0)
    vitals = process_vitals(loop, memory, loop.now - 60.0)
    assert vitals.up == pytest.approx(60.0, abs=5.0)
    assert vitals.resident is not None and 10_000_000 < vitals.resident < 10**11
    assert vitals.cpu is not None and vitals.cpu > 0
    assert vitals.memory is not None and (vitals.memory.used, vitals.memory.limit) == (7, 100)
    before = vitals.descriptors
    other = Loop()
    after = process_vitals(loop, memory, 0.0).descriptors
    assert before is not None and after is not None and after.used > before.used and after.limit >= after.used
    loop.close()
    other.close()


async def test_a_process_without_a_free_descriptor_tells_what_it_can() -> None:
    """An exit whose descriptors targets had used up ended because it could not look at its memory."""
    loop = Loop()
    before, taken = resource.getrlimit(resource.RLIMIT_NOFILE), os.dup(0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken, before[1]))
    try:
        vitals = process_vitals(loop, MemoryStatistics(limit=100, started=4, used=3, denied=0), loop.now)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        os.close(taken)
        loop.close()
    assert vitals.resident is None and vitals.descriptors is not None and vitals.descriptors.limit == taken
