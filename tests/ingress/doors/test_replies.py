"""The table of replies: complete, and row by row what was agreed."""

from http import HTTPStatus

import pytest

from ingress.doors.door import DoorSettings
from ingress.doors.pages import ENDS, Manner, cause_page, password_page
from ingress.doors.replies import REPLIES
from relay.model.cause import Cause

AGREED = {
    Cause.POLICY: (2, 403, "destination_ip_prohibited"),
    Cause.NO_ROUTE: (3, 502, "destination_ip_unroutable"),
    Cause.HOST_UNREACHABLE: (4, 502, "destination_ip_unroutable"),
    Cause.NAME_NOT_FOUND: (4, 502, "dns_error"),
    Cause.DNS_TIMEOUT: (4, 504, "dns_timeout"),
    Cause.DNS_FAILED: (4, 502, "dns_error"),
    Cause.REFUSED: (5, 502, "connection_refused"),
    Cause.CONNECT_TIMEOUT: (6, 504, "connection_timeout"),
    Cause.TARGET_RESET: (5, 502, "connection_terminated"),
    Cause.NO_PATH: (3, 503, "destination_unavailable"),
    Cause.LIMIT: (1, 503, "connection_limit_reached"),
    Cause.ALLOWANCE: (1, 429, "connection_limit_reached"),
    Cause.DENIED: (2, 403, "http_request_denied"),
    Cause.DROPPED: (2, 403, "http_request_denied"),
    Cause.LOOP: (2, 502, "proxy_loop_detected"),
    Cause.INTERNAL: (1, 500, "proxy_internal_error"),
}
SETTINGS = DoorSettings(needs_password=True, proxy_url="x", pseudonym="shanghai")


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_its_row(cause: Cause) -> None:
    reply = REPLIES[cause]
    assert (reply.socks5, reply.status, reply.error) == AGREED.get(cause, (1, 502, reply.error))
    assert reply.socks4 == 0x5B and reply.text


@pytest.mark.parametrize("cause", Cause)
def test_h12_h65_pages_name_the_error_for_programs(cause: Cause) -> None:
    head, _, body = cause_page(cause, SETTINGS, ENDS).partition(b"\r\n\r\n")
    assert f"Proxy-Status: shanghai; error={REPLIES[cause].error}".encode() in head.split(b"\r\n")
    assert (b"Retry-After: 5" in head) == (cause == Cause.NO_PATH)
    assert b"X-Content-Type-Options: nosniff" in head and b"text/plain" in head
    assert b"Content-Length: %d" % len(body) in head
    assert cause_page(cause, SETTINGS, Manner(head_only=True)).partition(b"\r\n\r\n")[::2] == (head, b"")


def test_the_rule_that_decided_is_named_on_the_page() -> None:
    assert b"It is rule ads." in cause_page(Cause.DENIED, SETTINGS, ENDS, "rule ads")
    assert b"Only the exits that rule 2 (line 9) names" in cause_page(Cause.NO_PATH, SETTINGS, ENDS, "rule 2 (line 9)")
    assert b"rule" not in cause_page(Cause.REFUSED, SETTINGS, ENDS, "rule ads")


def test_h23_browsers_are_asked_for_the_password() -> None:
    head = password_page(Manner(close=False)).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 407 ") and HTTPStatus(407).phrase.encode() in head
    assert b'Proxy-Authenticate: Basic realm="ingress", charset="UTF-8"' in head.split(b"\r\n")
