"""How long the dial of each of a node's own lines takes: once a minute, and told to every ingress (STATUS)."""

import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
import trio

from relay.dial.socks import dial, read_secret
from relay.errors import OperatorError
from relay.model.walk import Hop

EVERY = 60.0
"""Seconds between two dials of a line."""
TIMEOUT = 5.0
"""Seconds after which a dial has failed."""


@attrs.frozen
class LineDial:
    """The last dial of one line: the seconds it took, or the error; and when it ended, on trio's clock."""

    line: str
    took: float | None
    error: str | None
    at: float


async def keep_dialling(hops: Callable[[], Iterable[Hop]], base: Path, tell: Callable[[list[LineDial]], None]) -> None:
    """Dial every line that starts here, now and every minute; runs until cancelled. *hops* is asked anew each time."""
    while True:
        dials: list[LineDial] = []
        async with trio.open_nursery() as nursery:
            for hop in hops():
                nursery.start_soon(_dial_once, hop, base, dials)
        tell(dials)
        await trio.sleep(EVERY)


async def _dial_once(hop: Hop, base: Path, dials: list[LineDial]) -> None:
    try:
        sock, took = await dial_hop(hop, base, TIMEOUT)
    except (OSError, OperatorError) as error:
        dials.append(LineDial(hop.line.name, None, str(error), trio.current_time()))
    else:
        sock.close()
        dials.append(LineDial(hop.line.name, took, None, trio.current_time()))


async def dial_hop(hop: Hop, base: Path, timeout: float) -> tuple[socket.socket, float]:
    """Dial the line of *hop* as its start does. Secrets are read from beside *base*."""
    proxy = hop.line.proxy
    password = read_secret(proxy.password, base) if proxy is not None and proxy.password is not None else None
    return await dial(hop.address, timeout, proxy, password)
