"""SIGTERM: no newcomers, streams may end, then exit code 0. A second one ends at once."""

import signal
import socket

import pytest

from tests.network.clients import PATIENCE, http_over
from tests.network.network import Network, second_ingress, until

pytestmark = pytest.mark.network


def test_an_ingress_lets_its_streams_end_and_ends(breakable: Network) -> None:
    with second_ingress(breakable) as (network, process), network.connect() as sock:
        http = http_over(sock)
        process.send_signal(signal.SIGTERM)
        until_refused(network)
        http.request("POST", "/echo", b"still here")
        assert http.getresponse().read() == b"still here"
        assert process.poll() is None
        sock.close()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once_and_resets_what_is_left(breakable: Network, number: signal.Signals) -> None:
    with second_ingress(breakable) as (network, process), network.connect() as sock:
        process.send_signal(number)
        until_refused(network)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def until_refused(network: Network) -> None:
    """Until it listens no more."""

    def is_refused() -> bool:
        try:
            socket.create_connection(network.proxy, timeout=PATIENCE).close()
        except (ConnectionRefusedError, ConnectionResetError):
            return True
        return False

    until(is_refused)


def test_a_relay_ends_with_a_good_code_when_all_have_left(breakable: Network) -> None:
    breakable.signal("jp-one", signal.SIGTERM)
    assert breakable.get("/bytes/1000")
    assert breakable.wait("jp-one") == 0
    events = [event["event"] for event in breakable.log("jp-one")]
    assert events[-1] == "node-stopped" and "drain-started" in events
