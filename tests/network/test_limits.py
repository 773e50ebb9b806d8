"""At a limit, newcomers are refused or wait, what lives goes on: descriptors, streams, memory. And nothing leaks."""

import contextlib
import json
import os
import resource
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.network.clients import PATIENCE, open_socks5, open_socks5_as, receive, reset
from tests.network.files import with_entry, with_table
from tests.network.network import DOWN, INGRESS, PASSWORD, Network, second_ingress, until
from tests.network.places import drop_everything

pytestmark = pytest.mark.network
FEW = 64
"""Descriptors of a process that runs out of them."""
ABORTS = 10_000
SPARE = 16 * 2**20
"""Bytes by which a process may be larger afterwards: what its allocator keeps, far below a kilobyte per connection."""


class Echo:
    """A stream that lives."""

    def __init__(self, network: Network) -> None:
        self.sock = network.connect()
        self.sock.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n")
        self._until_heard(b"ping")

    def _until_heard(self, word: bytes) -> None:
        heard = b""
        while word not in heard:
            heard += receive(self.sock, 1)

    def speak(self) -> None:
        """It must be answered."""
        self.sock.sendall(b"4\r\npong\r\n")
        self._until_heard(b"pong")


@pytest.fixture
def keep() -> Iterator[Callable[[socket.socket], socket.socket]]:
    """Closes what it was given, at the end."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def kill(network: Network, exit_: str) -> None:
    """Until the ingress knows: it would try to open there what the other exit is slow with."""
    network.order(f"kill {exit_}")
    network.until(lambda answer: all(path["state"] in DOWN for path in answer["paths"] if path["exit"] == exit_))


def test_an_ingress_without_descriptors_pauses_accepting_and_serves_whom_it_has(breakable: Network) -> None:
    with second_ingress(breakable, "sh", "-c", f'ulimit -n {FEW}; exec "$@"', "sh") as (network, process):
        echo = Echo(network)
        waiting = []
        for _ in range(2 * FEW):
            waiting.append(socket.create_connection(network.proxy, timeout=PATIENCE))
            waiting[-1].sendall(ask_for(network.target))  # at once: who asks for nothing makes room for the next
        before = processor_seconds(process.pid)
        paused = network.folder / "second.log"
        until(lambda: "accept-paused" in paused.read_text())
        for _ in range(20):
            echo.speak()
        assert processor_seconds(process.pid) - before < 1
        waiting[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            waiting[-1].recv(1)
        for sock in waiting[:-1]:
            sock.close()
        waiting[-1].settimeout(PATIENCE)
        assert receive(waiting[-1], 2) == b"\x05\x00"  # its turn has come
        waiting[-1].close()
        echo.speak()
        echo.sock.close()
        assert paused.read_text().count("accept-paused") == 1


def test_d5_d6_an_ingress_without_descriptors_keeps_its_carriers_and_its_admin_socket(
    breakable: Network, keep: Callable[[socket.socket], socket.socket]
) -> None:
    with second_ingress(breakable, "sh", "-c", 'ulimit -Sn 128; ulimit -Hn 256; exec "$@"', "sh") as (network, _):
        log = network.folder / "second.log"
        assert "nofile=256/256 (raised from 128)" in log.read_text()
        for _ in range(300):
            keep(socket.create_connection(network.proxy, timeout=PATIENCE)).sendall(ask_for(network.target))
        until(lambda: "accept-paused" in log.read_text())
        assert network.paths()["counters"]["newcomers_evicted"] == 0
        breakable.kill("jp-one")
        network.until(lambda answer: states(answer)["ix-one/one-one"] not in ("up", "held"))
        breakable.start("jp-one")
        network.until(lambda answer: states(answer)["ix-one/one-one"] in ("up", "held"))
        assert log.read_text().count("accept-paused") == 1


def test_an_exit_without_descriptors_refuses_and_serves_whom_it_has(
    breakable: Network, keep: Callable[[socket.socket], socket.socket]
) -> None:
    kill(breakable, "us-two")
    echo, pid = Echo(breakable), breakable.pid("us-one")
    keep(echo.sock)
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid) + 5, limits[1]))
    with pytest.raises(ConnectionError):
        for _ in range(20):
            echo_target(breakable, keep)
    echo.speak()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    echo_target(breakable, keep)
    echo.speak()


def test_d1_strangers_without_a_password_shut_no_user_out(
    breakable: Network, keep: Callable[[socket.socket], socket.socket]
) -> None:
    with second_ingress(breakable, "sh", "-c", 'ulimit -n 256; exec "$@"', "sh") as (network, _):
        add_user(network)
        strangers = []
        for _ in range(213):
            sock = keep(socket.create_connection(network.proxy, timeout=PATIENCE, source_address=("127.0.0.9", 0)))
            sock.sendall(b"GET http://t/ HTTP/1.1\r\nHost: t\r\n\r\n")
            strangers.append(sock)
        sock = keep(socket.create_connection(network.proxy, timeout=PATIENCE))
        open_socks5_as(sock, *network.target, "alice", PASSWORD)
        sock.sendall(b"GET /bytes/10 HTTP/1.1\r\nHost: t\r\n\r\n")
        assert receive(sock, 12) == b"HTTP/1.1 200"
        assert network.paths()["counters"]["strangers_evicted"] == 213 - 32
        assert "accept-paused" not in (network.folder / "second.log").read_text()


def test_d1_silent_clients_of_an_ingress_without_users_shut_nobody_out(
    breakable: Network, keep: Callable[[socket.socket], socket.socket]
) -> None:
    with second_ingress(breakable, "sh", "-c", 'ulimit -n 256; exec "$@"', "sh") as (network, _):
        echo = Echo(network)
        keep(echo.sock)
        for _ in range(300):
            keep(socket.create_connection(network.proxy, timeout=PATIENCE))
        echo_target(network, keep)
        echo.speak()
        assert network.paths()["counters"]["newcomers_evicted"] == 301 - 128
        assert "accept-paused" not in (network.folder / "second.log").read_text()


def ask_for(target: tuple[str, int]) -> bytes:
    """All that a SOCKS5 client says, at once."""
    host = target[0].encode()
    return b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host + target[1].to_bytes(2, "big")


def add_user(network: Network) -> None:
    """From now on its second ingress asks for passwords."""
    network.config.write_text(with_entry(network.config.read_text(), f"[ingress.{INGRESS}]", 'users = "users.toml"'))
    for words in (["user", "add", "alice", "--password-stdin"], ["reload", "--admin", network.admin]):
        done = network.run("ingress", *words, input=f"{PASSWORD}\n")
        assert done.returncode == 0, done.stderr


def test_d5_targets_that_do_not_answer_leave_an_exit_its_carriers_and_its_admin_socket(
    breakable: Network, keep: Callable[[socket.socket], socket.socket]
) -> None:
    kill(breakable, "us-two")
    echo, pid = Echo(breakable), breakable.pid("us-one")
    keep(echo.sock)
    before, told, limits = refused(breakable), shortages(breakable), resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = descriptors(pid) + 96
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    hole = keep(socket.socket())
    hole.bind(("127.0.0.1", 0))
    drop_everything(hole)
    greedy = [keep(socket.create_connection(breakable.proxy, timeout=PATIENCE)) for _ in range(most + 100)]
    for sock in greedy:
        sock.sendall(b"\x05\x01\x00\x05\x01\x00\x01\x7f\0\0\1" + hole.getsockname()[1].to_bytes(2, "big"))
    until(lambda: refused(breakable) > before)
    assert receive(greedy[-1], 4) == b"\x05\x00\x05\x01"  # at its limit: no code of RFC 1928 says so
    breakable.kill("jp-one")
    breakable.start("jp-one")
    breakable.until(lambda answer: states(answer)["ix-one/one-one"] in ("up", "held"))  # its carriers came in
    until(lambda: descriptors(pid) < most - most // 8)  # the lower limit is noted once a second, and dials end in ten
    echo.speak()
    assert shortages(breakable) <= told + 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def refused(network: Network) -> int:
    """How many targets us-one had no descriptor for."""
    status = json.loads(network.ask(network.admin_of("us-one"), json.dumps({"ask": "status"})))
    return int(status["counters"]["targets_without_descriptor"])


def shortages(network: Network) -> int:
    """How often us-one has said that it has no descriptors for targets."""
    return [event["event"] for event in network.log("us-one")].count("descriptors-short")


def states(answer: dict[str, Any]) -> dict[str, str]:
    """Of all paths, by name."""
    return {path["path"]: path["state"] for path in answer["paths"]}


def echo_target(network: Network, keep: Callable[[socket.socket], socket.socket]) -> None:
    """A stream to the target that has come to an answer."""
    sock = keep(network.connect())
    sock.sendall(b"GET /bytes/10 HTTP/1.1\r\nHost: t\r\n\r\n")
    receive(sock, 10)


def test_more_streams_than_allowed_are_refused(breakable: Network) -> None:
    breakable.reload(with_table(breakable.original, "[limits]", "streams = 3"))
    echoes = [Echo(breakable) for _ in range(3)]
    for door, code in (("socks5", 1), ("connect", 503)):
        with pytest.raises(ConnectionError) as refused:
            breakable.connect(door)
        assert refused.value.args == (code,)
    for echo in echoes:
        echo.speak()
    echoes.pop().sock.close()
    until(lambda: is_let_in(breakable))
    for echo in echoes:
        echo.sock.close()


def is_let_in(network: Network) -> bool:
    try:
        network.connect().close()
    except ConnectionError:
        return False
    return True


def test_streams_that_nobody_reads_fill_the_memory_and_harm_nobody(
    breakable: Network, keep: Callable[[socket.socket], socket.socket]
) -> None:
    breakable.reload(with_table(breakable.original, "[limits]", 'memory = "1MiB"'))
    echo = Echo(breakable)
    keep(echo.sock)
    greedy = []
    for _ in range(12):
        sock = keep(socket.socket())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.connect(breakable.proxy)
        greedy.append(sock)
        with contextlib.suppress(ConnectionError):  # it may be full already
            open_socks5(sock, *breakable.target)
            sock.sendall(b"GET /bytes/100000000 HTTP/1.1\r\nHost: t\r\n\r\n")
    until(lambda: is_let_in(breakable))  # whoever is new gets what every stream begins with
    echo.speak()
    for sock in greedy:
        sock.close()
    until(lambda: is_let_in(breakable))
    echo.speak()


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident(pid: int) -> int:
    """Bytes of memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def abort(network: Network, number: int) -> None:
    """Connect, say a little or much, and vanish."""
    sock = socket.create_connection(network.proxy, timeout=PATIENCE)
    if number % 10 == 0:
        open_socks5(sock, *network.target)
        sock.sendall(b"GET /bytes/100000 HTTP/1.1\r\nHost: t\r\n\r\n")
    elif number % 3 == 0:
        host, port = network.target
        sock.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big"))
    elif number % 3 == 1:
        sock.sendall(b"\x05\x01")
    reset(sock)


def test_connects_and_aborts_leave_nothing_behind(breakable: Network) -> None:
    pids = [breakable.pid(name) for name in (INGRESS, "us-one", "us-two", "jp-one")]
    for number in range(ABORTS // 10):  # pools and caches have their size after a while
        abort(breakable, number)
    breakable.until(lambda answer: answer["totals"]["streams"] == 0)
    before, opened, sizes = breakable.paths(), [descriptors(pid) for pid in pids], [resident(pid) for pid in pids]
    for number in range(ABORTS):
        abort(breakable, number)
    after = breakable.until(lambda answer: answer["totals"]["streams"] == 0)
    assert after["totals"]["opened"] >= before["totals"]["opened"] + ABORTS // 10
    until(
        lambda: all(descriptors(pid) <= few + 4 for pid, few in zip(pids, opened, strict=True)),
        lambda: [descriptors(pid) for pid in pids],
    )
    assert all(resident(pid) < small + SPARE for pid, small in zip(pids, sizes, strict=True))
