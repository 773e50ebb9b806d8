"""`… LISTEN LINE NODE`: forwards a port over an emulated line, for programs that cannot dial its SOCKS5 port."""

import sys
from functools import partial

import trio

from bench.survive.route import Refused, Route
from bench.survive.target import READ
from bench.topology import HOST


async def forward(client: trio.SocketStream, line: Route, node: tuple[str, int]) -> None:
    """One connection, until both its ways have ended or one broke."""
    async with client:
        try:
            async with await line.open(node) as onward, trio.open_nursery() as nursery:
                nursery.start_soon(pump, client, onward)
                await pump(onward, client)
        except* (OSError, Refused, trio.BrokenResourceError, trio.ClosedResourceError):
            client.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # it broke: RST


async def pump(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    """All bytes of one way, and its end."""
    while data := await source.receive_some(READ):
        await sink.send_all(data)
    await sink.send_eof()


async def main(listen: int, line: int, node: int) -> None:
    """Until killed."""
    serve = partial(forward, line=Route(HOST, line), node=(HOST, node))
    await trio.serve_tcp(serve, listen, host=HOST)


if __name__ == "__main__":
    listen, line, node = map(int, sys.argv[1:])
    trio.run(main, listen, line, node)
