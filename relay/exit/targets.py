"""Dials targets at the exit: parse, resolve, judge, dial, in this order, and exactly the addresses that were judged.

What must stay true: `on_done` is called once, from the engine's loop and never from inside `dial`; a socket is handed
over or closed; after `cancel` nothing is called, nothing is open, no connect goes on. An address or a name that is
known costs no task; when descriptors are short, targets are refused first, so that carriers still come in.
"""

import errno
import math
import os
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import trio

from relay import log
from relay.dial.socks import NoProxyError, read_secret
from relay.dial.socks import dial as dial_by_proxy
from relay.engine import descriptors
from relay.engine.connect import Connecting, Racing, connect, race
from relay.engine.descriptors import dial_mark, spare_reserve
from relay.engine.loop import Loop
from relay.engine.sockopts import nodelay
from relay.engine.winners import Winners
from relay.exit.resolver import ResolveError, Resolver
from relay.model.addresses import is_localhost
from relay.model.cause import Cause
from relay.model.families import ALL_FAMILIES
from relay.model.hosts import parse_literal, parse_name, spell_literal
from relay.model.network import Address, Node, Proxy
from relay.policy import Policy

CONNECT_LIMIT = 10.0
"""Seconds for connecting, all addresses of a name together. Linux alone would try for two minutes; clients give up
after 10 to 30 s and then cannot be told why."""
CALM = 10.0
"""Seconds without a lack of descriptors that end an episode: one log line each."""
MOST_TIMED = 32
"""Connects that are made at once only to be timed: measuring must not crowd out what it measures."""

CAUSES = {
    errno.ECONNREFUSED: Cause.REFUSED,
    errno.ECONNRESET: Cause.REFUSED,
    errno.ENETUNREACH: Cause.NO_ROUTE,
    errno.ENETDOWN: Cause.NO_ROUTE,
    errno.EAFNOSUPPORT: Cause.NO_ROUTE,
    errno.EHOSTUNREACH: Cause.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Cause.HOST_UNREACHABLE,
    errno.ETIMEDOUT: Cause.CONNECT_TIMEOUT,
    errno.EACCES: Cause.POLICY,  # the host's own packet filter, or the ruleset of an upstream proxy
    errno.EPERM: Cause.POLICY,
    errno.EMFILE: Cause.LIMIT,
    errno.ENFILE: Cause.LIMIT,
    errno.ENOBUFS: Cause.LIMIT,
    errno.ENOMEM: Cause.LIMIT,
    errno.EADDRNOTAVAIL: Cause.NO_ROUTE,  # no address of this family to come from, or no free port towards this target
}
"""What the kernel says of a connect, as the ingress is told; INTERNAL for what is not here."""

TCP_INFO_RTT = struct.Struct("68xI")
"""Where struct tcp_info (linux/tcp.h) has tcpi_rtt, in microseconds."""


class Dialled:
    """A connected target. `sock` is non-blocking and the receiver's, who has its `Tcp` settle if it lasts; `address` is
    the literal that was dialled, `took` the seconds of its TCP connect and of the wait for addresses tried before."""

    __slots__ = ("address", "sock", "took")

    def __init__(self, sock: socket.socket, address: str, took: float) -> None:
        self.sock = sock
        self.address = address
        self.took = took

    def __repr__(self) -> str:
        return f"<Dialled in {self.took:.3f} s>"


OnDone = Callable[[Dialled | Cause], None]


@attrs.frozen
class TargetsStatistics:
    """All dials since the start."""

    shortages: int
    """That were not made, because the last descriptors are for others."""


class Targets:
    """The exit's way to its targets. `policy` and `resolver` may be exchanged at any time; dials under way go on.

    With `upstream` in the node's file, targets are reached through that proxy: literal addresses are judged all the
    same, names are resolved by the proxy and are its operator's business, except localhost.

    Raises:
        OperatorError: the upstream's password cannot be read (its file is seen from *base*).
    """

    def __init__(
        self, loop: Loop, node: Node, policy: Policy, resolver: Resolver, nursery: trio.Nursery, base: Path
    ) -> None:
        self.policy = policy
        self.resolver = resolver
        self.loop = loop
        self.nursery = nursery
        self.upstream: Proxy | None = node.upstream
        secret = None if node.upstream is None else node.upstream.password
        self.password = None if secret is None else read_secret(secret, base)
        self.winners = Winners()
        self.keepalive = int(node.limits.keepalive)
        self.families = ALL_FAMILIES
        """Those that the machine reaches the world by."""
        self._timing = 0
        self._shortages = 0
        self._short_at = -math.inf

    def statistics(self) -> TargetsStatistics:
        """Counts since the start."""
        return TargetsStatistics(self._shortages)

    def dial(self, host: str, port: int, on_done: OnDone) -> "Dialling":
        """Connect to *host*, an address in any spelling or a name; *on_done* gets the socket or why there is none."""
        dialling = Dialling(self, host, port, on_done)
        if self.upstream is None:
            self._dial_directly(dialling, host)
        else:
            self._dial_upstream(dialling, host, self.upstream)
        return dialling

    def connect_time(self, host: str, port: int, on_done: Callable[[float | Cause], None]) -> None:
        """How long a connect to *host* takes, in seconds; judged like any other, and closed at once."""
        if self._timing >= MOST_TIMED:
            self.loop.call_soon(lambda: on_done(Cause.LIMIT))
            return
        self._timing += 1

        def timed(outcome: Dialled | Cause) -> None:
            self._timing -= 1
            if isinstance(outcome, Dialled):
                outcome.sock.close()
            on_done(outcome.took if isinstance(outcome, Dialled) else outcome)

        self.dial(host, port, timed)

    def cause_of(self, error: OSError) -> Cause:
        """As the ingress is told. A lack of descriptors is told in the log as well."""
        cause = CAUSES.get(error.errno or 0, Cause.INTERNAL)
        log.event("target-failed", level="debug", cause=cause.word, error=os.strerror(error.errno or 0))
        if error.errno in (errno.EMFILE, errno.ENFILE):
            self.note_shortage()
        return cause

    def note_shortage(self) -> None:
        """A target was not dialled, because descriptors are short: count it, and say so once an episode."""
        if self.loop.now - self._short_at > CALM:
            log.event("descriptors-short", level="warning", limit=descriptors.limit(), for_targets=dial_mark())
        self._short_at = self.loop.now
        self._shortages += 1

    def _dial_directly(self, dialling: "Dialling", host: str) -> None:
        literal = spell_literal(host)
        known = (literal,) if literal is not None else self.resolver.cached(host, self.loop.now)
        if known is None:
            self.nursery.start_soon(dialling.resolve)
        elif isinstance(known, Cause):
            dialling.end_soon(known)
        else:
            dialling.connect(known)

    def _dial_upstream(self, dialling: "Dialling", host: str, proxy: Proxy) -> None:
        ip = parse_literal(host)
        name = parse_name(host)
        if ip is not None and (reason := self.policy.refusal(ip, dialling.port)) is not None:
            _note_refusal(reason)
            dialling.end_soon(Cause.POLICY)
        elif ip is None and name is None:
            dialling.end_soon(Cause.NAME_NOT_FOUND)
        elif name is not None and is_localhost(name):
            dialling.end_soon(Cause.POLICY)
        else:
            target = Address(str(ip) if ip is not None else name or host, dialling.port)
            self.nursery.start_soon(dialling.connect_through, proxy, target)


class Dialling:
    """One target on its way. Made by `Targets.dial`; only `cancel` is for its caller."""

    __slots__ = (
        "_attempt",
        "_is_resolving",
        "_on_done",
        "_permitted",
        "_scope",
        "_started",
        "_targets",
        "host",
        "port",
    )

    def __init__(self, targets: Targets, host: str, port: int, on_done: OnDone) -> None:
        self.host = host
        self.port = port
        self._targets = targets
        self._on_done: OnDone | None = on_done
        self._attempt: Connecting | Racing | None = None
        self._permitted: list[str] = []
        self._is_resolving = False
        self._scope: trio.CancelScope | None = None
        self._started = 0.0

    def __repr__(self) -> str:
        over = self._on_done is None
        return f"<Dialling {'over' if over else 'connecting' if self._attempt is not None else 'resolving'}>"

    @property
    def waits_for(self) -> Cause:
        """The cause that it would end with if nothing came any more."""
        return Cause.DNS_TIMEOUT if self._is_resolving else Cause.CONNECT_TIMEOUT

    def cancel(self) -> None:
        """Stop at once; harmless when it is over."""
        self._on_done = None
        if self._attempt is not None:
            self._attempt.cancel()
        if self._scope is not None:
            self._scope.cancel()

    def end_soon(self, cause: Cause) -> None:
        """Tell *cause* from the loop, unless it is cancelled before."""
        self._targets.loop.call_soon(lambda: self._end(cause))

    def connect(self, addresses: Sequence[str]) -> None:
        """Race those of *addresses* that the policy permits; the one that is known to answer goes first."""
        loop, policy, port = self._targets.loop, self._targets.policy, self.port
        self._is_resolving = False
        self._started = now = loop.now
        if len(addresses) > 1:
            addresses = self._targets.winners.order(self.host, addresses, now)
        permitted = self._permitted
        for address in addresses:
            reason = policy.refusal(address, port)
            if reason is None:
                permitted.append(address)
        if len(permitted) == 1:
            self._attempt = connect(loop, (permitted[0], port), CONNECT_LIMIT, self._connected)
        elif permitted:
            where = [(address, port) for address in permitted]
            self._attempt = race(loop, where, timeout=CONNECT_LIMIT, on_done=self._connected)
        else:
            _note_refusal(reason)
            self.end_soon(Cause.POLICY)

    async def resolve(self) -> None:
        """A task: find the addresses of the name, then connect."""
        self._is_resolving = True
        with self._open_scope():
            try:
                addresses = await self._targets.resolver.resolve(self.host)
            except ResolveError as error:
                if error.cause is Cause.LIMIT:
                    self._targets.note_shortage()
                self.end_soon(error.cause)
            else:
                self._targets.loop.call_soon(lambda: self._resolved(addresses))

    async def connect_through(self, proxy: Proxy, target: Address) -> None:
        """A task: connect to *target* by way of *proxy*."""
        with self._open_scope():
            try:
                sock, took = await dial_by_proxy(target, CONNECT_LIMIT, proxy, self._targets.password, spare_reserve)
            except NoProxyError as error:
                cause = self._targets.cause_of(error)
                self.end_soon(cause if cause is Cause.LIMIT else Cause.NO_ROUTE)  # the target has refused nothing
            except OSError as error:
                self.end_soon(self._targets.cause_of(error))
            else:
                nodelay(sock)
                self._targets.loop.call_soon(lambda: self._end(Dialled(sock, target.host, took)))

    def _open_scope(self) -> trio.CancelScope:
        self._scope = trio.CancelScope()
        if self._on_done is None:  # cancelled before the task began
            self._scope.cancel()
        return self._scope

    def _resolved(self, addresses: Sequence[str]) -> None:
        if self._on_done is not None:
            self.connect(addresses)

    def _connected(self, result: socket.socket | OSError) -> None:
        if isinstance(result, OSError):
            self._end(self._targets.cause_of(result))
            return
        now, waited = self._targets.loop.now, self._attempt.waited if self._attempt is not None else 0.0
        address, took = self._address_of(result), _connect_time(result, now - self._started - waited)
        if waited:
            self._targets.winners.won(self.host, address, waited, now)
        self._end(Dialled(result, address, waited + took))

    def _address_of(self, sock: socket.socket) -> str:
        if len(self._permitted) == 1:
            return self._permitted[0]
        try:
            return str(sock.getpeername()[0])
        except OSError:  # reset already
            return self._permitted[0]

    def _end(self, outcome: Dialled | Cause) -> None:
        on_done, self._on_done = self._on_done, None
        if on_done is not None:
            on_done(outcome)
        elif isinstance(outcome, Dialled):
            outcome.sock.close()


def _connect_time(sock: socket.socket, elapsed: float) -> float:
    """The kernel's own measure of SYN to SYN-ACK: without our loop's delay. It has none if the SYN had to be repeated;
    then *elapsed*."""
    (microseconds,) = TCP_INFO_RTT.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_RTT.size))
    return min(microseconds / 1e6, elapsed) if microseconds else elapsed


def _note_refusal(reason: str | None) -> None:
    """For the operator who wonders; without the target, which is the client's business."""
    log.event("target-refused", level="debug", reason=reason)
