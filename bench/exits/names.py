"""A name server of the bed, on the address that is its argument: all of siteN.test is at NETWORK.N."""

import socket
import sys

import dns.message
import dns.rdatatype
import dns.rrset

NETWORK = "198.51.101."
TTL = 60
"""Seconds."""


def answer(wire: bytes) -> bytes:
    """To one question."""
    question = dns.message.from_wire(wire)
    asked = question.question[0]
    found = dns.message.make_response(question)
    number = str(asked.name).split(".")[-3].removeprefix("site")
    if asked.rdtype == dns.rdatatype.A and number.isdigit():
        found.answer.append(dns.rrset.from_text(asked.name, TTL, "IN", "A", NETWORK + number))
    return found.to_wire()


def main() -> None:
    """Answer until killed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((sys.argv[1], 53))
        while True:
            wire, client = sock.recvfrom(4096)
            sock.sendto(answer(wire), client)


if __name__ == "__main__":
    main()
