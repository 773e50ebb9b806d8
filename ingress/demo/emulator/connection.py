"""One connection over a line: two sockets and a flight each way.

What must stay true: FIN and RST cross the line as bytes do, behind them and after its delay; nothing is closed by a
line that is blocked; a socket whose peer is gone never spins in epoll.
"""

import socket
import struct

from ingress.demo.emulator.flight import Flight, Mark, OneWay
from ingress.demo.emulator.loop import BROKEN, READ, WRITE, EmulatorLoop

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.close()


class End:
    """One socket of a connection: read by the pump `out`, written by the pump `into`; its maker joins it to both."""

    __slots__ = ("_events", "_loop", "_watched", "into", "is_open", "out", "sock")

    out: "Pump"
    into: "Pump"

    def __init__(self, loop: EmulatorLoop, sock: socket.socket) -> None:
        self._loop = loop
        self.sock = sock
        self.is_open = True
        self._events = READ
        self._watched = True
        loop.register(sock.fileno(), READ, self._on_ready)

    def join(self, out: "Pump", into: "Pump") -> None:
        """Let *out* read the socket and *into* write it, from the next turn of the loop on."""
        self.out, self.into = out, into

    def want(self, event: int, wanted: bool) -> None:
        """Ask to be told of READ or WRITE, or no longer."""
        events = self._events | event if wanted else self._events & ~event
        if events == self._events or not self.is_open:
            return
        self._events = events
        if self._watched:
            self._loop.modify(self.sock.fileno(), events)

    def _on_ready(self, events: int) -> None:
        if events & WRITE:
            self.into.deliver()
        if events & READ and self.is_open:
            self.out.read()
        if events & BROKEN and self.is_open and self._watched:
            self._watched = False  # level-triggered: the loop would tell of it at every turn, also while nobody reads
            self._loop.unregister(self.sock.fileno())
            self.out.read_on()

    @property
    def is_silent(self) -> bool:
        """The socket broke: epoll tells no more of it, whoever reads must read on to the error unasked."""
        return not self._watched

    def close_if_done(self) -> None:
        """Close once both ways have ended."""
        if self.out.is_read and self.into.is_done:
            self.close()

    def abort(self) -> None:
        """Close with RST: nothing is read from here any more, nothing given to it."""
        self.out.stop_reading()
        self.into.drop()
        self.close(abort=True)

    def close(self, *, abort: bool = False) -> None:
        """Close, with RST if *abort*; again: nothing."""
        if not self.is_open:
            return
        self.is_open = False
        if self._watched:
            self._loop.unregister(self.sock.fileno())
        if abort:
            reset(self.sock)
        else:
            self.sock.close()


class Pump:
    """Takes bytes from *source*, flies them, gives them to *sink*."""

    __slots__ = ("_armed", "_flight", "_loop", "_sink", "_source", "_waiting", "is_done", "is_dropped", "is_read")

    def __init__(self, loop: EmulatorLoop, source: End, sink: End, way: OneWay) -> None:
        self._loop = loop
        self._source = source
        self._sink = sink
        self._flight = Flight(way)
        self._armed = False
        self._waiting = False
        self.is_read = False
        """FIN or RST was read: no more comes from the source."""
        self.is_done = False
        """FIN or RST was given to the sink, or the sink is gone."""
        self.is_dropped = False
        """The sink is gone: what the source still sends is read and forgotten."""

    def stop_reading(self) -> None:
        """The source is given up: whatever it still sends is not for us."""
        self.is_read = True

    def read(self) -> None:
        """Take what the source has and the flight has room for."""
        if self.is_read:
            return
        room = self._flight.room(self._loop.now)
        self._source.want(READ, room > 0)
        if room > 0:
            self._receive(room)
        elif not self._waiting and (when := self._flight.way.wake()) is not None:
            self._waiting = True
            self._loop.call_at(max(when, self._loop.now), self._on_room)

    def _on_room(self) -> None:
        self._waiting = False
        self.read()

    def read_on(self) -> None:
        """The source broke: read to the error, which may stand behind bytes; past FIN it is known already."""
        if self.is_read:
            self.break_off()
        else:
            self.read()

    def _receive(self, room: int) -> None:
        try:
            data = self._source.sock.recv(room)
        except BlockingIOError:
            return
        except OSError:
            self.break_off()
            return
        if not data:
            self._finish()
        elif not self.is_dropped:
            self._flight.send(data, self._loop.now)
            self._arm()
        if self._source.is_silent and not self.is_read:
            self._loop.call_at(self._loop.now, self.read)

    def _finish(self) -> None:
        """The source sent FIN."""
        self.is_read = True
        self._source.want(READ, False)
        if not self.is_dropped:
            self._flight.end(Mark.FIN, self._loop.now)
            self._arm()
        self._source.close_if_done()

    def break_off(self) -> None:
        """The source was reset: so will the sink be, behind what is under way. What flies to the source is dropped."""
        self.is_read = True
        if not self.is_dropped:
            self._flight.end(Mark.RESET, self._loop.now)
            self._arm()
        self._source.into.drop()
        self._source.close()

    def _arm(self) -> None:
        when = self._flight.next_arrival()
        if when is not None and not self._armed:
            self._armed = True
            self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._armed = False
        self.deliver()

    def deliver(self) -> None:
        """Give the sink all that has arrived and that it takes."""
        while not self.is_dropped and (chunk := self._flight.arrived(self._loop.now)) is not None:
            if isinstance(chunk, Mark):
                self._flight.take(0)
                self._end(chunk)
            elif not self._give(chunk):
                return
        self._sink.want(WRITE, False)
        self._arm()

    def _give(self, chunk: memoryview) -> bool:
        """Write what the kernel takes; False if the sink is full or gone."""
        try:
            taken = self._sink.sock.send(chunk)
        except BlockingIOError:
            taken = 0
        except OSError:
            self._sink.out.break_off()
            return False
        was_full = self._flight.room(self._loop.now) <= 0
        self._flight.take(taken)
        if was_full:
            self.read()
        self._sink.want(WRITE, taken < len(chunk))
        return taken == len(chunk)

    def _end(self, mark: Mark) -> None:
        self.is_done = True
        if mark is Mark.RESET:
            self._sink.abort()
            return
        try:
            self._sink.sock.shutdown(socket.SHUT_WR)
        except OSError:  # reset meanwhile; epoll tells of it next
            return
        self._sink.close_if_done()

    def drop(self) -> None:
        """The sink is gone: forget what is on its way there."""
        self.is_done = self.is_dropped = True
        self._flight.drop()

    def resume(self) -> None:
        """Conditions changed: look anew at what has arrived and what there is room for."""
        self.deliver()
        self.read()


class EmulatedConnection:
    """A dialled connection over a line, until both its sockets are closed."""

    __slots__ = ("_back", "_dialler", "_node", "_towards")

    def __init__(
        self, loop: EmulatorLoop, dialler: socket.socket, node: socket.socket, towards: OneWay, back: OneWay
    ) -> None:
        self._dialler = End(loop, dialler)
        self._node = End(loop, node)
        self._towards = Pump(loop, self._dialler, self._node, towards)
        self._back = Pump(loop, self._node, self._dialler, back)
        self._dialler.join(out=self._towards, into=self._back)
        self._node.join(out=self._back, into=self._towards)

    @property
    def is_open(self) -> bool:
        """One of its sockets is open still."""
        return self._dialler.is_open or self._node.is_open

    def resume(self) -> None:
        """The line's conditions changed."""
        self._towards.resume()
        self._back.resume()

    def reset(self) -> None:
        """Both ends get a RST, now."""
        self._dialler.abort()
        self._node.abort()
