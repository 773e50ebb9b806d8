"""What leads to one exit: its paths' labels, which of them is primary and which spare, and how often each is asked.

Asked is what flows use, and what would take over: often while they flow, less for a while after, seldom on the best two
of an exit that nobody uses. A path that was lost is asked until it answers again.
"""

from collections.abc import Iterable, Mapping

from ingress.choice.datagrams import MARGIN, Candidate, Route, State, route, wants_copies
from ingress.measure.gauge import Gauge
from ingress.paths.datagram_path import BASE_SIZE, TRIAL, DatagramPath
from relay.wire.codes import Feature
from relay.wire.datagrams import BOUND, INNER

QUICK = 0.025
"""Seconds between heartbeats on primary and spare while datagrams flow: silence shows within three of them. At 10 ms
they would be as many as a game's own datagrams; at 50 ms a path's death is felt."""
CALM = 0.25
SELDOM = 5.0
"""The same for a while after the last datagram; and else, on the best two paths of an exit."""
LOST = 1.0
"""On a path that was lost, until it answers."""
DEAF = 60.0
"""On a path that never answered."""
FLOWING = 1.0
USED = 30.0
"""Seconds since the last datagram for which flows count as flowing, and as to be expected again."""
ASLEEP = 300.0
"""Seconds without datagrams after which carriers for them are let go until there are some."""
GIVEN_UP = 0.5
"""Seconds for which no path to an exit works, before its flows go to another one."""
MEASURED = 2
"""Paths of an exit that are asked when nobody uses it."""
OVERHEAD = 16 + INNER.size + 16
"""Bytes around address and payload: label and number, what leads the sealed part, its tag."""


class ExitWay:
    """One exit's. The same object for all flows there, so that a move is one assignment.

    *within* names the only paths that its flows may take: such a one is made by the exit's own (`bound`), which also
    sees to its heartbeats.
    """

    __slots__ = (
        "_used_at",
        "bad_since",
        "bounded",
        "copies",
        "detours",
        "due",
        "exit",
        "flows",
        "generation",
        "is_awake",
        "is_suspect",
        "mark",
        "paths",
        "primary",
        "room",
        "route",
        "spare",
        "urged_until",
        "was_used",
        "within",
    )

    def __init__(self, exit_: str, within: frozenset[str] | None = None) -> None:
        self.exit = exit_
        self.within = within
        self.bounded: dict[frozenset[str], ExitWay] = {}
        """Those for flows that may take some of its paths only."""
        self.flows = 0
        """How many go by it."""
        self.mark = 0
        """What the kinds of its flows' datagrams have set besides."""
        self.paths: dict[str, DatagramPath] = {}
        """By name."""
        self.detours: dict[str, DatagramPath] = {}
        """What flows go by instead of paths that police UDP, by the names of these."""
        self.route = Route()
        self.primary: DatagramPath | None = None
        self.spare: DatagramPath | None = None
        self.copies = False
        """Thin flows are copied."""
        self.room = BASE_SIZE - OVERHEAD
        """Bytes of address and payload that its paths carry in one datagram."""
        self.generation = 0
        self.is_suspect = False
        """As in the route."""
        self.was_used = False
        """A datagram went or came since the last look: so that none has to read the clock."""
        self.is_awake = False
        """It is looked at often; who sends on one that is not has it woken."""
        self.due = float("-inf")
        """When it has to be looked at next; while it is awake, whenever anything is."""
        self._used_at = float("-inf")
        self.bad_since: float | None = None
        """Since when no path works."""
        self.urged_until = float("-inf")

    def __repr__(self) -> str:
        return f"<ExitWay to {self.exit} by {self.route.primary}, spare {self.route.spare}>"

    def is_flowing(self, now: float) -> bool:
        """Whether datagrams flow."""
        return now - self._used_at < FLOWING

    def is_used(self, now: float) -> bool:
        """Whether they do, or may again at once."""
        return now - self._used_at < USED

    def let_sleep(self, path: DatagramPath, now: float) -> None:
        """Let the carrier go by which *path* is known to work, if nobody has sent or got anything for long."""
        carrier, rests = path.carrier, now - max(path.carried_at, *(one._used_at for one in self.all)) >= ASLEEP
        if carrier is not None and path.out is carrier and path.gauge.is_measured and rests:
            carrier.sleep()

    def is_given_up(self, now: float) -> bool:
        """Whether nothing has worked for so long that its flows should leave."""
        return self.bad_since is not None and now - self.bad_since >= GIVEN_UP

    def urge(self, now: float, until: float) -> None:
        """It may be needed: find out whether it answers."""
        if now >= self.urged_until:
            self.due = now
            for path in self.paths.values():
                if path.carrier is not None:
                    path.carrier.wake()
        self.urged_until = until

    # ---- flows that may take some paths only

    @property
    def all(self) -> "tuple[ExitWay, ...]":
        """Itself, and those that are made of it."""
        return (self, *self.bounded.values())

    def bound(self, within: frozenset[str], now: float) -> "ExitWay":
        """The same of those of its paths that are *within*."""
        way = self.bounded.get(within)
        if way is None:
            way = self.bounded[within] = ExitWay(self.exit, within)
            way._follow(self.paths, now)
        return way

    def _follow(self, paths: Mapping[str, DatagramPath], now: float) -> None:
        self.paths = {name: path for name, path in paths.items() if self.allows(name)}
        knows = any(path.live.peer.knows(Feature.BOUND_DATAGRAMS) for path in self.paths.values())
        self.mark = BOUND if knows else 0
        self.choose(now)

    def allows(self, path: str) -> bool:
        """Whether its flows may take *path*."""
        return self.within is None or path in self.within

    def wants_look(self, now: float) -> bool:
        """Whether it has to be looked at, for itself or for what is made of it."""
        return self.due <= now or any(one.is_awake or one.was_used for one in self.all)

    # ---- which path

    def choose(self, now: float) -> None:
        """Look at every path, and go by what is found."""
        for one in self.bounded.values():
            one._follow(self.paths, now)
        if self.was_used:
            self.was_used, self._used_at = False, now
        self.is_awake = self.is_flowing(now)
        found = [self._candidate(name, path, now) for name, path in self.paths.items() if path.carries]
        candidates = [one for one in found if one is not None]
        self.route = route(self.route, candidates, now)
        self.generation, self.is_suspect = self.route.generation, self.route.is_suspect
        self.primary = self.paths.get(self.route.primary or "")
        self.spare = self.paths.get(self.route.spare or "")
        works = any(one.state <= State.UNKNOWN for one in candidates)
        self.bad_since = None if works else (self.bad_since or now)
        used = [path.size for path in (self.primary, self.spare) if path is not None]
        self.room = min(used, default=BASE_SIZE) - OVERHEAD
        if self.primary is not None:
            wanted = wants_copies(None, self.route, self.primary.gauge, float("-inf"), are_on=self.copies, now=now)
            self.copies = wanted and not self.primary.live.is_backup

    def _candidate(self, name: str, path: DatagramPath, now: float) -> Candidate | None:
        is_new = path.live.is_closed and name != self.route.primary
        if path.is_deaf or path.live.is_barred or is_new:
            return None
        trip, walk = path.guess, path.live.path
        gauge = path.gauge
        cost = gauge.cost if gauge.is_measured else trip
        state = self._state(path, gauge, now)
        return Candidate(name, walk.lines, state, cost, gauge.trip or trip, path.live.is_backup, path.is_leaving)

    def _state(self, path: DatagramPath, gauge: Gauge, now: float) -> State:
        heard = path.end.heard_at
        if path.was_lost or gauge.is_lost(heard, now):
            path.was_lost, path.lost_at = True, path.lost_at or now
            return State.LOST
        if gauge.is_suspect(heard, now) or path.is_bare:
            return State.SUSPECT
        return State.WELL if gauge.is_measured else State.UNKNOWN

    def would_use(self, path: DatagramPath) -> bool:
        """Whether *path* would be primary or spare, if its datagrams went as fast as its carriers'."""
        if self.primary is None or (self.spare is None and path is not self.primary):
            return not path.live.is_backup or self.primary is None
        return path.guess + MARGIN < self.primary.gauge.cost and not path.live.is_backup

    def is_any_to_use(self, path: DatagramPath) -> bool:
        """Whether it, or what is made of it, would use *path* so."""
        return any(one.would_use(path) for one in self.all if one.allows(path.live.name))

    # ---- heartbeats

    def beat(self, now: float, *, has_others: bool) -> float:
        """Say what is due; when the next is. *has_others*: other exits could take the flows."""
        intervals = self._intervals(now, has_others)
        active, deaf = self._active(now), self._unheard(now)
        due = float("inf")
        for name, path in self.paths.items():
            due = min(due, self._beat(path, intervals.get(name, 0.0), deaf, now, is_active=name in active))
        for path in self.detours.values():
            due = min(due, self._beat(path, CALM if path.carries else 0.0, deaf, now, is_active=path.riders > 0))
        for one in self.all:
            if one.primary is not None and one.is_flowing(now):
                silent = one.primary.gauge.silent_at(one.primary.end.heard_at)
                due = min(due, silent) if silent > now else due
        return due

    def _beat(
        self, path: DatagramPath, interval: float, deaf: tuple[bytes, ...], now: float, *, is_active: bool
    ) -> float:
        path.gauge = path.gauge.paced(interval, path.guess, now)
        if not interval:
            return float("inf")
        path.next_beat = min(path.next_beat, now + interval)
        if path.next_beat <= now:
            path.beat(deaf, is_active=is_active, now=now)
            path.next_beat = now + interval
        return min(path.next_beat, path.try_native(now))

    def _active(self, now: float) -> frozenset[str]:
        """The paths that flows use, or may at once."""
        routes = [one.route for one in self.all if one.is_used(now)]
        return frozenset(name for route in routes for name in (route.primary, route.spare) if name is not None)

    def _intervals(self, now: float, has_others: bool) -> Mapping[str, float]:
        """How often each path is asked; those that are not are not named."""
        asked = {name: path for name, path in self.paths.items() if path.carries and not path.is_asleep}
        found = {name: self._by_itself(path) for name, path in asked.items()}
        for one in self.all:
            usual = one._usual(now, can_move=has_others or len(found) > 1)
            for name in one._asked(now):
                if name in found:
                    found[name] = min(found[name] or usual, usual)
        return {name: interval for name, interval in found.items() if interval}

    def _by_itself(self, path: DatagramPath) -> float:
        if path.is_deaf:
            return DEAF
        if not path.gauge.is_measured:
            return TRIAL
        return LOST if path.was_lost else 0.0

    def _usual(self, now: float, *, can_move: bool) -> float:
        if self.is_flowing(now):
            return QUICK if can_move else CALM
        return CALM if self.is_used(now) or now < self.urged_until else SELDOM

    def _asked(self, now: float) -> Iterable[str]:
        chosen = (self.route.primary, self.route.spare)
        return [name for name in chosen if name is not None][:MEASURED]

    def _unheard(self, now: float) -> tuple[bytes, ...]:
        """Labels that are to be said to be deaf."""
        paths = dict.fromkeys(path for one in self.all for path in (one.primary, one.spare) if path is not None)
        return tuple(path.labeling.label for path in paths if path.gauge.is_suspect(path.end.heard_at, now))
