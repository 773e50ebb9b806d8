"""Runs a demo network for the tests, until its input ends: as `ingress demo` does, with other lines if asked.

`python host.py [LINES EXITS]`, both JSON; prints what a test needs to know, as JSON, when every path has had its time.
At its control socket it obeys two orders more than the demo: `pid NODE`, and `wait NODE`, answered with its exit code.
"""

import json
import sys
from collections.abc import Iterable

import trio

from ingress.demo.control import serve_control
from ingress.demo.network import EXITS, REFERENCE, DemoLine
from ingress.demo.running import Demo, run_demo


async def order(demo: Demo, text: str) -> str:
    """The answer to an order."""
    verb, _, node = text.partition(" ")
    if verb == "pid":
        return str(demo.processes[node].pid)
    if verb == "wait":
        return str(await demo.processes[node].wait())
    return await demo.order(text)


async def main(lines: Iterable[DemoLine], exits: Iterable[str]) -> None:
    async with trio.open_nursery() as nursery, run_demo(lines, exits) as demo:
        network = demo.network
        await nursery.start(serve_control, network.control, lambda text: order(demo, text))
        told = {
            "folder": str(network.folder),
            "control": str(network.control),
            "admin": str(network.admin),
            "ports": dict(network.ports),
            "nodes": list(network.nodes),
            "lines": [line.name for line in network.lines],
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        async with trio.lowlevel.FdStream(0) as parent:
            while await parent.receive_some():
                pass
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    given = [json.loads(argument) for argument in sys.argv[1:]]
    lines, exits = given or (None, EXITS)
    trio.run(main, REFERENCE if lines is None else [DemoLine(**line) for line in lines], exits)
