"""The load generator tells the truth: it counts what it did, and notices a wrong byte."""

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator

import pytest

from bench import load
from bench.topology import HOST, free_ports

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")

MIB = 1 << 20
PORTS = free_ports()


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    address = f"{HOST}:{next(PORTS)}"
    with load.started("target", address):
        yield address


def test_connections_are_counted_and_timed(target: str) -> None:
    result = load.connections(f"direct:{target}", target, 200, 16)
    assert (result["count"], result["errors"]) == (200, 0)
    assert 0 < result["least"] <= result["p50"] <= result["p99"] <= result["most"]


def test_nobody_there_is_an_error_each() -> None:
    nowhere = f"{HOST}:{next(PORTS)}"
    assert load.connections(f"direct:{nowhere}", nowhere, 20, 4)["errors"] == 20


@pytest.mark.parametrize("direction", ["down", "up"])
@pytest.mark.parametrize("streams", [1, 3])
def test_bulk_moves_the_bytes_it_was_asked_for(target: str, direction: str, streams: int) -> None:
    assert load.bulk(direction, f"direct:{target}", target, 6 * MIB, streams)["bytes"] == 6 * MIB


@pytest.mark.parametrize("direction", ["down", "up"])
def test_one_wrong_byte_fails_the_stream(target: str, direction: str) -> None:
    with CorruptingForwarder(target) as entry, pytest.raises(load.Failed, match=r"1 of 1 streams failed \(wrong bytes"):
        load.bulk(direction, f"direct:{entry}", target, 4 * MIB, 1)


def test_idle_streams_stand_until_they_are_let_go(target: str) -> None:
    holder = load.Child("idle", f"direct:{target}", target, 50)
    try:
        assert load.parse(holder.line()) == {"opened": 50, "failed": 0}
        assert [load.parse(holder.ask("echo")) for _ in range(2)] == [{"answered": 50}] * 2
        assert holder.process.poll() is None
    finally:
        holder.end()


@pytest.mark.parametrize(
    "arguments",
    [("conns",), ("conns", "direct:nowhere", "127.0.0.1:1", 1, 1), ("bulk", "down", "x", "y", 1, 1), ("what",)],
)
def test_wrong_usage_says_so(arguments: tuple[object, ...]) -> None:
    with pytest.raises(load.Failed):
        load.run(*arguments)


def as_pair(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


class CorruptingForwarder:
    """Forwards one connection and flips one bit, one mebibyte into each direction."""

    def __init__(self, target: str) -> None:
        self._target = as_pair(target)

    def __enter__(self) -> str:
        self._server = socket.create_server((HOST, 0))
        self._sockets = [self._server]
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()
        return f"{HOST}:{self._server.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._threads[0].join()
        for thread in self._threads[1:]:
            thread.join()
        for sock in self._sockets:
            sock.close()

    def _serve(self) -> None:
        client, _ = self._server.accept()
        far = socket.create_connection(self._target)
        self._sockets += [client, far]
        for pair in ((client, far), (far, client)):
            self._threads.append(threading.Thread(target=self._forward, args=pair))
            self._threads[-1].start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        moved = 0
        with contextlib.suppress(OSError):
            while data := bytearray(source.recv(65536)):
                if moved <= MIB < moved + len(data):
                    data[MIB - moved] ^= 1
                moved += len(data)
                sink.sendall(data)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def udp_target() -> Iterator[str]:
    address = f"{HOST}:{next(PORTS)}"
    with load.started("udp-target", address):
        yield address


def test_paced_datagrams_come_back(udp_target: str) -> None:
    result = load.datagrams("paced", f"direct:{udp_target}", udp_target, 3, 20, 100, 1)
    assert result["sent"] == pytest.approx(60, abs=3) and result["got"] == result["sent"]
    assert 0 < result["p50"] <= result["p95"] <= result["p99"]


@pytest.mark.parametrize("kind", ["up", "down"])
def test_bulk_datagrams_are_counted_where_they_arrive(udp_target: str, kind: str) -> None:
    result = load.datagrams(kind, f"direct:{udp_target}", udp_target, 1, 64, 1200, 1)
    assert 0 < result["got"] <= result["sent"]


def test_datagrams_that_nobody_answers_are_lost() -> None:
    nowhere = f"{HOST}:{next(PORTS)}"
    assert load.datagrams("paced", f"direct:{nowhere}", nowhere, 1, 20, 100, 1)["got"] == 0
