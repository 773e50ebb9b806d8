"""A connected TCP socket: reads as bytes come, writes at once, keeps what the kernel did not take.

What must stay true: the two directions end apart (a FIN that was read does not stop writing). What was received before
a reset is handed over before the reset is told, and what was written before one goes out before it (`cut`). Only what
has ended cleanly closes with a FIN, also when this process is killed: see `_arm`. `unsent` is what stands in the queue,
to the byte.
"""

import errno
import select
import socket
from collections import deque
from itertools import islice
from typing import Protocol

import attrs

from relay.engine.loop import READ_BUDGET, READABLE, WRITABLE, Loop
from relay.engine.sockopts import (
    error_of,
    finish_on_close,
    keepalive,
    kernel_backlog,
    reset_on_close,
    unacknowledged,
)
from relay.engine.timers import Timer

DRAIN = READABLE & ~select.EPOLLIN
"""Events after which a short read does not prove that the kernel has nothing left: an end, an error, urgent data."""
GATHER = 64
"""Pieces of the queue given to one sendmsg. More than IOV_MAX (1024) is refused; a few dozen fill any send buffer."""
PATIENCE = 60.0
"""Seconds for which a socket that has failed keeps what it brought for an owner that pauses, and one that was cut what
it was given for a peer that does not take it. A session gives what goes along with a reset as long."""
FIRST_LOOK, LONGEST_LOOK = 0.005, 0.16
"""Seconds between looks at whether the peer has acknowledged everything, doubling: no event tells it. Most have when it
is first asked; a client far away takes a round trip."""
CUT = ConnectionAbortedError(errno.ECONNABORTED, "reset from here")
"""What `on_closed` is told of a socket that was cut."""


class TcpOwner(Protocol):
    """Who is told what happens on a `Tcp`. Any of these may close it."""

    def on_bytes(self, data: memoryview) -> None:
        """*data* lies in the shared read buffer and is valid during the call only."""

    def on_eof(self) -> None:
        """A FIN was read: `on_bytes` comes no more. Writing goes on until `finish`."""

    def on_writable(self) -> None:
        """All that was queued went out: `unsent` fell to 0."""

    def on_closed(self, error: OSError | None) -> None:
        """It is over: None after both directions ended cleanly. Not called for what the owner closed itself."""


class IgnoringOwner:
    """The owner of what is closed. With it `Tcp` and its owner make no cycle, and are freed at once."""

    def on_bytes(self, data: memoryview) -> None:
        """Drops them."""

    def on_eof(self) -> None:
        """Nothing is done."""

    def on_writable(self) -> None:
        """Nothing is done."""

    def on_closed(self, error: OSError | None) -> None:
        """Nothing is done."""


IGNORING = IgnoringOwner()
TCP_INFO = 64
"""Bytes of it that are of interest here."""
SMALL = 4 * 1024
"""Bytes up to which a piece that the kernel did not take is put to the one before it: kept apart, a byte costs 200."""
GATHERED = 16 * 1024
"""Bytes of such a piece at which another is begun."""
EMPTY: deque[memoryview | bytearray] = deque()
"""The queue of a socket that never had one: nearly all of them, and an own one takes 600 bytes."""


@attrs.frozen
class TcpStatistics:
    """One socket at one moment."""

    bytes_in: int
    bytes_out: int
    unsent: int
    is_paused: bool
    is_closed: bool


class Tcp:
    """An endpoint over *sock*, which is connected and non-blocking and belongs to it from now on."""

    __slots__ = (
        "_has_eof",
        "_has_fin",
        "_is_armed",
        "_is_finishing",
        "_is_paused",
        "_is_readable",
        "_look",
        "_loop",
        "_lost",
        "_most",
        "_queue",
        "_reads_to_end",
        "_sock",
        "_until",
        "bytes_in",
        "bytes_out",
        "closed",
        "owner",
        "queued",
        "unsent",
    )

    def __init__(self, loop: Loop, sock: socket.socket, owner: TcpOwner, *, is_armed: bool = False) -> None:
        """*is_armed*: what `settle` would set, *sock* has inherited from the socket that it was accepted on."""
        self.owner: TcpOwner = owner
        """May be replaced at any time: the next call goes to the new one. Forgotten at the end."""
        self.queued = False
        self.closed = False
        self.unsent = self.bytes_in = self.bytes_out = 0
        self._loop = loop
        self._sock = sock
        self._queue = EMPTY
        self._most = READ_BUDGET
        self._is_armed = is_armed
        self._is_readable = self._reads_to_end = self._is_paused = False
        self._has_eof = self._is_finishing = self._has_fin = False
        self._lost: OSError | None = None
        self._until = 0.0
        self._look: Timer | None = None
        if loop.register(sock, self) & READABLE:
            self._is_readable = self._reads_to_end = True
            loop.again(self)

    # for the owner

    def write(self, data: bytes | memoryview) -> None:
        """Send *data*, or what the kernel takes of it; the rest is queued (copied, if it is not bytes).

        After `finish` it raises RuntimeError. On a socket that was lost or closed, data is dropped in silence: the
        owner is told, or about to be.
        """
        if self._is_finishing:
            raise RuntimeError("write after finish")
        if self.closed or self._lost is not None:
            return
        if self._queue:
            if data:  # the queue holds no empty piece: sending it would never end
                self._keep(data, 0)
            return
        if not self._is_armed and (self.bytes_out or self.bytes_in):
            self._arm()
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lose(error)
            return
        self.bytes_out += sent
        if sent < len(data):
            self._keep(data, sent)

    def finish(self) -> None:
        """Send FIN behind what is queued. Reading goes on; after both ends have finished comes `on_closed(None)`."""
        if self._is_finishing or self.closed:
            return
        self._is_finishing = True
        if not self._queue and self._lost is None:
            self._send_fin()

    def read_at_most(self, size: int) -> None:
        """Take no more than *size* bytes (at least one) in one read, so that the owner can keep what it promised."""
        self._most = size

    def pause(self) -> None:
        """Read no more, so that the window closes on the sender."""
        self._is_paused = True

    def resume(self) -> None:
        """Read again, soon."""
        self._is_paused = False
        if self._is_readable and not self.closed:
            self._loop.again(self)

    def cut(self) -> None:
        """Reset it behind what was written: nothing more is read or taken, and RST follows when the peer's kernel has
        the last byte, or after PATIENCE. Then comes `on_closed(CUT)`. (A RST that leaves before that may overtake what
        the network lost, and takes along what the kernel has not sent.)"""
        if not self.closed:
            self._has_eof = True  # nobody reads
            self._lost = CUT
            self._loop.again(self)

    def reset(self) -> None:
        """Close with a RST now; what is queued here and in the kernel is dropped."""
        self._is_finishing = False
        self.close()

    def close(self) -> None:
        """Close now. If all was written and finished, the kernel sends what it has; else the peer gets a RST, since it
        has not the whole."""
        if not self.closed:
            is_whole = self._is_finishing and not self.unsent
            if is_whole and self._is_armed:
                finish_on_close(self._sock)
            elif not is_whole and not self._is_armed:
                reset_on_close(self._sock)
            if self._look is not None:
                self._look.cancel()
            self.closed = True
            self._loop.forget(self._sock.fileno())
            self._sock.close()
            self._queue = EMPTY
            self.unsent = 0
            self.owner = IGNORING

    def settle(self, idle: int) -> None:
        """It is one of those that last: from now on it is asked whether it lives after *idle* silent seconds, and reset
        if this process is killed. Five system calls, which those that are gone at once are spared."""
        if not self.closed:
            keepalive(self._sock, idle)
            self._arm()

    def _arm(self) -> None:
        """Have the kernel reset it if this process is killed: whoever is there must not take half for the whole. Done
        when it has lasted, or with its second piece: what goes out first, and alone, is seldom half of anything."""
        if not self._is_armed:
            self._is_armed = True
            reset_on_close(self._sock)

    @property
    def sock(self) -> socket.socket:
        """For options and addresses; not for reading or writing."""
        return self._sock

    @property
    def backlog(self) -> int:
        """Bytes that wait for the peer to read: here, and in the kernel, unsent. What is on its way is none of them."""
        return 0 if self.closed else self.unsent + kernel_backlog(self._sock)

    def info(self) -> bytes:
        """The beginning of struct tcp_info (linux/tcp.h); nothing, once it is closed or of a socket that is not TCP."""
        try:
            return b"" if self.closed else self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO)
        except OSError:
            return b""

    def statistics(self) -> TcpStatistics:
        """Bytes are counted as the kernel gave and took them."""
        return TcpStatistics(self.bytes_in, self.bytes_out, self.unsent, self._is_paused, self.closed)

    def __repr__(self) -> str:
        parts = ["closed" if self.closed else f"fd {self._sock.fileno()}"]
        parts += ["paused"] * self._is_paused + ["eof"] * self._has_eof + ["finishing"] * self._is_finishing
        return f"<Tcp {', '.join(parts)}, {self.bytes_in} in, {self.bytes_out} out, {self.unsent} unsent>"

    # for the loop

    def serve(self, events: int) -> None:
        """Writes first: what is sent may be what the peer waits for."""
        if self.closed:
            return
        if events & READABLE:
            self._is_readable = True
            if events & DRAIN:
                self._reads_to_end = True
                if events & select.EPOLLERR and (self._has_eof or self._is_paused):  # no read will tell
                    self._lose(self._lost or error_of(self._sock))
        if self._queue and events & WRITABLE:
            self._flush()
        if self._is_readable and not self._is_paused and not self._has_eof:
            self._read()
        if self._lost is not None:
            self._serve_lost(self._lost, events)
        elif self._has_eof and self._has_fin:
            self._end(None)

    def fail(self, error: OSError) -> None:
        """Close with a RST and tell the owner."""
        if not self.closed:
            self._is_finishing = False
            self._end(error)

    # reading

    def _read(self) -> None:
        """Hand over what there is, up to one buffer in all."""
        buffer = self._loop.buffer
        room = READ_BUDGET
        while True:
            asked = self._most if self._most < room else room
            try:
                count = self._sock.recv_into(buffer, asked)
            except BlockingIOError:
                self._is_readable = self._reads_to_end = False
                break
            except OSError as error:
                self._end(self._lost or error)
                return
            if count == 0:
                self._take_eof()
                return
            self.bytes_in += count
            self.owner.on_bytes(buffer[:count])
            if self.closed or self._is_paused:
                return
            if count < asked and not self._reads_to_end:
                self._is_readable = False  # rule 1: a short read
                break
            room -= count
            if room <= 0:
                self._loop.again(self)
                return
        if self._lost is not None:
            self._end(self._lost)

    def _take_eof(self) -> None:
        self._has_eof = True
        self._is_readable = False
        if self._lost is None:
            self.owner.on_eof()

    # writing

    def _keep(self, data: bytes | memoryview, start: int) -> None:
        rest = memoryview(data)[start:]
        if self._queue is EMPTY:
            self._queue = deque()
        queue = self._queue
        self.unsent += len(rest)
        if len(rest) > SMALL:
            queue.append(rest if isinstance(data, bytes) else memoryview(bytes(rest)))
            return
        last = queue[-1] if queue else None
        if isinstance(last, bytearray) and len(last) < GATHERED:
            last += rest
        else:
            queue.append(bytearray(rest))

    def _flush(self) -> None:
        """Send from the queue until it is empty or the kernel is full (then an edge will come)."""
        queue, sock = self._queue, self._sock
        try:
            while queue:
                sent = sock.send(queue[0]) if len(queue) == 1 else sock.sendmsg(list(islice(queue, GATHER)))
                self._drop(sent)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        self.owner.on_writable()
        if self._is_finishing and not self.closed:
            self._send_fin()

    def _drop(self, sent: int) -> None:
        """Take *sent* bytes off the front of the queue."""
        queue = self._queue
        self.unsent -= sent
        self.bytes_out += sent
        while sent:
            first = queue.popleft()
            if sent < len(first):
                queue.appendleft(first[sent:])
                return
            sent -= len(first)

    def _send_fin(self) -> None:
        self._has_fin = True
        if self._has_eof and self._lost is None:
            self._loop.again(self)  # both directions have ended: the close says it
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:  # ENOTCONN: reset meanwhile
            self._has_fin = False
            self._lose(error)

    # endings

    def _lose(self, error: OSError) -> None:
        """Writing failed. The end is told from `serve`, behind the bytes that came before it."""
        self._lost = error.with_traceback(None)  # its frames would hold this socket, and all its callers' data
        self._queue = EMPTY
        self.unsent = 0
        self._is_readable = self._reads_to_end = True
        self._loop.again(self)

    def _serve_lost(self, lost: OSError, events: int) -> None:
        """It ends, unless something may still go one way: what was written before a cut, or what came before a failure
        and waits for the owner to go on."""
        if lost is CUT:
            may_go_on = not events & select.EPOLLERR and (self._queue or unacknowledged(self._sock))
        else:
            may_go_on = not self._has_eof and self._is_paused
        now = self._loop.now
        if not may_go_on or 0 < self._until <= now:
            self._is_finishing = False
            self._end(lost)
        elif not self._until:
            self._until = now + PATIENCE
            self._look_again(FIRST_LOOK if lost is CUT else PATIENCE)

    def _look_again(self, delay: float) -> None:
        """Serve it in *delay* seconds, and then less and less often."""

        def look() -> None:
            self._loop.again(self)
            self._look_again(min(2 * delay, LONGEST_LOOK))

        self._look = self._loop.call_at(min(self._loop.now + delay, self._until), look)

    def _end(self, error: OSError | None) -> None:
        owner = self.owner
        self.close()
        owner.on_closed(error)
