"""The table of errors, row by row, at every door: real processes, a real name server, real sockets.

With `answer = "true"` a client is told the cause. Under `auto` a web target that fails looks like a reset once, and the
retry is told the cause. All rows are asked at the same time, and the slowest is looked at last.
"""

import itertools
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

import attrs
import pytest

from tests.network.clients import read_head, receive
from tests.network.network import until
from tests.network.places import BY_NAMES, Place, open_place

pytestmark = pytest.mark.network

OPENED = {"socks5": 0, "socks4": 0x5A, "connect": 200}
DOORS = [*OPENED, "plain"]


@attrs.frozen
class Told:
    """What a client was told: its door's code, the error in Proxy-Status, and whether a success ended in a reset."""

    code: int
    error: str = ""
    was_reset: bool = False


@attrs.frozen
class Row:
    """A cause as SOCKS5 and HTTP tell it (SOCKS4 knows only 5B), and which ingress is asked for it."""

    socks5: int
    status: int
    error: str
    ingress: str = "shanghai"

    def told(self, door: str) -> Told:
        """What a client of *door* has to hear."""
        codes = {"socks5": self.socks5, "socks4": 0x5B}
        return Told(codes[door]) if door in codes else Told(self.status, self.error)


ROWS = {
    "policy": Row(2, 403, "destination_ip_prohibited"),
    "noroute": Row(3, 502, "destination_ip_unroutable", "beijing"),
    "unreachable": Row(4, 502, "destination_ip_unroutable", "beijing"),
    "nobody": Row(4, 502, "dns_error"),
    "broken": Row(4, 502, "dns_error"),
    "silent": Row(4, 504, "dns_timeout"),
    "refused": Row(5, 502, "connection_refused"),
    "hole": Row(6, 504, "connection_timeout"),
    "nopath": Row(3, 503, "destination_unavailable", "nanjing"),
}
TIME_OUT, NO_PATH = ROWS["hole"], ROWS["nopath"]
LIMIT = Row(1, 503, "connection_limit_reached")
LOOP = Row(2, 502, "proxy_loop_detected")
AUTO = [row for row in ROWS if row not in ("hole", "nopath")]
"""What can look like a reset under `auto`. A time-out can, and would take twice its time here; no path never does."""


Answers = Mapping[tuple[str, str], Future[Told]]
"""By row and door."""


def at_doors(rows: Iterable[str]) -> pytest.MarkDecorator:
    """Every one of *rows* at every door."""
    return pytest.mark.parametrize(("row", "door"), [*itertools.product(rows, DOORS)])


def target(row: str, answer: str, door: str) -> str:
    """A name of its own for each: what is remembered of one says nothing of another."""
    return f"{row}-{answer}-{door}.test"


def ask(place: Place, row: str, answer: str, door: str) -> Told:
    """What a client of *door* hears of the target of *row*."""
    with place.connect(ROWS[row].ingress) as sock:
        return open_stream(sock, door, target(row, answer, door), place.ports["hole" if row == "hole" else "web"])


class Asker:
    """Asks for many at once."""

    def __init__(self, place: Place, pool: ThreadPoolExecutor) -> None:
        self._place = place
        self._pool = pool

    def ask(self, rows: Iterable[str], answer: str) -> Answers:
        """For the targets of all *rows*, at all doors."""
        pairs = itertools.product(rows, DOORS)
        return {(row, door): self._pool.submit(ask, self._place, row, answer, door) for row, door in pairs}


def open_stream(sock: socket.socket, door: str, host: str, port: int) -> Told:
    """Ask for *host*; what is said to be open is waited for until it ends."""
    name, number = host.encode(), struct.pack(">H", port)
    if door == "socks5":
        sock.sendall(b"\x05\x01\x00\x05\x01\x00\x03%c" % len(name) + name + number)
        told = Told(receive(sock, 12)[3])
    elif door == "socks4":
        sock.sendall(b"\x04\x01" + number + b"\0\0\0\1\0" + name + b"\0")
        told = Told(receive(sock, 8)[1])
    else:
        line = f"CONNECT {host}:{port}" if door == "connect" else f"GET http://{host}:{port}/"
        sock.sendall(f"{line} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        told = read_http(sock)
    return attrs.evolve(told, was_reset=is_reset(sock)) if OPENED.get(door) == told.code else told


def read_http(sock: socket.socket) -> Told:
    """The status, and the error in Proxy-Status."""
    status, *lines = read_head(sock).decode().split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    error = fields.get("proxy-status", "").rpartition("error=")[2]
    assert ("retry-after" in fields) == (error == NO_PATH.error)
    return Told(int(status.split()[1]), error)


def is_reset(sock: socket.socket) -> bool:
    """Whether what comes ends in RST, and not in FIN."""
    try:
        while sock.recv(4096):
            pass
    except ConnectionResetError:
        return True
    return False


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    names = [target(*words) for words in itertools.product(ROWS, ("true", "auto"), DOORS)]
    with open_place(tmp_path_factory.mktemp("errors"), names) as found:
        yield found


@pytest.fixture(scope="module")
def asker(place: Place) -> Iterator[Asker]:
    with ThreadPoolExecutor(3 * len(ROWS) * len(DOORS)) as pool:
        yield Asker(place, pool)


@pytest.fixture(scope="module")
def true(asker: Asker) -> Answers:
    """What everybody is told with `answer = "true"`."""
    return asker.ask(ROWS, "true")


@pytest.fixture(scope="module")
def auto(place: Place, asker: Asker, true: Answers) -> tuple[Answers, Answers]:
    """What everybody is told under `auto`, and then again."""
    wait([answer for (row, _), answer in true.items() if row != "hole"])
    place.write("auto")
    place.reload()
    first = asker.ask([*AUTO, "nopath"], "auto")
    wait(first.values())
    return first, asker.ask(AUTO, "auto")


def needs_names(place: Place, row: str) -> None:
    if row in BY_NAMES and not place.has_names:
        pytest.skip("a name server's port takes privileges")


@at_doors(row for row in ROWS if row != "hole")
def test_a_true_answer_tells_the_cause(place: Place, true: Answers, row: str, door: str) -> None:
    needs_names(place, row)
    assert true[row, door].result() == ROWS[row].told(door)


@at_doors(AUTO)
def test_under_auto_a_failure_looks_like_a_reset_once_and_the_retry_is_told_the_cause(
    place: Place, auto: tuple[Answers, Answers], row: str, door: str
) -> None:
    needs_names(place, row)
    told = ROWS[row].told(door)
    looks = Told(OPENED[door], was_reset=True) if door in OPENED else told  # a page can still be sent
    assert [answers[row, door].result() for answers in auto] == [looks, told]


@pytest.mark.parametrize("door", DOORS)
def test_under_auto_no_path_is_told_at_once(auto: tuple[Answers, Answers], door: str) -> None:
    assert auto[0]["nopath", door].result() == NO_PATH.told(door)


@pytest.mark.parametrize("door", DOORS)
def test_under_auto_what_the_ingress_knows_by_itself_is_told_at_once(place: Place, auto: object, door: str) -> None:
    for host in ("10.1.2.3", "169.254.169.254"):
        with place.connect() as sock:
            assert open_stream(sock, door, host, 443) == ROWS["policy"].told(door)
    with place.connect() as sock:
        assert open_stream(sock, door, "127.0.0.1", place.ports["shanghai"]) == LOOP.told(door)


@pytest.mark.parametrize(("request_", "code"), [(b"\x02\x00\x01", 7), (b"\x01\x00\x05", 8)])
def test_what_socks5_does_not_offer_here_is_told(place: Place, request_: bytes, code: int) -> None:
    with place.connect() as sock:
        sock.sendall(b"\x05\x01\x00\x05" + request_ + b"\x7f\x00\x00\x01\x00\x50")
        assert receive(sock, 12)[3] == code


def test_a_reset_before_the_answer_becomes_a_page(place: Place) -> None:
    with socket.create_server((place.address, 0)) as listener, place.connect() as sock:
        host, port = listener.getsockname()
        sock.sendall(f"GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        accepted, _ = listener.accept()
        assert accepted.recv(10)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        assert read_http(sock) == Told(502, "connection_terminated")


def test_at_the_limit_of_streams_new_ones_are_told_and_old_ones_go_on(place: Place, auto: object) -> None:
    def reply(client: socket.socket) -> int:
        client.sendall(b"\x05\x01\x00\x05\x01\x00\x01" + socket.inet_aton(place.address) + struct.pack(">H", port))
        return receive(client, 12)[3]

    def is_welcome() -> bool:
        with place.connect() as client:
            return reply(client) == 0

    with socket.create_server((place.address, 0)) as listener:
        port = listener.getsockname()[1]
        with place.connect() as old:
            assert reply(old) == 0
            place.write("auto", "streams = 1")
            place.reload()
            for door in DOORS:
                with place.connect() as new:
                    assert open_stream(new, door, place.address, port) == LIMIT.told(door)
            with listener.accept()[0] as accepted:
                old.sendall(b"still there")
                assert receive(accepted, 11) == b"still there"
        until(is_welcome)


@pytest.mark.parametrize("door", DOORS)
def test_a_true_answer_tells_a_time_out(true: Answers, door: str) -> None:
    assert true["hole", door].result() == TIME_OUT.told(door)
