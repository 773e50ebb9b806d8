"""A relay between two sockets, both ways: a middle hop's whole data path. It cannot read what it moves, and need not.

What must stay true: bytes leave in the order in which they came; FIN goes out behind the bytes before it, one
direction at a time; RST becomes RST. A flow copies until two reads on end were full, then splices (two system calls
and no copy) until a read is small again. SPLICE_F_MORE is never used: it corks for 200 ms.
"""

import errno
import os
import select
import socket
from collections.abc import Callable

import attrs

from relay.engine.loop import READABLE, WRITABLE, Loop
from relay.engine.pipes import Pipe, Pipes
from relay.engine.sockopts import BULK_NOTSENT_LOWAT, error_of, notsent_lowat, reset_on_close
from relay.engine.tcp import DRAIN
from relay.engine.tcp_info import sent_over
from relay.engine.timers import Timer
from relay.model.sent import NOTHING_SENT, Sent

COPY_SIZE = 64 * 1024
"""Bytes of one copying read. Smaller ones make bulk look full too soon; larger ones are seldom full on a fast hop."""
SMALL = 16 * 1024
"""Bytes below which a spliced read ends splicing: for little, copying is cheaper."""
WATCHED_SIZE = 8 * 1024
"""Bytes of one read that somebody watches, who reads closely: after it the others have their turn."""
BUDGET = 1024 * 1024
"""Bytes moved in one service and direction."""
FULL_READS = 2
"""Copying reads in a row that came back full, after which a flow splices."""
SPLICE_FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK

_pipes = Pipes()

Watcher = Callable[[memoryview], bool]
"""Sees bytes that go by, before they leave; False when it need see no more. The view dies with the call."""


@attrs.frozen
class SpliceStatistics:
    """One relayed connection at one moment. "Forth" is from `a` to `b`."""

    bytes_forth: int
    bytes_back: int
    is_splicing: bool
    is_closed: bool


class Splice:
    """Moves bytes between *a* and *b* (connected, non-blocking), which belong to it from now on.

    `on_closed()` comes once: after both directions ended, after a reset of either (`error` says why), or after *idle*
    seconds in which nothing moved (both are reset); not after `close`. *watch* sees what comes from *a* first, until it
    says that it has seen enough; its OSError is a reset.
    """

    __slots__ = ("_back", "_forth", "_idle", "_loop", "_moved_at", "_on_closed", "_timer", "closed", "error")

    def __init__(
        self,
        loop: Loop,
        a: socket.socket,
        b: socket.socket,
        on_closed: Callable[[], None],
        *,
        idle: float | None = None,
        watch: Watcher | None = None,
    ) -> None:
        self.closed = False
        self.error: OSError | None = None
        self._loop = loop
        self._on_closed = on_closed
        self._forth, self._back = _Flow(a, b, watch), _Flow(b, a)
        self._idle = idle
        self._moved_at = loop.now
        self._timer: Timer | None = None
        if idle is not None:
            self._timer = loop.call_at(loop.now + idle, self._check_idle)
        self._forth.end = _End(self, self._forth, self._back)
        self._back.end = _End(self, self._back, self._forth)
        for flow in (self._forth, self._back):
            if loop.register(flow.source, flow.end) & READABLE:
                flow.is_readable = flow.reads_to_end = True
                loop.again(flow.end)

    def close(self) -> None:
        """Reset both sides now."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        for flow in (self._forth, self._back):
            self._loop.forget(flow.source.fileno())
            flow.sent_back = sent_over(flow.source).counts
            if not (self._forth.is_over and self._back.is_over):
                reset_on_close(flow.source)
        for flow in (self._forth, self._back):
            flow.source.close()
            flow.drop_pipe()

    def statistics(self) -> SpliceStatistics:
        """Bytes since the start, those that were copied as well as those that were spliced."""
        is_splicing = self._forth.is_splicing or self._back.is_splicing
        return SpliceStatistics(self._forth.moved, self._back.moved, is_splicing, self.closed)

    def sent(self) -> tuple[Sent, Sent]:
        """What the kernel knows of what was sent to `a`, and to `b`; once it is closed, of all."""
        if self.closed:
            return self._forth.sent_back, self._back.sent_back
        return sent_over(self._forth.source), sent_over(self._back.source)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<Splice {state}, {self._forth.moved} bytes forth, {self._back.moved} back>"

    # for its two ends

    def pump(self, flow: "_Flow") -> None:
        """Move what can be moved along *flow*, within the budget."""
        before = flow.moved
        try:
            flow.pump(self._loop)
        except OSError as error:
            self.end(error)
            return
        if flow.moved != before:
            self._moved_at = self._loop.now
        if self._forth.is_over and self._back.is_over:
            self.end(None)

    def end(self, error: OSError | None) -> None:
        """Reset both sides, or close them if both are over, and tell the owner; `error` says why by then."""
        self.error = None if error is None else error.with_traceback(None)  # see Tcp
        self.close()
        self._on_closed()

    def _check_idle(self) -> None:
        idle = self._idle or 0.0
        due = self._moved_at + idle
        if self._loop.now < due:
            self._timer = self._loop.call_at(due, self._check_idle)
        else:
            self.end(OSError(errno.ETIMEDOUT, f"nothing moved for {idle:g} s"))


class _End:
    """One socket's endpoint: its news concern the flow that comes from it and the one that goes to it."""

    __slots__ = ("_incoming", "_outgoing", "_splice", "queued")

    def __init__(self, splice: Splice, incoming: "_Flow", outgoing: "_Flow") -> None:
        self.queued = False
        self._splice = splice
        self._incoming = incoming
        self._outgoing = outgoing

    def serve(self, events: int) -> None:
        splice, incoming, outgoing = self._splice, self._incoming, self._outgoing
        if splice.closed:
            return
        if events & select.EPOLLERR and (incoming.is_blocked or incoming.has_eof):
            # Nobody will read here, so that a read would tell. Else what came before the reset goes first.
            splice.end(error_of(incoming.source))
            return
        if events & READABLE:
            incoming.is_readable = not incoming.has_eof
            incoming.reads_to_end |= bool(events & DRAIN)
        if incoming.is_readable and not incoming.is_blocked:
            splice.pump(incoming)
        if events & WRITABLE and outgoing.is_blocked and not splice.closed:
            splice.pump(outgoing)

    def fail(self, error: OSError) -> None:
        if not self._splice.closed:
            self._splice.end(error)

    def close(self) -> None:
        self._splice.close()


class _Flow:
    """One direction: at any moment it holds bytes in `_rest` (copied) or in a pipe, or nothing, and only then reads."""

    __slots__ = (
        "_full_reads",
        "_held",
        "_is_wide",
        "_pipe",
        "_rest",
        "_sink",
        "end",
        "has_eof",
        "is_blocked",
        "is_over",
        "is_readable",
        "moved",
        "reads_to_end",
        "sent_back",
        "source",
        "watch",
    )

    end: _End

    def __init__(self, source: socket.socket, sink: socket.socket, watch: Watcher | None = None) -> None:
        self.source = source
        self.watch = watch
        """While there is one, nothing is spliced."""
        self.moved = 0
        self.is_readable = False
        """The source may have more: its edge is not consumed."""
        self.reads_to_end = False
        """A short read proves nothing: an end or an error stands behind it."""
        self.is_blocked = False
        """The sink is full and bytes are held here; its edge will come."""
        self.has_eof = False
        self.is_over = False
        """FIN was passed on."""
        self.sent_back = NOTHING_SENT
        """What was sent to the source by then, once it is closed."""
        self._sink = sink
        self._rest = memoryview(b"")
        self._pipe: Pipe | None = None
        self._held = 0
        self._full_reads = 0
        self._is_wide = False

    @property
    def is_splicing(self) -> bool:
        return self._full_reads >= FULL_READS

    def pump(self, loop: Loop) -> None:
        """Push what is held, then pull and push until the source is drained, the sink full or the budget used."""
        if not self.is_blocked or self._push():  # what is not blocked holds nothing
            room = BUDGET
            while self.is_readable and room > 0:
                pulled = self._pull(loop)
                room -= pulled if self.watch is None else BUDGET
                if not self._push():
                    break
            if self.has_eof and not self.is_blocked and not self.is_over:
                self._sink.shutdown(socket.SHUT_WR)
                self.is_over = True
            if self.is_readable and not self.is_blocked:
                loop.again(self.end)
        if self._pipe is not None and not self._held:
            self.drop_pipe()

    def drop_pipe(self) -> None:
        """Return the pipe, if there is one."""
        if self._pipe is not None:
            _pipes.take_back(self._pipe, self._held)
            self._pipe = None

    def _pull(self, loop: Loop) -> int:
        """Take bytes from the source; how many."""
        if self._full_reads >= FULL_READS and self._pipe is None:
            self._pipe = _pipes.lend(loop.now)
            self._widen()
        try:
            count = self._pull_copy(loop.buffer) if self._pipe is None else self._pull_splice(self._pipe)
        except BlockingIOError:
            self.is_readable = self.reads_to_end = False
            return 0
        if count == 0:
            self.has_eof = True
            self.is_readable = False
        return count

    def _widen(self) -> None:
        """Let the sink's kernel queue be as deep as bulk wants it; once. A carrier shared by streams seldom splices."""
        if not self._is_wide:
            self._is_wide = True
            notsent_lowat(self._sink, BULK_NOTSENT_LOWAT)

    def _pull_copy(self, buffer: memoryview) -> int:
        size = COPY_SIZE if self.watch is None else WATCHED_SIZE
        count = self.source.recv_into(buffer, size)
        self._rest = buffer[:count]
        if self.watch is not None and not self.watch(self._rest):
            self.watch = None
        self._full_reads = self._full_reads + 1 if count == COPY_SIZE else 0
        if count < size and not self.reads_to_end:
            self.is_readable = False
        return count

    def _pull_splice(self, pipe: Pipe) -> int:
        self._held = os.splice(self.source.fileno(), pipe.write_end, pipe.size, flags=SPLICE_FLAGS)
        if self._held < SMALL:
            self._full_reads = 0
        return self._held

    def _push(self) -> bool:
        """Give the sink what is held; False if some is left."""
        try:
            while self._held and self._pipe is not None:
                sent = os.splice(self._pipe.read_end, self._sink.fileno(), self._held, flags=SPLICE_FLAGS)
                self._held -= sent
                self.moved += sent
            while self._rest:
                sent = self._sink.send(self._rest)
                self._rest = self._rest[sent:]
                self.moved += sent
        except BlockingIOError:
            if not self._rest.readonly:
                self._rest = memoryview(bytes(self._rest))  # it lay in the shared buffer
            self.is_blocked = True
            return False
        self.is_blocked = False
        return True
