"""What `relay status` is told."""

from collections.abc import Callable

from relay.serve.counters import NodeParts
from relay.serve.status import node_status
from relay.wire.status import LineReport
from tests.relay.node.caller import Caller
from tests.world import World, until


async def test_a_node_tells_what_it_holds(make_world: Callable[..., World], nursery) -> None:
    world = await make_world().start("us")
    node = world.nodes["us"]
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    caller.open(await caller.carrier())
    await until(lambda: node.sessions.streams == 1)
    node.reports = [LineReport("direct", 0.0123), LineReport("ix", None, "no answer")]
    parts = NodeParts(caller.loop, [], node)
    told = node_status(parts)
    assert list(told)[:2] == ["version", "node"]
    counts = {name: told[name] for name in ("sessions", "carriers", "streams", "passed_on", "exit", "draining")}
    assert counts == {"sessions": 1, "carriers": 1, "streams": 1, "passed_on": 0, "exit": True, "draining": False}
    assert told["line_dials"] == "direct 12.3 ms, ix no answer"
    assert told["digest"] == node.digest.hex()
    assert str(told["certificate_ends"]).endswith("+00:00")
    node.reports = []
    assert node_status(parts)["line_dials"] == "none yet"
    nursery.cancel_scope.cancel()
