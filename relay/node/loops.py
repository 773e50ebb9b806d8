"""Whether a carrier has passed through this node before: then it is not passed on again, whatever its ingress says.

An ingress tells every node how many lines are left, and may lie to each. But every TLS session along the way begins
with a ClientHello in clear, whose 32 random bytes (RFC 8446 section 4.1.2) go through all nodes that were passed
before: a node remembers the beginnings of those that it passed on, and knows one that comes back to it.

What must stay true: nothing is read but records' headers and the first bytes of a ClientHello; what a splice passed on
is forgotten with it; and whoever cannot be followed (too many beginnings) is not passed on.
"""

import errno

from relay.engine.secured import OPENING, RECORD_HEADER
from relay.engine.tls_setup import MOST_SETUP

WATCHED = 8 * (MOST_SETUP + 2**15)
"""Bytes of a carrier that are looked at: what the set-ups at 8 nodes behind this one may take, each with the record
that was one too many. A loop over so many is found for certain. Set-ups of ours take 3 KiB a node."""
MOST_HELLOS = 64
"""Beginnings that are remembered of one carrier; one for each node behind this one, and one more if it asks again."""
HANDSHAKE = 22
"""Type of a record. Of what a client says only its ClientHello goes in such (RFC 8446 section 5.1)."""


class Passed:
    """The ClientHellos that this node has passed on, over all carriers that are being passed on now."""

    def __init__(self) -> None:
        self._openings: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._openings)

    def __contains__(self, opening: bytes) -> bool:
        """Whether the connection that begins with *opening* came through here; one that does not begin as ours do, with
        a handshake, counts as such: it has something to hide."""
        return opening[:1] != bytes([HANDSHAKE]) or opening in self._openings

    def add(self, opening: bytes) -> None:
        """A ClientHello that begins so went by."""
        self._openings[opening] = self._openings.get(opening, 0) + 1

    def remove(self, opening: bytes) -> None:
        """The carrier on which it went by is gone."""
        self._openings[opening] -= 1
        if not self._openings[opening]:
            del self._openings[opening]


class Onlooker:
    """Looks on as the set-ups of one carrier go by: to be given all bytes from the ingress, as they come."""

    __slots__ = ("_head", "_is_handshake", "_mine", "_opening", "_passed", "_payload", "_watched")

    def __init__(self, passed: Passed) -> None:
        self._passed = passed
        self._mine: list[bytes] = []
        self._head = b""
        self._payload = 0  # bytes of the present record that are still to come
        self._is_handshake = False  # of the record before
        self._opening = b""  # of a ClientHello that has not come far enough
        self._watched = 0

    def __call__(self, data: memoryview) -> bool:
        """More goes by; False once nothing further has to be looked at.

        Raises:
            OSError: it cannot be followed.
        """
        self._watched += len(data)
        if self._opening:
            self._collect(data)
        at, end = 0, len(data)
        while at < end:
            if self._payload >= end - at:
                self._payload -= end - at
                break
            at += self._payload
            self._payload = 0
            if self._head or end - at < RECORD_HEADER:
                at = self._join_head(data, at)
            else:
                size = data[at + 3] << 8 | data[at + 4]
                if data[at] == HANDSHAKE:
                    self._begin_record(HANDSHAKE, size, data, at)
                else:  # nearly all of them
                    self._payload, self._is_handshake = size, False
                at += RECORD_HEADER
        return self._watched < WATCHED

    def _join_head(self, data: memoryview, at: int) -> int:
        """A header that comes in pieces; where the next byte stands."""
        rest = at + RECORD_HEADER - len(self._head)
        self._head += data[at:rest]
        if len(self._head) == RECORD_HEADER:
            head, self._head = self._head, b""
            self._begin_record(head[0], int.from_bytes(head[-2:], "big"), head + bytes(data[rest : rest + OPENING]), 0)
        return min(rest, len(data))

    def _begin_record(self, kind: int, size: int, data: memoryview | bytes, at: int) -> None:
        """A record of *size* begins at *at* in *data*."""
        self._payload = size
        if kind != HANDSHAKE:
            self._is_handshake = False
        elif not self._is_handshake:
            self._is_handshake = True
            if not self._opening:
                self._collect(data[at:])

    def _collect(self, data: memoryview | bytes) -> None:
        self._opening += data[: OPENING - len(self._opening)]
        if len(self._opening) < OPENING:
            return
        if len(self._mine) == MOST_HELLOS:
            raise OSError(errno.EPROTO, f"more than {MOST_HELLOS} set-ups on one carrier")
        self._mine.append(self._opening)
        self._passed.add(self._opening)
        self._opening = b""

    def forget(self) -> None:
        """The carrier is gone. Harmless when repeated."""
        mine, self._mine = self._mine, []
        for opening in mine:
            self._passed.remove(opening)
