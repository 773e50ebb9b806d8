"""Name servers of our own, over UDP and TCP, that answer as they are told."""

import socket
from collections import Counter
from collections.abc import Callable
from typing import Literal

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trio

from relay.exit.resolver import ResolveError, Resolver
from relay.model.cause import Cause
from relay.model.network import Address

ANYWHERE = Address("127.0.0.1", 0)
BOTH = ("2001:200::1", "198.51.100.1")


Reply = dns.message.Message | None


class DnsServer:
    """Answers over UDP and TCP at one loopback port with what *answer* makes of the question; None is silence.

    *udp* is what becomes of datagrams: answered, swallowed, or refused because nobody listens. Over TCP it answers
    *each* questions of a connection, then closes it, and *strips* what says that an answer is cut short.
    """

    def __init__(
        self,
        answer: Callable[[dns.message.Message], Reply],
        *,
        udp: Literal["answered", "swallowed", "refused"] = "answered",
        each: int = 1,
        strips: bool = True,
    ) -> None:
        self.answer = answer
        self.asked: Counter[str] = Counter()
        """Over UDP."""
        self.over_tcp = 0
        self.connections = 0
        self._udp = udp
        self._each = each
        self._strips = strips

    async def _open(self, at: Address) -> tuple[trio.SocketListener, trio.socket.SocketType]:
        """A port that is free for both; of those that are free for TCP, the rarer luck, some are taken for UDP."""
        while True:
            (tcp,) = await trio.open_tcp_listeners(at.port, host=at.host)
            udp = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                if self._udp != "refused":
                    await udp.bind(tcp.socket.getsockname())
            except OSError:
                udp.close()
                await tcp.aclose()
                if at.port:
                    raise
            else:
                return tcp, udp

    async def serve(
        self, at: Address = ANYWHERE, *, task_status: trio.TaskStatus[Address] = trio.TASK_STATUS_IGNORED
    ) -> None:
        tcp, udp = await self._open(at)
        host, port = tcp.socket.getsockname()
        with udp:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.serve_listeners, self._serve_tcp, [tcp])
                task_status.started(Address(host, port))
                while self._udp != "refused":
                    wire, client = await udp.recvfrom(4096)
                    query = dns.message.from_wire(wire)
                    self.asked[query.question[0].name.to_text(omit_final_dot=True)] += 1
                    if self._udp == "answered" and (reply := self.answer(query)) is not None:
                        await udp.sendto(reply.to_wire(), client)

    async def _serve_tcp(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        for _ in range(self._each):
            if not (length := await stream.receive_some(2)):
                return
            reply = self.answer(dns.message.from_wire(await stream.receive_some(int.from_bytes(length, "big"))))
            self.over_tcp += 1
            if reply is not None:
                if self._strips:
                    reply.flags &= ~dns.flags.TC
                wire = reply.to_wire()
                await stream.send_all(len(wire).to_bytes(2, "big") + wire)


def knows(query: dns.message.Message, ttl: int = 60, flags: int = 0) -> dns.message.Message:
    """Every name has the same two addresses."""
    reply = dns.message.make_response(query)
    reply.flags |= flags
    question = query.question[0]
    text = "2001:200::1" if question.rdtype == dns.rdatatype.AAAA else "198.51.100.1"
    reply.answer.append(dns.rrset.from_text(question.name, ttl, "IN", question.rdtype, text))
    return reply


def fails(query: dns.message.Message, rcode: dns.rcode.Rcode = dns.rcode.SERVFAIL) -> dns.message.Message:
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    return reply


def is_silent(query: dns.message.Message) -> None:
    """A black hole that counts."""


async def start(nursery: trio.Nursery, *servers: DnsServer) -> Resolver:
    addresses = [await nursery.start(server.serve) for server in servers]
    return Resolver(nursery, addresses, {"known.example": ("192.0.2.1",)})


async def cause_of(resolver: Resolver, host: str) -> Cause:
    with pytest.raises(ResolveError) as caught:
        await resolver.resolve(host)
    return caught.value.cause
