"""Associations of clients on real sockets; the exits behind them are echoes."""

import contextlib
import ipaddress
import socket
from collections.abc import Callable

import trio

from ingress.choice.chooser import Chooser
from ingress.choice.wishes import Wishes
from ingress.client.allowances import Allowances
from ingress.client.association import ClientAssociation
from ingress.client.associations import ClientAssociations
from ingress.client.client_accounts import ClientAccounts
from ingress.client.flows import AssociationClient
from ingress.doors.datagram import address_bytes
from ingress.quota.tallies import KeptTallies
from ingress.usage.usage import Usage
from relay.engine import Loop
from tests.ingress.client.client_bed import TWO_EXITS, WALL, make_config
from tests.ingress.client.counterparts import Echoes

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
TARGET = address_bytes("9.9.9.9", 53)
NAMED = b"\x03\x0btarget.test\x00\x35"
PATIENCE = 20.0
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


class Bed:
    """Associations to two exits, of which us is the nearer; whose clients send from sockets of their own."""

    def __init__(self, loop: Loop, stack: contextlib.ExitStack, **config: object) -> None:
        self.stack = stack
        self.chooser = Chooser(["us", "eu"])
        self.chooser.rank(TWO_EXITS, loop.now)
        self.network = Echoes(["us", "eu"])
        self.usage = Usage(lambda: WALL)
        self.accounts = ClientAccounts(self.usage, sites=True)
        self.allowances = Allowances(loop, KeptTallies(lambda: WALL))
        wishes = config.pop("wishes", None)
        assert isinstance(wishes, Wishes | None)
        given = make_config(TWO_EXITS, **config)
        self.all = ClientAssociations(
            loop, self.chooser, self.network, self.accounts, self.allowances, given, wishes=wishes
        )
        self.evicted: list[str] = []

    def begin(self, client: str = HERE, *, local: str = HERE, port: int = 0, user: str = "") -> ClientAssociation:
        who = AssociationClient(client, user)
        found = self.all.add(local, who, port, lambda: self.evicted.append(who.owner))
        assert found is not None
        self.stack.callback(found[0].close)
        return found[0]

    def client(self, to: ClientAssociation | None = None, address: str = HERE) -> socket.socket:
        sock = self.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.bind((address, 0))
        sock.setblocking(False)
        if to is not None:
            sock.connect(to.bound)
        return sock


Make = Callable[..., Bed]


async def heard(sock: socket.socket) -> bytes:
    with trio.fail_after(PATIENCE):
        await trio.lowlevel.wait_readable(sock)
    return sock.recv(65536)


async def counted(condition: Callable[[], object]) -> None:
    with trio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what arrives makes no event here
            await trio.sleep(0.002)
