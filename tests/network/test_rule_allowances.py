"""What allowances hold back, through real processes: streams, associations, and what runs already."""

import contextlib
import json
import socket
import threading

import pytest

from tests.network.clients import PATIENCE, receive
from tests.network.network import until
from tests.network.rules_place import RulesPlace
from tests.network.udp_place import UdpClient

pytestmark = pytest.mark.network
CHILD, OTHER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"


def allowance(*lines: str, client: str = CHILD) -> str:
    return "\n".join(["[[allowance]]", f'client = "{client}"', *lines])


def refusal(ruled: RulesPlace, door: str, client: str = CHILD) -> str:
    """How one more stream of *client* is refused; empty if it is not."""
    try:
        with ruled.dial(door, client=client) as sock:
            if door == "plain":
                host = f"target.test:{ruled.target.port}"
                sock.sendall(f"GET http://{host}/ HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                status = sock.recv(65536).split(b" ")[1].decode()
                return "" if status == "200" else status
            sock.sendall(b"x")
            receive(sock, 4)
            return ""
    except ConnectionError as error:
        return str(error)


def test_streams_are_bounded_for_each_or_for_all_together(ruled: RulesPlace) -> None:
    ruled.reload(allowance("streams = 2"))
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(ruled.dial(client=CHILD))
        told = {door: refusal(ruled, door) for door in ("socks5", "socks4", "connect", "plain")}
        assert told == {"socks5": "1", "socks4": "91", "connect": "429", "plain": "429"}
        assert "closed" in (told := refusal(ruled, "forward")) or "reset" in told
        assert refusal(ruled, "socks5", OTHER) == ""
    until(lambda: refusal(ruled, "socks5") == "")
    ruled.reload(allowance("streams = 2", "together = true", client="127.0.0.0/30"))
    with ruled.dial(client=CHILD), ruled.dial(client=OTHER):
        assert [refusal(ruled, "socks5", client) for client in (CHILD, OTHER, THIRD)] == ["1", "1", ""]
    events = [json.loads(line) for line in (ruled.folder / "shanghai.log").read_text().splitlines()]
    assert any(event["event"].startswith("allowance") for event in events)


def test_associations_are_bounded(ruled: RulesPlace) -> None:
    ruled.reload(allowance("associations = 1", client="127.0.0.1"))
    with contextlib.closing(UdpClient(ruled.proxy)) as first:
        assert first.code == 0
        with contextlib.closing(ruled.udp("forward")) as sender:
            sender.ask(b"senders at forwards are not counted")
        assert asked_once_more(ruled) == 1
        ruled.reload(allowance("associations = 2", client="127.0.0.1"))
        with contextlib.closing(UdpClient(ruled.proxy)) as third:
            assert third.code == 0


def asked_once_more(ruled: RulesPlace) -> int:
    """The code of the answer to one more UDP ASSOCIATE."""
    with socket.create_connection(ruled.proxy, PATIENCE) as sock:
        sock.sendall(b"\x05\x01\x00")
        receive(sock, 2)
        sock.sendall(b"\x05\x03\x00\x01\0\0\0\0\0\0")
        return receive(sock, 2)[1]


class Download:
    """An echo of zeros that never ends, as fast as it goes; `had` is what has come."""

    def __init__(self, ruled: RulesPlace, client: str) -> None:
        self.had = 0
        self._sock = ruled.dial(client=client)
        self._sock.sendall(b"x")
        receive(self._sock, 4)
        self._threads = [threading.Thread(target=each) for each in (self._send, self._take)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._sock.sendall(bytes(65536))

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._sock.recv(65536):
                self.had += len(data)

    def close(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._sock.close()


def test_a_rate_that_is_lowered_under_a_download_holds_that_back_and_nobody_else(ruled: RulesPlace) -> None:
    ruled.reload()
    with (
        contextlib.closing(Download(ruled, CHILD)) as child,
        contextlib.closing(Download(ruled, OTHER)) as other,
    ):
        until(lambda: min(child.had, other.had) > 3_000_000)
        ruled.reload(allowance('rate = "80kbit/s"'))
        begun = other.had
        until(lambda: other.had > begun + 5_000_000)  # what was under way has come
        child_had, other_had = child.had, other.had
        until(lambda: other.had > other_had + 20_000_000)
        assert child.had - child_had < 1_000_000
        ruled.reload()
        until(lambda: child.had > child_had + 5_000_000)


def test_a_rate_holds_datagrams_back_and_drops_what_would_be_late(ruled: RulesPlace) -> None:
    ruled.reload(allowance('rate = "64kbit/s"', client="127.0.0.1"))
    with contextlib.closing(ruled.udp("associate")) as sender:
        sender.ask(b"one by one they pass")
        before = ruled.counter("datagrams_over_rate")
        for number in range(200):
            sender.send(b"%d" % number * 400)
        until(lambda: ruled.counter("datagrams_over_rate") > before)
        ruled.reload()
        sender.ask(b"and all do again")
