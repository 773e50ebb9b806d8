"""`python -m ingress.demo.target PORT [EXIT=ADDRESS]...`: serves until its standard input ends.

It listens on 127.0.0.1 and on each exit's ADDRESS, and echoes datagrams there. Each exit knows the target's name by an
address of its own, which tells the target who came. PORT 0 takes any; `ready PORT` is said when it listens.
"""

import signal
import socket
import sys
from collections.abc import Mapping
from functools import partial

import trio

from ingress.demo.target.conversation import Conversation
from ingress.demo.target.echo import echo
from ingress.demo.target.report import TargetCounts

BACKLOG = 1024
"""Connections the kernel holds for us: a thousand streams at once must not be refused by the target."""


async def serve(stream: trio.SocketStream, report: TargetCounts, exits: Mapping[str, str]) -> None:
    """Serve one connection, and count it."""
    exit_name = exits.get(stream.socket.getsockname()[0])
    report.begin_connection(exit_name)
    try:
        async with stream:
            await Conversation(stream, report, exit_name).serve()
    finally:
        report.end_connection()


def listen(port: int, addresses: list[str]) -> list[trio.SocketListener]:
    """Listen on the same port of all *addresses*."""
    listeners: list[trio.SocketListener] = []
    for address in addresses:
        sock = socket.create_server((address, port), backlog=BACKLOG)
        port = sock.getsockname()[1]
        listeners.append(trio.SocketListener(trio.socket.from_stdlib_socket(sock)))
    return listeners


async def main(port: int, exits: Mapping[str, str]) -> None:
    """Serve until standard input ends. *exits*: names by address."""
    listeners = listen(port, ["127.0.0.1", *exits])
    handler = partial(serve, report=TargetCounts(), exits=exits)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, handler, listeners)
        taken = listeners[0].socket.getsockname()[1]
        nursery.start_soon(echo, taken, {"127.0.0.1": None, **exits})
        print("ready", taken, flush=True)
        async with trio.lowlevel.FdStream(0) as parent:
            while await parent.receive_some():
                pass
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C goes to the parent, which ends us
    named = [argument.split("=", 1) for argument in sys.argv[2:]]
    trio.run(main, int(sys.argv[1]), {address: name for name, address in named})
