"""Where a hop's datagrams go."""

import socket

import pytest

from relay.dial.udp import udp_address
from relay.model.network import Address, Line
from relay.model.walk import Hop

LINE = Line("ix", "shanghai", "jp", Address("127.0.0.1", 9))


async def asked(udp: Address | bool) -> tuple[object, ...] | None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sock:
        line = Line("ix", "shanghai", "jp", Address(*server.getsockname()), udp=udp)
        found = await udp_address(Hop(line, "shanghai", "jp", line.address), sock)
        return found if found != server.getsockname() else ("where it was dialled",)


async def test_they_go_where_the_dial_went() -> None:
    assert await asked(True) == ("where it was dialled",)


async def test_or_where_the_line_says() -> None:
    assert await asked(Address("127.0.0.1", 4321)) == ("127.0.0.1", 4321)


async def test_or_nowhere() -> None:
    assert await asked(False) is None


async def test_a_name_without_an_address_is_an_error() -> None:
    with pytest.raises(OSError):
        await asked(Address("no-such-name.invalid", 1))
