"""Clients of every kind, at work while something fails: each compares what it gets, piece by piece, until told to end.

How long they work is the test's choice and not a matter of megabytes, so that a slow machine needs no longer.
"""

import hashlib
import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from ingress.demo.target.content import PERIOD, content
from tests.network.clients import PATIENCE, http_over, receive
from tests.network.network import Network, until

PIECE = 6_000_000
CHUNK = 256 * 1024
PACE = 0.01
"""Seconds that a bulk client takes for a CHUNK, at least: 25 MB/s leave a small machine room for what is tested. What
it does not take yet waits in windows and buffers, so that there is always something in flight."""
FLOWING = 2
"""Pieces after which a stream is at its speed, on a carrier for bulk."""
SENT = random.Random(3).randbytes(PIECE)
SENT_TOLD = json.dumps({"bytes": PIECE, "sha256": hashlib.sha256(SENT).hexdigest()}).encode() + b"\n"
EXPECTED = b"".join(content(offset, min(PERIOD, PIECE - offset)) for offset in range(0, PIECE, PERIOD))
SMALL = 20_000


class Load:
    """Works from the moment it is made; `done` holds for each of *jobs* how many pieces it has done."""

    def __init__(self, network: Network, jobs: Sequence[str] = ("download", "upload", "echo", "requests")) -> None:
        self._network = network
        self._wrong: list[str] = []
        self._stop = threading.Event()
        self.done = [0] * len(jobs)
        self.round_trips: list[float] = []
        """Of the echo, in seconds."""
        kinds: dict[str, Callable[[int], None]] = {
            "download": self._download,
            "upload": self._upload,
            "echo": self._echo,
            "requests": self._requests,
        }
        self._threads = [
            threading.Thread(target=self._run, args=(number, job, kinds[job]), daemon=True)
            for number, job in enumerate(jobs)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int, name: str, job: Callable[[int], None]) -> None:
        try:
            job(number)
        except Exception as error:  # noqa: BLE001 - a thread's verdict is read by the test
            self._wrong.append(f"{name}, after {self.done[number]} pieces: {error!r}")

    def _download(self, number: int) -> None:
        """One connection, over which one piece after another is fetched."""
        self._exchange(number, lambda http: http.request("GET", f"/bytes/{PIECE}"), EXPECTED)

    def _upload(self, number: int) -> None:
        def post(http: http.client.HTTPConnection) -> None:
            chunks = (SENT[at : at + CHUNK] for at in range(0, PIECE, CHUNK))
            http.request("POST", "/hash", self._paced(chunks), {"Content-Length": str(PIECE)})

        self._exchange(number, post, SENT_TOLD)

    def _exchange(self, number: int, ask: Callable[[http.client.HTTPConnection], None], expected: bytes) -> None:
        with self._network.connect() as sock:
            http = http_over(sock)
            while not self._stop.is_set():
                ask(http)
                compare(b"".join(self._paced(chunks_of(http.getresponse()))), expected)
                self.done[number] += 1
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(1) == b"", "more than was asked for"

    def _paced(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._stop.wait(PACE)

    def _echo(self, number: int) -> None:
        """A word there, the word back: keystrokes."""
        with self._network.connect() as sock:
            sock.sendall(b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            head = b""
            while not self._stop.is_set():
                chunk = b"8\r\n%08d\r\n" % self.done[number]
                began = time.perf_counter()
                sock.sendall(chunk)
                while not head.endswith(b"\r\n\r\n"):
                    head += receive(sock, 1)
                assert receive(sock, len(chunk)) == chunk
                self.round_trips.append(time.perf_counter() - began)
                self.done[number] += 1

    def _requests(self, number: int) -> None:
        """A new connection for each."""
        while not self._stop.is_set():
            compare(self._network.get(f"/bytes/{SMALL}"), content(0, SMALL))
            self.done[number] += 1

    def until_flowing(self) -> None:
        """Until all are well under way."""
        self._until_done(FLOWING)

    def until_past(self) -> None:
        """Until each has begun and ended a piece after now."""
        self._until_done(2)

    def _until_done(self, more: int) -> None:
        wanted = [count + more for count in self.done]

        def is_so() -> bool:
            assert self._wrong == []
            return all(done >= count for done, count in zip(self.done, wanted, strict=True))

        until(is_so, lambda: f"{self.done} of {wanted}")

    def end(self) -> None:
        """Everything has to come to a good end."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)
        assert self._wrong == []


def chunks_of(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body, as it comes."""
    while chunk := answer.read(CHUNK):
        yield chunk


def compare(found: bytes, expected: bytes) -> None:
    """An error that says where the two differ; pytest would show megabytes."""
    if found != expected:
        pairs = enumerate(zip(found, expected, strict=False))
        where = next((at for at, (one, other) in pairs if one != other), "their ends")
        raise AssertionError(f"{len(found)} of {len(expected)} bytes, which differ from {where}")
