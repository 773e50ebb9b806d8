"""One look-up of a name: its A and AAAA questions, and what the answers to them add up to. Pure: bytes in, bytes out.

Answers are believed only if they repeat a question that is open, with its id. What a server could not answer stays
open, for the next server.
"""

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
from dns.message import QueryMessage

from relay.engine.happy_eyeballs import interleave
from relay.exit.dnscache import FAILURE, Answer
from relay.model.cause import Cause
from relay.model.hosts import parse_literal

MOST_ADDRESSES = 16
"""Of one name: more than anybody has a reason to dial, few enough that an answer of a thousand costs nothing."""
PARTIAL_TTL = 10.0
"""Seconds that addresses of one family are kept when the question for the other got no answer."""

AAAA, A = dns.rdatatype.AAAA, dns.rdatatype.A


class _Question:
    """One family's question, until it is answered."""

    __slots__ = ("addresses", "is_open", "is_refused", "is_truncated", "query", "ttl", "wire")

    def __init__(self, name: str, family: dns.rdatatype.RdataType) -> None:
        # No EDNS: 512 bytes hold the addresses of nearly every name, and every server and middlebox understands it.
        self.query = dns.message.make_query(name, family)
        self.wire = self.query.to_wire()
        self.is_open = True
        self.is_truncated = False
        """The answer did not fit into a datagram: it is to be had over TCP."""
        self.is_refused = False
        """The server that is being asked will not answer it."""
        self.addresses: list[str] = []
        self.ttl = 0.0


class Lookup:
    """The questions for one canonical *name*."""

    def __init__(self, name: str) -> None:
        self._questions = (_Question(name, AAAA), _Question(name, A))
        self._has_failed = False

    @property
    def is_settled(self) -> bool:
        """Both questions are answered."""
        return not any(question.is_open for question in self._questions)

    @property
    def has_addresses(self) -> bool:
        """At least one question brought addresses."""
        return any(question.addresses for question in self._questions)

    @property
    def awaits_datagram(self) -> bool:
        """The server that is being asked may still answer something over UDP."""
        return any(one.is_open and not one.is_truncated and not one.is_refused for one in self._questions)

    def next_server(self) -> list[bytes]:
        """What to send to the next server over UDP: the questions that are open."""
        for question in self._questions:
            question.is_truncated = question.is_refused = False
        return [question.wire for question in self._questions if question.is_open]

    def open_wires(self) -> list[bytes]:
        """What may still be asked of the same server, over TCP."""
        return [question.wire for question in self._questions if question.is_open and not question.is_refused]

    def receive(self, wire: bytes) -> bool:
        """Take one message from the server; what is no answer to an open question is ignored.

        Returns:
            Whether it is one, though perhaps one that says nothing.
        """
        try:
            message = dns.message.from_wire(wire, ignore_trailing=True)
        except dns.exception.DNSException:
            return False
        is_answer = False
        for question in self._questions:
            if isinstance(message, QueryMessage) and question.is_open and question.query.is_response(message):
                self._answer(question, message)
                is_answer = True
        return is_answer

    def answer(self) -> Answer:
        """What is known when no more is asked."""
        families = [question.addresses for question in self._questions]
        addresses = tuple(interleave(*families)[:MOST_ADDRESSES])
        if addresses:
            ttl = min(question.ttl for question in self._questions if question.addresses)
            return Answer(addresses, ttl if self.is_settled else min(ttl, PARTIAL_TTL))
        if self.is_settled:
            return Answer(Cause.NAME_NOT_FOUND, min(question.ttl for question in self._questions))
        # A server that fails says nothing of the name.
        return Answer(Cause.DNS_FAILED if self._has_failed else Cause.DNS_TIMEOUT, FAILURE)

    def _answer(self, question: _Question, message: QueryMessage) -> None:
        if message.flags & dns.flags.TC:
            question.is_truncated = True
            return
        try:
            self._read(question, message)
        except dns.exception.DNSException:  # a CNAME chain without an end, an answer that contradicts itself
            self._refuse(question)

    def _read(self, question: _Question, message: QueryMessage) -> None:
        # A name that "does not exist" may only lack this family: some balancers say so. The other question decides.
        if message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return self._refuse(question)
        chain = message.resolve_chaining()
        texts = [] if chain.answer is None else [rdata.address for rdata in chain.answer]
        question.addresses = _canonical(texts)
        question.ttl = float(chain.minimum_ttl)
        question.is_open = False
        return None

    def _refuse(self, question: _Question) -> None:
        question.is_refused = True
        self._has_failed = True


def _canonical(texts: list[str]) -> list[str]:
    """As `parse_literal` spells them, so that what is judged is what is dialled; IPv4 comes out of its mapping."""
    return [str(ip) for text in texts[:MOST_ADDRESSES] if (ip := parse_literal(text)) is not None]
