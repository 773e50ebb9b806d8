"""The loop: one epoll, one heap of timers, one read buffer. It serves endpoints and never waits inside a service.

What must stay true: whatever has work left is on a list of the loop or has an edge to come. The order of a turn is
that of the rules at the head of this package. Nothing that an owner raises gets past `fail` and `_call`.
"""

import errno
import select
import socket
import traceback
from collections.abc import Callable
from time import thread_time

import trio

from relay import log
from relay.engine.endpoint import FLUSH, Endpoint
from relay.engine.host import Host, current_host
from relay.engine.lag import Lag
from relay.engine.loop_statistics import LoopStatistics
from relay.engine.timers import Timer, Timers
from relay.engine.urgent import Urgent
from relay.engine.wakers import Alarm, Bell, Waker

READABLE = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR | select.EPOLLPRI
"""Events after which a read has something new to say."""
WRITABLE = select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR
"""Events after which a write has something new to say."""
BOTH_WAYS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLPRI | select.EPOLLET

BUFFER = 256 * 1024
"""Bytes of each shared buffer, and of what an endpoint may read in one service. Fits the second-level cache; at 64 KiB
bulk pays four times the calls, at 1 MiB others wait longer and the buffer falls out of the cache."""
READ_BUDGET = 4 * 65_516
"""The same where plain bytes are read: four frames of a session, each of which fills four TLS records with its header,
so that a full read leaves no scraps."""
SLICE = 0.005
"""Seconds the loop serves before other trio tasks get a turn. At 1 ms a busy loop spends more on turns; at 50 ms the
tasks that dial and ping would run late enough to be mistaken for a slow path."""
LINGER = 0.001
"""Seconds for which a loop that has just served waits in its own epoll before it parks in trio's: the next bytes of a
busy flow are nearly always there by then, and a turn of trio costs more than serving them. It is the shortest wait that
epoll has in Python; other trio tasks are held up by as much."""
EVENTS_AT_ONCE = 64
"""Services of a kind in one turn, the most: at some 50 µs each, a turn stays within the slice. The kernel keeps the
rest of the events, the loop those of its lists."""
FEWEST_AT_ONCE = 8
"""The same where turns take long: what all of them have to send leaves at the end of the turn, and other trio tasks
wait as long. Fewer would cost everybody more turns, to gain less than the slice."""
LONG_TURN = 0.01
"""Seconds of our own thread on the processor in which a turn is long: twice what 64 usual services take. By the clock
on the wall a busy machine makes every turn a long one, and what leaves in smaller pieces then costs each hop a third
more; nobody is served sooner for it, since it is others who run meanwhile."""


class HandlerFailed(OSError):
    """What `on_closed` is told when the owner's own code raised; the exception itself is `__cause__`."""


class Loop:
    """Serves endpoints until cancelled. Everything is called from the thread that runs `run`, by any of its tasks."""

    __slots__ = (
        "_alarm",
        "_bell",
        "_clock",
        "_endpoints",
        "_epoll",
        "_failures",
        "_flushes",
        "_is_parked",
        "_is_serving",
        "_is_slow",
        "_lag",
        "_now",
        "_offer",
        "_ready",
        "_services",
        "_soon",
        "_timers",
        "_turns",
        "_urgent",
        "_wakeups",
        "buffer",
        "pace",
        "raw",
    )

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(BUFFER))
        """What every endpoint reads into; its content lasts until the next read."""
        self.raw = memoryview(bytearray(BUFFER))
        """The same for what has still to be decrypted."""
        self.pace = EVENTS_AT_ONCE
        """Services of a kind in one turn, now."""
        self._is_slow = False
        """The last turn was long on the wall, or there are fewer services in one: the next is timed by the processor,
        which costs two system calls."""
        self._clock = trio.current_time
        """The same, without a search for whose run this is, once the loop runs in one."""
        self._epoll = select.epoll()
        self._alarm, self._bell = Alarm(), Bell()
        self._endpoints: dict[int, Endpoint] = {}
        for waker in (self._alarm, self._bell):
            self._endpoints[waker.descriptor] = waker
            self._epoll.register(waker.descriptor, select.EPOLLIN | select.EPOLLET)
        self._urgent = Urgent(self._service)
        self._offer: tuple[socket.socket, int] | None = None
        self._timers = Timers()
        self._ready: list[Endpoint] = []
        self._flushes: list[Endpoint] = []
        self._soon: list[Callable[[], None]] = []
        self._is_parked = self._is_serving = False
        self._now = 0.0
        self._lag = Lag()
        self._wakeups = self._turns = self._services = self._failures = 0

    # for owners

    @property
    def now(self) -> float:
        """`trio.current_time()` at the start of this turn; outside of a turn, the present."""
        return self._now if self._is_serving else self._clock()

    @property
    def lag(self) -> float:
        """How late the loop serves, in seconds: the longest that a due timer waited, over the last second or two."""
        return self._lag.of_late(self.now)

    def call_at(self, when: float, call: Callable[[], None]) -> Timer:
        """Call once `now` has reached *when* (trio's clock). A call that raises is logged, and that is all."""
        timer = self._timers.add(when, call)
        if self._is_parked and when < self._alarm.deadline:
            self._alarm.set(when, self._clock())
        return timer

    def call_soon(self, call: Callable[[], None]) -> None:
        """Call after all that is ready now was served, in order; calls added by such calls come a turn later."""
        self._soon.append(call)
        if self._is_parked:
            self._bell.ring()

    async def run(self) -> None:
        """Serve until cancelled; then close the loop and every endpoint that is left, and tell no owner."""
        self._clock = trio.lowlevel.current_clock().current_time
        host = current_host()
        try:
            if host is not None:
                await self._run_hosted(host)
            while True:
                if self._serve():
                    await trio.lowlevel.checkpoint()
                else:
                    await self._park()
        finally:
            self.close()

    async def _run_hosted(self, host: Host) -> None:
        """Have *host* serve, which waits for its own bell in this epoll."""
        bell = host.bell
        self._endpoints[bell.descriptor] = bell
        self._epoll.register(bell.descriptor, select.EPOLLIN | select.EPOLLET)
        try:
            await host.serve(self)
        finally:
            self.forget(bell.descriptor)

    def close(self) -> None:
        """Close the loop and all endpoints. Only for a loop that never ran: `run` ends with it."""
        for endpoint in list(self._endpoints.values()):
            endpoint.close()
        self._endpoints.clear()
        self._urgent.close()
        self._epoll.close()

    def endpoints(self) -> list[Endpoint]:
        """Those that are served now, in no order."""
        return list(self._endpoints.values())

    def statistics(self) -> LoopStatistics:
        """Counts since the start; the loop's own two descriptors are not among the endpoints."""
        return LoopStatistics(
            endpoints=self._count(),
            timers=len(self._timers),
            wakeups=self._wakeups,
            turns=self._turns,
            services=self._services,
            failures=self._failures,
            lag=self.lag,
            worst_lag=self._lag.worst(self.now),
        )

    def __repr__(self) -> str:
        state = "closed" if self._epoll.closed else "parked" if self._is_parked else "awake"
        return f"<Loop {state}, {self._count()} endpoints, {len(self._timers)} timers>"

    def _count(self) -> int:
        """Endpoints without what wakes the loop."""
        return sum(not isinstance(endpoint, Waker) for endpoint in self._endpoints.values())

    # for endpoints

    def register(self, sock: socket.socket, endpoint: Endpoint, events: int = BOTH_WAYS) -> int:
        """Serve *endpoint* whenever *sock* has news.

        Returns:
            Events that the socket's former endpoint has seen and left to this one (see `offer`), else 0.
        """
        descriptor = sock.fileno()
        self._endpoints[descriptor] = endpoint
        if self._offer is not None and self._offer[0] is sock:
            left = self._offer[1]
            self._offer = None
            return left
        self._epoll.register(descriptor, events)
        return 0

    def register_urgent(self, sock: socket.socket, endpoint: Endpoint) -> None:
        """Serve *endpoint* whenever *sock* has something to read, also between the services of others: it is soon done,
        and late is lost."""
        descriptor = sock.fileno()
        self._endpoints[descriptor] = endpoint
        self._epoll.register(descriptor, select.EPOLLIN)
        self._urgent.register(descriptor, endpoint)

    def forget(self, descriptor: int) -> None:
        """Serve this descriptor's endpoint no more; its owner closes it now, and with that epoll forgets it too."""
        self._endpoints.pop(descriptor, None)
        self._urgent.endpoints.pop(descriptor, None)

    def hand_over(self, sock: socket.socket, take: Callable[[], None]) -> None:
        """Call *take*, to which *sock* is given. If it raises, the endpoint it made fails, or the socket is closed."""
        descriptor = sock.fileno()
        try:
            take()
        except Exception as error:
            endpoint = self._endpoints.get(descriptor) if sock.fileno() == descriptor else None
            if endpoint is None:
                sock.close()
                raise
            self.fail(endpoint, error)

    def offer(self, sock: socket.socket, events: int, take: Callable[[], None]) -> None:
        """As `hand_over`, for a socket registered here: a new endpoint takes its registration without a system call.

        *events* are those that were seen and not acted upon.
        """
        descriptor = sock.fileno()
        del self._endpoints[descriptor]
        self._offer = (sock, events)
        try:
            self.hand_over(sock, take)
        finally:
            was_taken = self._offer is None
            self._offer = None
            if not was_taken and sock.fileno() == descriptor:
                self._epoll.unregister(descriptor)

    def again(self, endpoint: Endpoint) -> None:
        """Serve *endpoint* once more in the next turn: it stopped before its edge was consumed."""
        if not endpoint.queued:
            endpoint.queued = True
            self._ready.append(endpoint)
            if self._is_parked:
                self._bell.ring()

    def flush_soon(self, endpoint: Endpoint) -> None:
        """Serve *endpoint* (FLUSH) at the end of this turn, when everybody has added what it is to send. Ask once."""
        self._flushes.append(endpoint)
        if self._is_parked:
            self._bell.ring()

    def flush_urgent(self, endpoint: Endpoint) -> None:
        """As `flush_soon`, before those, and behind the services of urgent endpoints if it is one of these that adds
        something."""
        self._urgent.flushes.append(endpoint)
        if self._is_parked:
            self._bell.ring()

    def fail(self, endpoint: Endpoint, error: Exception) -> None:
        """*endpoint*'s owner raised *error*: log it and fail the endpoint."""
        self._note_failure(endpoint, error)
        failure = HandlerFailed(errno.ECONNABORTED, f"{type(error).__name__}: {error}")
        failure.__cause__ = error
        try:
            endpoint.fail(failure)
        except Exception as second:  # noqa: BLE001 - on_closed of an owner that is broken already
            self._note_failure(endpoint, second)

    # inside

    async def _park(self) -> None:
        """Wait until a descriptor is ready, a timer is due or somebody rings."""
        deadline = self._timers.next_deadline()
        if deadline != self._alarm.deadline:  # also if it is later now: to be woken for nothing costs fifty such calls
            self._alarm.set(deadline, self._clock())
        self._is_parked = True
        try:
            await trio.lowlevel.wait_readable(self._epoll.fileno())
        finally:
            self._is_parked = False

    def serve_once(self, *, may_wait: bool) -> None:
        """As `Hosted.serve_once`."""
        wait = -1.0 if may_wait and self._may_wait() else 0.0
        self._wakeups += 1
        self._is_serving = True
        try:
            before = thread_time() if self._is_slow else None
            if not wait:
                self._now = self._clock()
            self._turn(wait)
            began, self._now = self._now, self._clock()
            if self._is_slow or self._now - began > LONG_TURN:
                self._set_pace(self._now - began, before)
        finally:
            self._is_serving = False

    def _may_wait(self) -> bool:
        """Whether there is nothing to do now; then the alarm is set for what is next."""
        if self._ready or self._soon or self._flushes or self._urgent.flushes:
            return False
        deadline, now = self._timers.next_deadline(), self._clock()
        if self._alarm.deadline != deadline > now:
            self._alarm.set(deadline, now)
        return deadline > now

    def _serve(self) -> bool:
        """Serve turn after turn; True if the slice was used up, False if there was nothing left to do."""
        self._wakeups += 1
        self._is_serving = True
        clock = self._clock
        self._now = clock()
        end = self._now + SLICE
        wait = 0.0
        try:
            while self._now <= end:
                before = thread_time() if self._is_slow else None
                has_served = self._turn(wait)
                began, self._now = self._now, clock()
                if self._is_slow or self._now - began > LONG_TURN:
                    self._set_pace(self._now - began, before)
                if self._ready or self._soon or self._flushes or self._urgent.flushes:
                    wait = 0.0
                elif not has_served:
                    return False
                else:
                    wait = LINGER if self._timers.next_deadline() > self._now + LINGER else 0.0
            return True
        finally:
            self._is_serving = False

    def _set_pace(self, took: float, before: float | None) -> None:
        """A turn *took* so many seconds on the wall. If it was thought to take long, *before* is what our thread had
        used of the processor when it began."""
        if before is not None:
            used = thread_time() - before
            if used > LONG_TURN:
                self.pace = max(FEWEST_AT_ONCE, self.pace // 2)
            elif used < LONG_TURN / 2:
                self.pace = min(EVENTS_AT_ONCE, self.pace * 2)
        self._is_slow = took > LONG_TURN or self.pace < EVENTS_AT_ONCE

    def _turn(self, wait: float) -> bool:
        """Serve once what is ready now, or within *wait* seconds, as far as it goes; False if nothing was."""
        self._turns += 1
        # Whose event it is must be settled before the first service, which may close one descriptor and open another
        # with the same number.
        endpoints, urgent = self._endpoints, self._urgent.endpoints
        polled = self._epoll.poll(wait, self.pace)
        hurried, events = list[Endpoint](), list[tuple[Endpoint | None, int]]()
        for descriptor, bits in polled:
            endpoint = urgent.get(descriptor)
            if endpoint is None:
                events.append((endpoints.get(descriptor), bits))
            else:
                hurried.append(endpoint)
        if wait:
            self._now = self._clock()
        deadline = self._timers.next_deadline()
        is_due = deadline <= self._now
        if is_due:
            self._lag.note(self._now - deadline, self._now)
        if hurried:
            self._urgent.serve(hurried, self._now)
        ready, self._ready = self._ready, []
        if len(ready) > self.pace:
            ready, self._ready = ready[: self.pace], ready[self.pace :]
        for found, bits in events:
            if found is not None:
                self._service(found, bits)
                if self._now < self._urgent.until:
                    self._hurry()
        for endpoint in ready:
            endpoint.queued = False
            self._service(endpoint, 0)
            if self._now < self._urgent.until:
                self._hurry()
        if is_due:
            self._call_due()
        is_asked = bool(self._soon or self._urgent.flushes or self._flushes)
        if is_asked:
            self._finish_turn()
        return is_asked or is_due or bool(polled) or bool(ready)

    def _hurry(self) -> None:
        """Datagrams flow: look after them, unless that was done a moment ago."""
        if self._urgent.is_time():
            self._now = self._clock()
            self._urgent.serve(self._urgent.poll(), self._now)

    def _service(self, endpoint: Endpoint, events: int) -> None:
        self._services += 1
        try:
            endpoint.serve(events)
        except Exception as error:  # noqa: BLE001 - one owner's mistake must not end the others; it is logged
            self.fail(endpoint, error)

    def _call_due(self) -> None:
        for timer in self._timers.pop_due(self._now, self.pace):
            call, timer.call = timer.call, None
            if call is not None:
                self._call(call)

    def _finish_turn(self) -> None:
        """Make the calls that were asked for until now, then the flushes, which also carry what the calls added."""
        calls, self._soon = self._soon, []
        for call in calls:
            self._call(call)
        if self._urgent.flushes:
            self._urgent.flush()
        flushes, self._flushes = self._flushes, []
        for endpoint in flushes:
            self._service(endpoint, FLUSH)
            if self._now < self._urgent.until:
                self._hurry()

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - as in _service
            self._note_failure(call, error)

    def _note_failure(self, what: object, error: Exception) -> None:
        self._failures += 1
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames[1:]))
        log.event("handler-failed", level="error", what=repr(what), error=repr(error), where=where)
