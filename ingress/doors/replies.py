"""One table for all doors: why a client's connection failed, and how each protocol says it.

SOCKS5 codes are from RFC 1928 section 6, SOCKS4 knows only "rejected", `error` is a Proxy-Status error type
(RFC 9209 section 2.3). A client of one door learns as much as a client of another.
"""

from http import HTTPStatus
from typing import Final, NamedTuple

from relay.model.cause import Cause

SOCKS4_GRANTED: Final = 0x5A
SOCKS4_REJECTED: Final = 0x5B

RETRY_AFTER: Final = 5
"""Seconds after which asking again may help when no path is up: as long as a new stream waits for one by itself."""


class Reply(NamedTuple):
    """How one cause is told."""

    socks5: int
    status: HTTPStatus
    error: str
    text: str
    """What happened and what to do, for the page."""
    socks4: int = SOCKS4_REJECTED


_LOST = "The connection to the target was lost on the way. Try again."
_BAD_GATEWAY = HTTPStatus.BAD_GATEWAY
_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE


def _lost(text: str = _LOST) -> Reply:
    return Reply(1, _BAD_GATEWAY, "connection_terminated", text)


REPLIES: Final[dict[Cause, Reply]] = {
    Cause.POLICY: Reply(
        2,
        HTTPStatus.FORBIDDEN,
        "destination_ip_prohibited",
        "The exit does not connect to this address (private, local or reserved). If it should, add the range to "
        "`allow` of that node, with a reason.",
    ),
    Cause.NO_ROUTE: Reply(
        3, _BAD_GATEWAY, "destination_ip_unroutable", "The exit has no route to the target's network."
    ),
    Cause.HOST_UNREACHABLE: Reply(
        4, _BAD_GATEWAY, "destination_ip_unroutable", "The target's host cannot be reached from the exit."
    ),
    Cause.NAME_NOT_FOUND: Reply(4, _BAD_GATEWAY, "dns_error", "The target's name does not exist. Check the name."),
    Cause.DNS_FAILED: Reply(
        4, _BAD_GATEWAY, "dns_error", "The exit's name servers failed to look the target's name up. Try again."
    ),
    Cause.DNS_TIMEOUT: Reply(
        4, HTTPStatus.GATEWAY_TIMEOUT, "dns_timeout", "The exit's name servers did not answer in time. Try again."
    ),
    Cause.REFUSED: Reply(
        5, _BAD_GATEWAY, "connection_refused", "The target refused the connection: nothing listens on that port."
    ),
    Cause.CONNECT_TIMEOUT: Reply(
        6, HTTPStatus.GATEWAY_TIMEOUT, "connection_timeout", "The target did not answer the exit in time."
    ),
    Cause.TARGET_RESET: Reply(
        5, _BAD_GATEWAY, "connection_terminated", "The target ended the connection before it answered."
    ),
    Cause.NO_PATH: Reply(
        3,
        _UNAVAILABLE,
        "destination_unavailable",
        "No path to an exit is up. `ingress paths` shows which line or node is to blame.",
    ),
    Cause.LIMIT: Reply(
        1, _UNAVAILABLE, "connection_limit_reached", "The ingress is at its limit of streams or memory. Try again."
    ),
    Cause.ALLOWANCE: Reply(
        1,
        HTTPStatus.TOO_MANY_REQUESTS,
        "connection_limit_reached",
        "This proxy allows you no more connections at once. Close some, and try again.",
    ),
    Cause.DENIED: Reply(2, HTTPStatus.FORBIDDEN, "http_request_denied", "A rule of this proxy denies it."),
    Cause.DROPPED: Reply(2, HTTPStatus.FORBIDDEN, "http_request_denied", "A rule of this proxy denies it."),
    Cause.LOOP: Reply(
        2, _BAD_GATEWAY, "proxy_loop_detected", "The target is this proxy itself. Check the address you asked for."
    ),
    Cause.CLIENT_RESET: _lost(),
    Cause.EXIT_LOST: _lost("The exit that held this connection is gone. Try again: another one will be used."),
    Cause.SESSION_EXPIRED: _lost(),
    Cause.HALF_CLOSED_IDLE: _lost("One side had ended the connection and the other was silent for too long."),
    Cause.DRAINING: _lost("The exit is being restarted. Try again: another one will be used."),
    Cause.GONE: _lost(),
    Cause.ENDED: _lost("Somebody who looks after this proxy has ended the connection."),
    Cause.SHUTDOWN: _lost("The ingress is being stopped."),
    Cause.PROTOCOL: Reply(1, _BAD_GATEWAY, "http_protocol_error", "The answer from the other side was not valid."),
    Cause.INTERNAL: Reply(
        1,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "proxy_internal_error",
        "The ingress made a mistake of its own; its log says more.",
    ),
}


RULED: Final[dict[Cause, str]] = {
    Cause.DENIED: "It is {rule}.",
    Cause.NO_PATH: 'Only the exits that {rule} names may take it; with else = "any" others may, too.',
}
"""What is said besides where a rule decided."""


def socks5_reply(code: int, bound: bytes = b"\x01\x00\x00\x00\x00\x00\x00") -> bytes:
    """A whole reply (RFC 1928 section 6), also for errors: clients wait for all of it. *bound* is BND with its type;
    by itself it is 0.0.0.0:0."""
    return b"\x05%c\x00%b" % (code, bound)


def socks4_reply(code: int) -> bytes:
    """A whole reply: eight bytes, of which clients of CONNECT read only the second."""
    return b"\x00%c\x00\x00\x00\x00\x00\x00" % code
