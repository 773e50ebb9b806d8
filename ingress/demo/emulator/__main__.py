"""`python -m ingress.demo.emulator CONFIG.json`: emulates the lines of CONFIG until its standard input ends.

CONFIG: {"control": PATH, "lines": {NAME: {"port": 0, "round_trip": 0.03, "jitter": 0.001, "loss": 0, "rate": null}}}.
A line with {"node": PORT} leads to that port of 127.0.0.1; all others are dialled by SOCKS5. One with
{"datagrams": PORT} takes datagrams at its own port to that one. Without "control", nobody can give orders.
It says `ready` and the lines' ports, as JSON, when all of them listen. Whoever started it holds the other end of its
input, so it ends with its parent, however that ends.
"""

import gc
import json
import os
import signal
import sys
import time

from ingress.demo.emulator.control import Control, execute
from ingress.demo.emulator.line import Conditions, EmulatedLine
from ingress.demo.emulator.loop import READ, EmulatorLoop
from ingress.demo.emulator.port import Port


def main() -> None:
    """Run until standard input ends."""
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to the parent, which ends us
    loop = EmulatorLoop(time.perf_counter)
    ports = {name: open_port(loop, name, **line) for name, line in config["lines"].items()}
    if "control" in config:
        Control(loop, config["control"], lambda command: execute(ports, command))

    def on_input(_events: int) -> None:
        if not os.read(0, 4096):
            loop.stop()

    loop.register(0, READ, on_input)
    print("ready", json.dumps({name: port.address[1] for name, port in ports.items()}), flush=True)
    gc.freeze()  # nothing here makes cycles faster than the collector's pauses would cost in precision
    loop.run()


def open_port(
    loop: EmulatorLoop,
    name: str,
    port: int,
    node: int | None = None,
    datagrams: int | None = None,
    **conditions: float | None,
) -> Port:
    """The port of one line of the configuration."""
    leads_to, take = (None if to is None else ("127.0.0.1", to) for to in (node, datagrams))
    return Port(loop, EmulatedLine(name, Conditions(**conditions)), port, leads_to, take)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
