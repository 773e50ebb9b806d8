"""Whether the bed carries what it is told to, in either direction: plain TCP over one of its lines, and no proxy.

What is found is what two kernels say, and when bytes that left at one end came out at the other: both are on one clock.
"""

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import attrs

from bench.load import Failed
from bench.results import Numbers, Row
from bench.wan.bed import Bed
from relay.engine import sockopts
from relay.engine.tcp_info import sent_over

NEAR, FAR = "sh", "jpd"
PORT = 48399
USUAL = (10.0, 0.0, 0.0, 100.0, 100.0)
"""10 ms each way, no jitter or loss, 100 Mbit/s with a queue of 100 ms."""
PACED = 40e6
"""Bits per second that either end sends at most, so that no queue is ever full, however late the bed is served."""
MAX_PACING_RATE = 47
"""SO_MAX_PACING_RATE (asm-generic/socket.h), which Python does not name."""
MOMENTS = 9
"""Single bytes, the quickest of which tells how long a direction is."""
PATIENCE = 1.0
"""Seconds in which one must have come if it ever will."""
LONG = 5.0
"""Seconds of a transfer that tells of loss and rate."""
BURST = 64.0

Bounds = tuple[float, float]


@attrs.frozen
class Asked:
    """What the bed is told, and between which figures of plain TCP then lie."""

    name: str
    orders: tuple[tuple[object, ...], ...]
    """Verb and values; they concern what leaves the near end."""
    there: Mapping[str, Bounds]
    back: Mapping[str, Bounds]


WELL: Mapping[str, Bounds] = {"delay": (0.0095, 0.014), "loss": (0.0, 0.0005), "rate": (25e6, PACED)}
NOTHING: Mapping[str, Bounds] = {"delay": (PATIENCE, PATIENCE)}
ASKED = (
    Asked("nothing", (), WELL, WELL),
    Asked("1 % loss", (("link", 10.0, 0.0, 1.0, 100.0, 100.0),), {"loss": (0.005, 0.015)}, WELL),
    Asked("0.1 % loss", (("link", 10.0, 0.0, 0.1, 100.0, 100.0),), {"loss": (0.0003, 0.002)}, WELL),
    Asked("30 ms more", (("link", 40.0, 0.0, 0.0, 100.0, 100.0),), {"delay": (0.0395, 0.044)}, WELL),
    Asked("down", (("down",),), NOTHING, {"delay": WELL["delay"]}),
    Asked("down, and up again", (("down",), ("up",)), WELL, WELL),
    Asked("policed at 20 Mbit/s", (("police", 20.0, BURST),), {"loss": (0.02, 0.5), "rate": (10e6, 20.5e6)}, WELL),
)


def prove(bed: Bed, step: Callable[[str], None]) -> dict[str, Row]:
    """A row for each thing that can be asked, by its name. Failed if plain TCP finds something else."""
    rows = {}
    for one in ASKED:
        step(one.name)
        found = look(bed, one)
        wrong = list(judged(one, found))
        rows[f"{one.name}, one way"] = Row("plain TCP", "; ".join(wrong) or "as asked", [found])
        if wrong:
            raise Failed(f"the bed does not do what it is told: {one.name}, from {NEAR} to {FAR}: {'; '.join(wrong)}")
    return rows


def judged(asked: Asked, found: Numbers) -> Iterator[str]:
    """What is not as it was asked for."""
    for way, figures in (("there", asked.there), ("back", asked.back)):
        for figure, (least, most) in figures.items():
            value = found.get(f"{way}.{figure}")
            if value is None or not least <= value <= most:
                yield f"{way}: {figure} is {value}, not from {least} to {most}"


def look(bed: Bed, asked: Asked) -> Numbers:
    """What two kernels find of the line under the fault."""
    bed.order("up", NEAR, FAR)
    bed.order("link", NEAR, FAR, *USUAL)
    with connected(bed) as (near, far):
        for verb, *values in asked.orders:
            bed.order_one_way(str(verb), NEAR, FAR, *values)
        found = {"there.delay": delay(near, far), "back.delay": delay(far, near)}
        if max(found.values()) < PATIENCE:
            for way, start, end in (("there", near, far), ("back", far, near)):
                found |= {f"{way}.{figure}": value for figure, value in transfer(start, end).items()}
    return found


@contextmanager
def connected(bed: Bed) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection, made while all is well."""
    with bed.inside(FAR):
        listener = socket.create_server((bed.address(FAR), PORT))
    with listener:
        with bed.inside(NEAR):
            near = socket.create_connection((bed.address(FAR), PORT), 5)
        far, _ = listener.accept()
    with near, far:
        for sock in (near, far):
            sock.setblocking(True)
            sockopts.carrier(sock)
            sock.setsockopt(socket.SOL_SOCKET, MAX_PACING_RATE, int(PACED / 8))
        yield near, far


def delay(start: socket.socket, end: socket.socket) -> float:
    """Seconds from one end to the other, of the quickest of several bytes; PATIENCE if one does not come."""
    times = []
    for _ in range(MOMENTS):
        began = time.monotonic()
        start.send(b"?")
        if not select.select([end], [], [], PATIENCE)[0]:
            return PATIENCE
        times.append(time.monotonic() - began)
        end.recv(1)
    return min(times)


def transfer(start: socket.socket, end: socket.socket) -> Numbers:
    """As much as goes in LONG seconds: the share that was lost, and bits per second once it was up to speed."""
    arrived = [0]
    done = threading.Event()

    def take() -> None:
        while not done.is_set():
            if select.select([end], [], [], 0.1)[0]:
                arrived[0] += len(end.recv(1 << 20))

    taker = threading.Thread(target=take)
    taker.start()
    before, piece = sent_over(start), bytes(1 << 16)
    began, half = time.monotonic(), (0.0, 0)
    start.settimeout(LONG)
    while (now := time.monotonic()) < began + LONG:
        start.send(piece)
        if not half[0] and now > began + LONG / 2:
            half = now, arrived[0]
    rate = (arrived[0] - half[1]) * 8 / (now - half[0])
    time.sleep(PATIENCE)
    after = sent_over(start)
    done.set()
    taker.join()
    return {"loss": (after.lost - before.lost) / (after.segments - before.segments), "rate": rate}
