"""Opens streams for clients: decides by the choice, waits while there is no path, opens again at another exit.

Everything here runs inside the engine. What puts a stream on a path is asked for as `Streams`.
"""

from collections import deque
from collections.abc import Callable, Collection
from typing import Protocol

import attrs

from ingress.choice.choice import Choice
from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand, Demands, NameFinder, demands_of
from ingress.choice.sites import TCP
from ingress.choice.wishes import Wishes
from ingress.client.allowances import Allowances
from ingress.client.client_accounts import ClientAccounts
from ingress.client.client_stream import OTHERS_MAY, ClientStream, StreamHolder
from ingress.client.hedging import Hedges, Hedging
from ingress.client.owner import Owner
from ingress.client.permits import Permit, Permits
from ingress.client.withdrawing import Withdrawing
from ingress.config import IngressConfig
from ingress.config.rule import Rule
from ingress.lists.load import NO_LISTS, Lists
from ingress.measure.histogram import OPEN_BOUNDS, Histogram
from relay import log
from relay.engine import Loop
from relay.model.cause import Cause
from relay.model.network import Address
from relay.session.initiator import InitiatorStream
from relay.session.sink import Sink

WAIT_FOR_PATH = 5.0
"""Seconds a new stream waits when no path is up, also at start-up; then 03, or 503."""
MOST_WAITING = 1024
"""Streams that wait for a path at once; further ones are refused at once."""
LOST_CAUSES = frozenset({Cause.EXIT_LOST, Cause.SESSION_EXPIRED, Cause.GONE, Cause.DRAINING, Cause.PROTOCOL})
"""Ends that are nobody's wish: counted with the path that the stream was opened on."""


class Streams(Hedges, Protocol):
    """Whoever puts streams on paths."""

    def open(self, choice: Choice, sink: Sink, now: float) -> InitiatorStream | None:
        """Open a stream as *choice* says; None if its path has no carrier now."""

    def count_lost(self, choice: Choice, cause: str) -> None:
        """A stream that was opened as *choice* says was lost, by the word of its Cause."""


class DirectStreams(Protocol):
    """Whoever dials targets from this machine."""

    def open(self, host: str, port: int, sink: Sink) -> InitiatorStream:
        """Begin a stream to *host* that no line carries."""


@attrs.frozen
class OpenerStatistics:
    """What an opener has counted since it was made."""

    unrepeatable: int
    """Streams that no other exit could take up, because the client had said more than is kept."""


@attrs.frozen
class NotOpened:
    """There will be no stream."""

    cause: Cause
    rule: str = ""
    """The rule that wanted it so, for people; empty if none did."""


class Opener:
    """The `Outcomes` of all clients' streams.

    *has_room(most)* tells whether another stream may be opened beside at most *most*, as far as memory goes as well.
    """

    def __init__(
        self,
        loop: Loop,
        chooser: Chooser,
        streams: Streams,
        has_room: Callable[[int], bool],
        accounts: ClientAccounts,
        allowances: Allowances,
        config: IngressConfig,
        lists: Lists = NO_LISTS,
        wishes: Wishes | None = None,
        names: NameFinder | None = None,
    ) -> None:
        self._loop = loop
        self._chooser = chooser
        self._streams = streams
        self._has_room = has_room
        self._accounts = accounts
        self._allowances = allowances
        self._waiting: deque[ClientStream] = deque()
        self._hedging = Hedging(chooser, streams)
        self._withdrawing = Withdrawing(chooser, self._has_other)
        self._unrepeatable = 0
        self.open_times = Histogram(OPEN_BOUNDS)
        """Seconds from a request until an exit had connected."""
        self.direct: DirectStreams | None = None
        """Set by whoever made it, if a rule says `direct`."""
        self.wishes = wishes
        self._names = names
        self._asking: set[ClientStream] = set()
        """Those that wait until it is known what their target's name means."""
        self.use(config, demands_of(config, lists, wishes, names))

    def use(self, config: IngressConfig, demands: Demands | None = None) -> None:
        """Go by *config* from the next stream on, and by its allowances with all; *demands* are made by its rules and
        the lists that these name; None: by rules that name none."""
        self._demands = demands or demands_of(config, NO_LISTS, self.wishes, self._names)
        self._permits = Permits(config)
        self._most_streams = config.limits.streams
        self._may_answer_early = config.answer != "true"
        self._allowances.use(config.allowances)
        for stream in {*self._accounts.streams, *self._waiting, *self._asking}:
            self._allowances.moved(stream)

    def pace(self, owners: Collection[Owner]) -> None:
        """These have other buckets from now on."""
        for stream in {*self._accounts.streams, *self._waiting, *self._asking}:
            if stream.owner in owners:
                self._allowances.paced(stream)

    @property
    def waiting(self) -> int:
        """How many streams wait for a path, or to know what a name means."""
        return len(self._waiting) + len(self._asking)

    @property
    def unacknowledged(self) -> int:
        """How many OPENs may still be hedged."""
        return len(self._hedging)

    def demand(
        self,
        host: str,
        port: int,
        client: str = "",
        user: str = "",
        listen: Address | None = None,
        protocol: str = TCP,
    ) -> Demand:
        """What a stream to *host* asks of the choice, by the rules and by what the exits may dial."""
        return self._demands.make(host, port, client, user, self._permits.judge(host, port).exits, listen, protocol)

    def again(self, demand: Demand) -> Demand:
        """What is asked now for a running stream that was opened for *demand*."""
        return self._demands.again(demand, self._permits.judge(demand.host, demand.port).exits)

    @property
    def restricts_paths(self) -> bool:
        """Whether streams may be restricted to some paths."""
        return self._demands.restrict_paths

    def statistics(self) -> OpenerStatistics:
        """What its bounds have counted."""
        return OpenerStatistics(self._unrepeatable)

    # ---- opening

    def open(
        self, holder: StreamHolder, host: str, port: int, client: str, user: str, listen: Address | None = None
    ) -> "ClientStream | NotOpened":
        """A stream that is open, or waits for a path; or why there will be none. If it `is_answered`, say so now."""
        permit, now = self._permits.judge(host, port), self._loop.now
        demand = self._demands.make(host, port, client, user, permit.exits, listen)
        asks = demand.asking and len(self._asking) < MOST_WAITING
        cause = permit.refusal if asks else self._refusal(demand, permit)
        if cause is None and not self._has_room(self._most_streams):
            cause = Cause.LIMIT
        owner = self._allowances.find(user, client)
        if cause is None and owner is not None and not self._allowances.may_open(owner):
            return NotOpened(Cause.ALLOWANCE)
        if cause is None:
            stream = ClientStream(holder, self, demand, now)
            if owner is not None:
                self._allowances.joined(stream, owner)
            if asks:
                self._ask(stream)
                return stream
            if self._start(stream, now) or self._wait(stream):
                return stream
            self._allowances.left(stream)
            cause = Cause.NO_PATH
        _log_refusal(demand, cause)
        return NotOpened(cause, demand.ruled)

    def _refusal(self, demand: Demand, permit: Permit) -> Cause | None:
        """Why there will be no stream. What exits would refuse, this machine may be allowed to dial: it judges for
        itself, but for a loop."""
        if demand.match is None:
            return permit.refusal
        if demand.is_direct and permit.refusal is Cause.POLICY:
            return None
        return demand.refusal or permit.refusal

    def _start(self, stream: ClientStream, now: float) -> bool:
        """Decide and open; False if no path can carry it now."""
        if stream.demand.match is not None and stream.demand.is_direct:
            return self._start_directly(stream)
        choice = self._chooser.decide(stream.demand, now)
        if choice is None or not self._open_as(stream, choice, now):
            return False
        may = self._may_answer_early if stream.demand.match is None else self._may_answer(stream.demand.match.rule)
        if may and self._chooser.may_answer_early(stream.demand, now):
            stream.answer()
        return True

    def _start_directly(self, stream: ClientStream) -> bool:
        """The client is told once it is connected: from here that takes no round trip over the ocean."""
        if self.direct is None:
            return False
        stream.begin(self.direct.open(stream.demand.host, stream.demand.port, stream), None)
        self._accounts.began(stream)
        return True

    def _may_answer(self, rule: Rule) -> bool:
        """Whether success may be told before it is certain: as *rule* says, or else the ingress."""
        return self._may_answer_early if rule.answer is None else rule.answer != "true"

    def _open_as(self, stream: ClientStream, choice: Choice, now: float) -> bool:
        opened = self._streams.open(choice, stream, now)
        if opened is None:
            return False
        self._chooser.opened(choice, now)
        stream.begin(opened, choice)
        self._accounts.began(stream)
        self._hedging.add(choice, opened, now)
        self._withdrawing.add(stream, opened, now)
        return True

    # ---- waiting

    def _ask(self, stream: ClientStream) -> None:
        """A rule has to know first what the target's name means."""
        assert self._names is not None
        self._asking.add(stream)
        self._names.ask(stream.demand.host, lambda: self._asked(stream))

    def _asked(self, stream: ClientStream) -> None:
        """It is known, or was waited for long enough: then no rule matches by it."""
        self._asking.discard(stream)
        if not stream.is_current:
            return
        stream.demand = demand = self.again(stream.demand)
        cause = self._refusal(demand, self._permits.judge(demand.host, demand.port))
        if cause is None and self._start(stream, self._loop.now):
            stream.tell_answered()
        elif cause is not None or not self._wait(stream):
            _log_refusal(demand, cause or Cause.NO_PATH)
            stream.refuse(cause or Cause.NO_PATH)

    def _wait(self, stream: ClientStream) -> bool:
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting.append(stream)
        return True

    def each_round(self) -> None:
        """Paths may have come up; slow openings are looked at."""
        now = self._loop.now
        self._hedging.look(now)
        self._withdrawing.look(now)
        for _ in range(len(self._waiting)):
            self._try_again(self._waiting.popleft(), now)

    def _try_again(self, stream: ClientStream, now: float) -> None:
        if not stream.is_current:
            return
        if self._start(stream, now):
            stream.tell_answered()
        elif now - stream.asked_at >= WAIT_FOR_PATH:
            _log_refusal(stream.demand, Cause.NO_PATH)
            stream.refuse(Cause.NO_PATH)
        else:
            self._waiting.append(stream)

    # ---- as the Outcomes of streams

    def reopen(self, stream: ClientStream, old: InitiatorStream) -> bool:
        """Take another exit for a stream of which no target has had a byte; what the client has said goes with it."""
        if stream.choice is None:
            return False
        for choice in self._chooser.at_other_exits(stream.choice, self._loop.now):
            if choice.exit not in stream.refused_by and self._open_as(stream, choice, self._loop.now):
                self._repeat(stream, old)
                return True
        if old.is_withdrawing and self._start(stream, self._loop.now):  # the exit that was to have it is gone
            self._repeat(stream, old)
            return True
        return not stream.refused_by and not stream.is_answered and self._wait(stream)

    def _has_other(self, stream: ClientStream) -> bool:
        """Whether there is an exit that may have *stream*, has not failed it, and is well."""
        choice, sick = stream.choice, self._chooser.health.sick
        others = () if choice is None else self._chooser.at_other_exits(choice, self._loop.now)
        return any(other.exit not in stream.refused_by and other.exit not in sick for other in others)

    def _repeat(self, stream: ClientStream, old: InitiatorStream) -> None:
        """Give the new stream all that *old* was given."""
        if old.withdrawn:
            stream.write(old.withdrawn)
        if old.sender.is_finished:
            stream.finish()

    def connected(self, stream: ClientStream, took: float) -> None:
        """An exit has connected to the target, in *took* seconds."""
        if stream.choice is not None:
            now = self._loop.now
            self._chooser.connected(stream.demand, stream.choice.exit, took, now)
            self.open_times.note(now - stream.asked_at)

    def failed(self, stream: ClientStream, cause: Cause) -> None:
        """The target could not be reached, and no path is to blame."""
        self._chooser.failed(stream.demand, self._loop.now)

    def refused(self, stream: ClientStream, old: InitiatorStream, cause: Cause) -> None:
        """The exit of *old* could not connect the target."""
        self._unrepeatable += old.withdrawn is None and cause in OTHERS_MAY
        if stream.choice is not None:
            self._chooser.refused(stream.demand, stream.choice.exit, cause, self._loop.now)

    def ended(self, stream: ClientStream, old: InitiatorStream, cause: Cause) -> None:
        """A stream has ended before both its ends were done."""
        self._accounts.broke(stream, old)
        if stream.choice is not None and cause in LOST_CAUSES:
            self._streams.count_lost(stream.choice, cause.word)
        log.event("stream-ended", level="debug", stream=old.id, why=cause.word)

    def over(self, stream: ClientStream) -> None:
        """The client is done with it."""
        self._accounts.over(stream)
        self._allowances.left(stream)


def _log_refusal(demand: Demand, cause: Cause) -> None:
    rule = {"rule": demand.ruled} if demand.ruled else {}
    log.event("stream-refused", client=demand.client, target=f"{demand.host}:{demand.port}", why=cause.word, **rule)
