"""What every line carries, as its sellers may count it: read off the kernel's counts of this ingress's own carriers.

A carrier goes through its lines end to end, so that what its first line carries all of them do; only the handshakes
with the nodes on the way, some kilobytes, stay on the first lines and count on all. Nothing is counted as bytes pass:
every few seconds, one system call of 2 microseconds for each carrier.
"""

from collections.abc import Callable

import attrs

from ingress.paths.live import LivePath
from ingress.usage.usage import LineCounted, Usage
from relay.callbacks import ignore
from relay.model.moved import NOTHING_MOVED, Moved
from relay.wire import bodies

RECORD = 22
"""Bytes that TLS adds to what goes out at once (RFC 8446 section 5.2): header, kind, tag."""
SEGMENT, DATAGRAM = 52, 28
"""Bytes of headers that a seller counts besides: IPv4's, and those of TCP with its time stamps, or of UDP."""
PING, PONG = len(bodies.ping(0, 0.0, False)) + RECORD, len(bodies.pong(0)) + RECORD


@attrs.frozen
class _Reading:
    """What one path had carried when it was looked at."""

    moved: Moved = NOTHING_MOVED
    pings: int = 0
    udp_out: int = 0
    udp_in: int = 0
    probes_out: int = 0
    probes_in: int = 0
    datagrams_out: int = 0
    datagrams_in: int = 0


class LineMeter:
    """One fleet's."""

    def __init__(self, usage: Usage) -> None:
        self.on_carried: Callable[[str, int, int], None] = ignore
        """Called with a line, and the bytes up and down that it has carried since, headers included."""
        self._usage = usage
        self._read: dict[LivePath, _Reading] = {}

    def watch(self, live: LivePath) -> None:
        """Count what *live* carries from its beginning on."""
        self._read[live] = _Reading()

    def sweep(self) -> None:
        """Add what was carried since the last time."""
        for live, before in self._read.items():
            after = self._read[live] = _reading(live)
            if after != before:
                self._add(live, before, after)

    def forget(self, live: LivePath) -> None:
        """It is over, with all its carriers: the last of it is counted."""
        before = self._read.pop(live)
        self._add(live, before, _reading(live))

    def _add(self, live: LivePath, before: _Reading, after: _Reading) -> None:
        moved, pings = after.moved.since(before.moved), after.pings - before.pings
        up, down = min(PING * pings, moved.bytes_out), min(PONG * pings, moved.bytes_in)
        counted = LineCounted(
            moved.bytes_out - up,
            moved.bytes_in - down,
            after.udp_out - before.udp_out,
            after.udp_in - before.udp_in,
            up + after.probes_out - before.probes_out,
            down + after.probes_in - before.probes_in,
            moved.segments_out + after.datagrams_out - before.datagrams_out,
            moved.segments_in + after.datagrams_in - before.datagrams_in,
        )
        whole_up = sum((counted.tcp_up, counted.udp_up, counted.probes_up, SEGMENT * moved.segments_out))
        whole_down = sum((counted.tcp_down, counted.udp_down, counted.probes_down, SEGMENT * moved.segments_in))
        whole_up += DATAGRAM * (after.datagrams_out - before.datagrams_out)
        whole_down += DATAGRAM * (after.datagrams_in - before.datagrams_in)
        for line in live.path.lines:
            self._usage.add_line(line, counted)
            self.on_carried(line, whole_up, whole_down)


def _reading(live: LivePath) -> _Reading:
    udp = live.carried.datagrams
    return _Reading(
        live.carried.moved(live.links),
        live.carried.pings(live.links),
        udp.bytes_out,
        udp.bytes_in,
        udp.probes_out,
        udp.probes_in,
        udp.datagrams_out,
        udp.datagrams_in,
    )
