"""D3: however many strangers and clients fail, the log is some lines and a count, and everybody else is served."""

import contextlib
import socket
import ssl
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from relay.log import LINES_AT_ONCE, LINES_BACK, MINUTE
from tests.network.clients import PATIENCE, open_socks5, reset
from tests.network.network import INGRESS, Network, until
from tests.network.test_certificates import context

pytestmark = pytest.mark.network
STRANGERS = 1_000
REFUSED = 3_000


def of_event(network: Network, node: str, name: str) -> list[dict[str, Any]]:
    return [event for event in network.log(node) if event["event"] == name]


def allowed(lines: list[dict[str, Any]]) -> int:
    """How many *lines* of one event may have been written from the first of them to the last, on any machine: with each
    minute that began meanwhile, some more."""
    first, last = (datetime.fromisoformat(lines[at]["time"]) for at in (0, -1))
    return LINES_AT_ONCE + LINES_BACK * (1 + int((last - first).total_seconds() // MINUTE))


def test_d3_a_thousand_certificates_of_others_are_some_lines_at_a_node(network: Network) -> None:
    before = len(of_event(network, "us-dmit", "set-up-failed"))
    made = context(ssl.PROTOCOL_TLS_CLIENT, network.folder, "stranger")
    for _ in range(STRANGERS):
        sock = socket.create_connection(("127.0.0.1", network.ports["us-dmit"]), timeout=PATIENCE)
        with contextlib.suppress(ssl.SSLError, ConnectionError), made.wrap_socket(sock) as secure:
            secure.recv(1)  # until it was refused
        sock.close()
    until(lambda: len(of_event(network, "us-dmit", "set-up-failed")) > before)
    told = of_event(network, "us-dmit", "set-up-failed")[before:]
    assert len(told) <= allowed(told)
    assert network.get("/bytes/10") == network.get("/bytes/10")


def test_d3_three_thousand_refused_streams_are_some_lines_at_the_ingress(network: Network) -> None:
    log = Path(network.folder / f"{INGRESS}.log")
    size, before = log.stat().st_size, len(of_event(network, INGRESS, "stream-refused"))
    for _ in range(REFUSED):
        sock = socket.create_connection(network.proxy, timeout=PATIENCE)
        with pytest.raises(ConnectionError) as refused:
            open_socks5(sock, "10.0.0.1", 443)
        assert refused.value.args == (2,)
        reset(sock)
    told = of_event(network, INGRESS, "stream-refused")[before:]
    assert 0 < len(told) <= allowed(told)
    assert {event["target"] for event in told} == {"10.0.0.1:443"}
    assert log.stat().st_size - size < 20_000
    assert network.paths()["counters"]["log_lines_left_out"] >= REFUSED - allowed(told)
    assert network.get("/bytes/10")
