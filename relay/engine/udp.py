"""A UDP socket of the loop: reads whole runs of datagrams at once, and sends what a turn has to say in as few calls.

The kernel joins datagrams of one size from one sender (UDP_GRO) and cuts what it is given (UDP_SEGMENT, udp(7)): with
many of a size that is half of the cost. Those that come singly and are alike are joined here, so that owners do once
what is the same for all of them. What the kernel does not take is dropped and counted: who sends datagrams expects
that, and a queue would only make them late.

What must stay true: an owner is called from the loop only, and keeps no view beyond the call; a part that was put into
an `UdpOut` is not changed before the end of the turn.
"""

import errno
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Any, Protocol

import attrs

from relay import log
from relay.engine.endpoint import FLUSH
from relay.engine.loop import BUFFER, Loop
from relay.engine.udp_options import SOL_UDP, UDP_GRO, UDP_SEGMENT, destination_of, from_local

DatagramAddress = tuple[Any, ...]
"""As the kernel tells it: host and port, in IPv6 two more numbers."""
BUDGET = 384
"""Datagrams read in one service. At some 5 µs of work each the others wait 2 ms."""
RUN = 65_536
"""Bytes that the kernel joins at most."""
GATHERED = BUFFER - RUN
"""Bytes of the loop's buffer behind which another run might not fit."""
ANCILLARY = 128
"""Bytes for the size of a run and the address at which it arrived."""
MOST_SEGMENTS = 64
MOST_TOGETHER = 65_000
TRUSTED = 8
"""Services in which a lone datagram is taken for all that there is, before that is asked of again."""
SOON = 0.001
"""Seconds after a lone datagram within which another one says that they do not come alone."""
LARGEST_SEGMENT = 1472
"""Datagrams of more are sent one by one: the kernel cuts none that a device would have to fragment (EINVAL)."""
SURE_SEGMENT = 1200
"""One of no more than this is refused only by a device that cannot have them cut at all."""
FULL = {errno.EAGAIN, errno.ENOBUFS}


class DatagramOwner(Protocol):
    """Who gets what comes."""

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        """One datagram or several from *source*, each of *size* bytes but the last, which may have fewer.

        *local* is the address at which they came, packed, on a port that was asked to tell; else nothing.
        """


class DatagramOut(Protocol):
    """What goes one way: to an address, or over something else that carries datagrams."""

    address: DatagramAddress | None

    def put(self, part: bytes | memoryview) -> None:
        """Send *part* at the end of this turn."""

    def put_all(self, parts: Sequence[bytes | memoryview]) -> None:
        """As `put`, of several."""

    def pass_on(self, data: bytes | memoryview, size: int) -> None:
        """Send a run as it came, now."""


class DatagramPort(Protocol):
    """What datagrams come by and go by: a `UdpPort`, or something that stands for one."""

    def out(self, address: DatagramAddress | None = None, local: bytes = b"") -> DatagramOut:
        """What goes to *address*, from the *local* one."""

    def send(
        self, parts: Sequence[bytes | memoryview], size: int, address: DatagramAddress | None, local: bytes
    ) -> None:
        """Send *parts* now, as `UdpPort.send`."""


Where = tuple[DatagramPort, DatagramAddress, bytes]
"""By what a datagram came, from where, and at which address of ours. Two of the same are equal."""


@attrs.frozen
class UdpStatistics:
    """One port since it was opened."""

    received: int
    sent: int
    unsent: int
    """That the kernel did not take."""
    segments: bool
    """Whether runs are given to the kernel in one piece."""


class UdpPort:
    """Serves *sock*, which is non-blocking and belongs to it from now on; it may be connected."""

    __slots__ = (
        "_local",
        "_loop",
        "_owner",
        "_served_at",
        "_size",
        "_sock",
        "_told",
        "_trust",
        "_was_one",
        "bytes_in",
        "bytes_out",
        "closed",
        "queued",
        "received",
        "segments",
        "sent",
        "unsent",
    )

    def __init__(self, loop: Loop, sock: socket.socket, owner: DatagramOwner) -> None:
        self.queued = False
        self.closed = False
        self.received = self.sent = self.unsent = 0
        self.bytes_in = self.bytes_out = 0
        """What came, and what was given to it to send."""
        self.segments = True
        self._loop = loop
        self._sock = sock
        self._owner: DatagramOwner | None = owner
        self._trust = 0
        """In how many services a lone one is still taken for all there is: to ask in vain costs as much as one does.
        Of runs nothing of the kind is believed: what comes meanwhile is handled with them."""
        self._was_one = False
        """One came alone in the last service."""
        self._served_at = 0.0
        self._told: list[tuple[int, int, bytes]] = []
        self._size, self._local = 0, b""
        """What that says; it nearly always is what was told of the run before."""
        try:
            sock.setsockopt(SOL_UDP, UDP_GRO, 1)
        except OSError:  # a kernel before 5.0
            self.segments = False
        loop.register_urgent(sock, self)

    def out(self, address: DatagramAddress | None = None, local: bytes = b"") -> "UdpOut":
        """What goes to *address* (None: where the socket is connected to), from the *local* address if one is given."""
        return UdpOut(self._loop, self, address, local)

    @property
    def sock(self) -> socket.socket:
        """For options and addresses, and to connect it; not for reading or writing."""
        return self._sock

    def statistics(self) -> UdpStatistics:
        """Counts since it was opened."""
        return UdpStatistics(self.received, self.sent, self.unsent, self.segments)

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"fd {self._sock.fileno()}"
        return f"<UdpPort {state}, {self.received} in, {self.sent} out, {self.unsent} not taken>"

    # for the loop

    def serve(self, events: int) -> None:
        """Read what there is, within the budget, or where they come alone, one: it is told again of more."""
        buffer, receive, now = self._loop.buffer, self._sock.recvmsg_into, self._loop.now
        if self._was_one and now - self._served_at < SOON:
            self._trust = 0
        self._served_at = now
        left, is_alone = BUDGET, False
        start = end = size = 0
        has_run = may_grow = False
        source: DatagramAddress = ()
        local = b""
        while left > 0 and not self.closed:
            try:
                count, told, _, came = receive((buffer[end : end + RUN],), ANCILLARY)
            except BlockingIOError:
                self._trust = TRUSTED if is_alone else 0
                break
            except OSError:  # what an earlier datagram met with, by ICMP: it is read once, and says nothing of this one
                left -= 1
                continue
            if told != self._told:
                self._told, (self._size, self._local) = told, _read_told(told)
            each, at = self._size or count, self._local
            many = -(-count // each) if each else 1
            is_alone = many == 1 and left == BUDGET
            self.received += many
            self.bytes_in += count
            left -= many
            is_same = may_grow and came == source and at == local
            if not is_same or not (each == size or (many == 1 and 0 < count < size)):
                if has_run:
                    self._give(buffer[start:end], size, source, local)
                start, size, source, local, has_run = end, each, came, at, True
            end += count
            if is_alone and self._trust:
                self._trust -= 1
                break
            may_grow = size > 0 and count % size == 0
            if end > GATHERED:
                self._give(buffer[start:end], size, source, local)
                start = end = 0
                has_run = may_grow = False
        self._was_one = left == BUDGET - 1
        if has_run:
            self._give(buffer[start:end], size, source, local)

    def _give(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        if self._owner is not None:
            self._owner.on_datagrams(data, size, source, local)

    def fail(self, error: OSError) -> None:
        """Nothing: what the owner made of some datagrams says nothing of others."""

    def close(self) -> None:
        """Close now. Harmless when closed already."""
        if not self.closed:
            self.closed = True
            self._owner = None
            self._loop.forget(self._sock.fileno())
            self._sock.close()

    # for those who send

    def send(
        self, parts: Sequence[bytes | memoryview], size: int, address: DatagramAddress | None, local: bytes
    ) -> None:
        """Send *parts*: one datagram, or together a run of several of *size* bytes each, the last of which may have
        fewer."""
        together = sum(map(len, parts))
        count = -(-together // size) if size else 1
        if count == 1:
            self.send_one(parts[0], address, local)
            return
        self.bytes_out += together
        if not self.segments or size > LARGEST_SEGMENT or not self._send_run(parts, size, address, local, count):
            for part in parts:
                for at in range(0, len(part), size):
                    self._send_one(part[at : at + size], address, local)

    def _send_run(
        self,
        parts: Sequence[bytes | memoryview],
        size: int,
        address: DatagramAddress | None,
        local: bytes,
        count: int,
    ) -> bool:
        """Whether the run is dealt with; if not, it is to be sent one by one."""
        told = [(SOL_UDP, UDP_SEGMENT, _SEGMENT[size])]
        if local:
            told.append(from_local(local))
        try:
            if address is None:
                self._sock.sendmsg(parts, told)
            else:
                self._sock.sendmsg(parts, told, 0, address)
        except OSError as error:
            if error.errno in (errno.EIO, errno.EINVAL, errno.ENOPROTOOPT, errno.EOPNOTSUPP):
                if error.errno != errno.EINVAL or size <= SURE_SEGMENT:
                    self._stop_segmenting(error)
                return False
            self.unsent += count
            return True
        self.sent += count
        return True

    def _stop_segmenting(self, error: OSError) -> None:
        self.segments = False
        log.event("segmentation-refused", level="warning", error=error.strerror)

    def send_one(self, part: bytes | memoryview, address: DatagramAddress | None, local: bytes) -> None:
        """Send one datagram."""
        self.bytes_out += len(part)
        self._send_one(part, address, local)

    def _send_one(self, part: bytes | memoryview, address: DatagramAddress | None, local: bytes) -> None:
        try:
            if local and address is not None:
                self._sock.sendmsg((part,), (from_local(local),), 0, address)
            elif address is not None:
                self._sock.sendto(part, address)
            else:
                self._sock.send(part)
        except OSError:
            self.unsent += 1
        else:
            self.sent += 1


_SEGMENT = [struct.pack("=H", size) for size in range(LARGEST_SEGMENT + 1)]


def _read_told(told: list[tuple[int, int, bytes]]) -> tuple[int, bytes]:
    """The size of each datagram of a run, 0 of one that came alone; and the address at which it came."""
    size, local = 0, b""
    for level, kind, value in told:
        if level == SOL_UDP and kind == UDP_GRO:
            size = int.from_bytes(value, sys.byteorder)
        else:
            local = destination_of(level, kind, value)
    return size, local


class UdpOut:
    """What waits to leave for one address until the end of the turn. Made by `UdpPort.out`."""

    __slots__ = ("_loop", "_parts", "_port", "address", "local", "queued")

    def __init__(self, loop: Loop, port: UdpPort, address: DatagramAddress | None, local: bytes) -> None:
        self.queued = False
        self.address = address
        self.local = local
        self._loop = loop
        self._port = port
        self._parts: list[bytes | memoryview] = []

    def put(self, part: bytes | memoryview) -> None:
        """Send *part* at the end of this turn, together with others."""
        if not self._parts:
            self._loop.flush_urgent(self)
        self._parts.append(part)

    def put_all(self, parts: Sequence[bytes | memoryview]) -> None:
        """As `put`, of several."""
        if not self._parts:
            self._loop.flush_urgent(self)
        self._parts += parts

    def pass_on(self, data: bytes | memoryview, size: int) -> None:
        """Send a run as it came, now."""
        most = size * _most_together(size) if size else len(data) or 1
        for at in range(0, len(data) or 1, most):
            self._port.send((data[at : at + most],), size, self.address, self.local)

    def serve(self, events: int) -> None:
        """Send what waits: equal sizes together, one smaller datagram at their end."""
        if not events & FLUSH:
            return
        parts, self._parts = self._parts, []
        if self._port.closed:
            return
        if len(parts) == 1:
            self._port.send_one(parts[0], self.address, self.local)
            return
        sizes = [len(part) for part in parts]
        at, end = 0, len(parts)
        while at < end:
            size = sizes[at]
            most = min(end, at + _most_together(size))
            stop = most if sizes.count(size) == end else _end_of_run(sizes, at, most)
            self._port.send(parts[at:stop], size, self.address, self.local)
            at = stop

    def fail(self, error: OSError) -> None:
        """Nothing more is to be done: what failed was dropped."""

    def close(self) -> None:
        """Drop what waits."""
        self._parts = []


def _most_together(size: int) -> int:
    """How many of *size* bytes the kernel takes in one piece."""
    return max(1, min(MOST_SEGMENTS, MOST_TOGETHER // size)) if size else 1


def _end_of_run(sizes: list[int], at: int, most: int) -> int:
    """Behind the last, before *most*, of those that can go with the one *at*."""
    stop, size = at + 1, sizes[at]
    while stop < most and sizes[stop] == size:
        stop += 1
    return stop + (stop < most and 0 < sizes[stop] < size)
