"""A download through the demo's proxy by a client that knows nothing of us, and one sentence on what became of it."""

import hashlib

import h11
import trio

from ingress.demo.network import TARGET_NAME, DemoNetwork
from ingress.demo.target.content import sha256_of

READ = 256 * 1024
PAUSE = 0.2
"""Seconds without a byte that count as a pause. Shorter ones are round trips, while TCP's window opens."""


class DownloadFailed(Exception):
    """It ended early; the text says how."""


class Watch:
    """What a client sees of a download: its bytes, and how long it waited for them. Times in seconds."""

    def __init__(self, size: int, now: float) -> None:
        self.size = size
        self.received = 0
        self.pauses: list[float] = []
        self._began = self._last = now
        self._sha = hashlib.sha256()

    def add(self, data: bytes, now: float) -> None:
        """*data* came at *now*."""
        if self.received:
            self._note_pause(now)
        self._last = now
        self.received += len(data)
        self._sha.update(data)

    def _note_pause(self, now: float) -> None:
        if now - self._last > PAUSE:
            self.pauses.append(now - self._last)

    def sentence(self, paths: list[str], failure: str | None) -> str:
        """What happened, in one sentence. *paths* in the order of use."""
        took = max(self._last - self._began, 1e-6)
        parts = [f"{megabytes(self.received)} in {took:.1f} s ({self.received * 8e-6 / took:.0f} Mbit/s)"]
        parts[0] += f" over {', then '.join(paths)}" if paths else ""
        parts.append(self._told_pauses())
        if failure is not None:
            parts.append(f"it ended {megabytes(self.size - self.received)} too early: {failure}")
        elif self._sha.hexdigest() == sha256_of(self.size):
            parts.append("SHA-256 right")
        else:
            parts.append("SHA-256 WRONG")
        return "; ".join(parts) + "."

    def _told_pauses(self) -> str:
        if not self.pauses:
            return "no pause"
        if len(self.pauses) == 1:
            return f"one pause of {self.pauses[0] * 1000:.0f} ms"
        told = ", ".join(f"{pause * 1000:.0f}" for pause in self.pauses[:8])
        return f"{len(self.pauses)} pauses, of {told}{'' if len(self.pauses) <= 8 else ', …'} ms"


async def fetch(network: DemoNetwork, watch: Watch) -> None:
    """Download `watch.size` bytes from the target, by its name, over SOCKS5."""
    host, port = network.proxy.split(":")
    try:
        async with await trio.open_tcp_stream(host, int(port)) as stream:
            await open_socks(stream, TARGET_NAME, network.ports[TARGET_NAME])
            await get(stream, network.target, watch)
    except (OSError, trio.BrokenResourceError) as error:
        raise DownloadFailed(f"connection lost ({error.__cause__ or error})") from error
    except h11.RemoteProtocolError as error:
        raise DownloadFailed("a clean end in the middle") from error


async def open_socks(stream: trio.abc.Stream, host: str, port: int) -> None:
    """Have the proxy connect to *host* by name (RFC 1928)."""
    name = host.encode()
    await stream.send_all(b"\x05\x01\x00")
    if await receive(stream, 2) != b"\x05\x00":
        raise DownloadFailed("the proxy wants a password")
    await stream.send_all(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
    head = await receive(stream, 4)
    if head[1] != 0:
        raise DownloadFailed(f"the proxy answers {head[1]}")
    await receive(stream, 6 if head[3] == 1 else 18)


async def receive(stream: trio.abc.Stream, size: int) -> bytes:
    """Exactly *size* bytes."""
    data = b""
    while len(data) < size:
        if not (more := await stream.receive_some(size - len(data))):
            raise DownloadFailed("the proxy closed the connection")
        data += more
    return data


async def get(stream: trio.abc.Stream, host: str, watch: Watch) -> None:
    """Ask for the bytes, and show *watch* each of them."""
    http = h11.Connection(h11.CLIENT)
    headers = [("Host", host), ("Connection", "close")]
    request = http.send(h11.Request(method="GET", target=f"/bytes/{watch.size}", headers=headers))
    await stream.send_all((request or b"") + (http.send(h11.EndOfMessage()) or b""))
    while not isinstance(event := http.next_event(), h11.EndOfMessage):
        if event is h11.NEED_DATA:
            http.receive_data(bytes(await stream.receive_some(READ)))
        elif isinstance(event, h11.Data):
            watch.add(bytes(event.data), trio.current_time())
        elif isinstance(event, h11.Response) and event.status_code != 200:
            raise DownloadFailed(f"the target answers {event.status_code}")


def megabytes(size: int) -> str:
    """*size* for reading."""
    return f"{size / 1e6:.0f} MB" if size >= 10_000_000 else f"{size / 1e3:.0f} kB"
