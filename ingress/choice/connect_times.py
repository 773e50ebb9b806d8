"""How long each exit takes to connect to a site: reported by the exits, and probed where a site is used often.

What is not known is assumed to take as long as the nearest exit that is known, so that an exit is neither preferred nor
given up for being unknown.
"""

import functools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import attrs

from ingress.choice.cost import Connect
from ingress.choice.sites import site_of
from ingress.lru import Lru
from ingress.measure.estimators import median
from ingress.measure.figures import Source
from ingress.messages.message import Message, word

USES = 3
"""Connections to a site within WITHIN that make it worth timing by every exit."""
WITHIN = 600.0
"""Seconds: of those uses, and between two timings of a site by one exit."""
GRAIN = 1.0
"""Seconds within which another use of a site that is timed changes nothing in the order of sites."""
RECENT = 5
"""Connect times of one exit to one site behind its median."""
UNREACHABLE = 1.0
"""Seconds charged to an exit that could not connect: more than any detour costs."""
MOST_SITES = 4096
MOST_TIMED = 256
"""Sites that are timed by probes at once, those used last: more would be traffic nobody asked for."""
PROBES_AT_ONCE = 8
"""Probes wanted per call at most, so that a start with many open tabs is not a burst of dials."""

PROBED, UNKNOWN, NEAREST = Message("term.probed"), Message("term.unknown"), Message("term.nearest")


@functools.cache
def _median_of(count: int) -> Message:
    """For each stream: kept, because making one takes as long as all else here."""
    return Message("term.connects", count=count)


@attrs.frozen
class Probe:
    """A question for an exit: how long does a TCP connect to this target take from there?"""

    exit: str
    host: str
    port: int


class _Timed:
    """What one exit's connects to one site took."""

    __slots__ = ("asked", "times")

    def __init__(self) -> None:
        self.times: deque[float] = deque(maxlen=RECENT)
        self.asked = float("-inf")
        """When it last told a time, or was asked for one."""


class _Site:
    __slots__ = ("by_exit", "host", "known", "port", "uses")

    def __init__(self) -> None:
        self.host = ""
        self.port = 0
        self.uses: deque[float] = deque(maxlen=USES)
        self.by_exit: dict[str, _Timed] = {}
        self.known: dict[str, Connect] = {}
        """Connect by exit, for reading only: kept ready because every new stream reads it."""


class ConnectTimes:
    """Connect times by site and exit. `exits` are the names of all exits, set again after a reload."""

    __slots__ = ("_hot", "_sites", "exits")

    def __init__(self, exits: Iterable[str]) -> None:
        self.exits = tuple(exits)
        self._sites: Lru[str, _Site] = Lru(MOST_SITES)
        self._hot: Lru[str, _Site] = Lru(MOST_TIMED)

    def used(self, host: str, port: int, now: float) -> None:
        """A client asked for it; once per stream."""
        name = site_of(host)
        site = self._sites.get(name)
        if site is None:
            site = _Site()
        uses = site.uses
        if not uses or now - uses[-1] >= GRAIN or name not in self._hot:
            self._sites.put(name, site)
            if len(uses) >= USES - 1 and now - uses[1 - USES] <= WITHIN:
                self._hot.put(name, site)
        site.host, site.port = host, port
        uses.append(now)

    def connected(self, host: str, exit_: str, took: float, now: float, *, probed: bool = False) -> None:
        """An exit's connect took *took* seconds: a stream's, or a probe's, for which it need not have been used."""
        site = self._sites.get(site_of(host))
        if site is None:
            return
        timed = site.by_exit.get(exit_)
        if timed is None:
            timed = site.by_exit[exit_] = _Timed()
        timed.times.append(took)
        timed.asked = now
        source = Source.MEASURED if probed else Source.USED
        note = PROBED if probed else _median_of(len(timed.times))
        site.known[exit_] = Connect(_usual(timed.times), source, note)

    def failed(self, name: str, exit_: str, why: str) -> None:
        """The exit could not connect to the site *name*: it is to be avoided for it."""
        site = self._sites.get(name)
        if site is not None:
            site.known[exit_] = Connect(
                UNREACHABLE, Source.MEASURED, Message("term.unconnected", cause=word("cause", why))
            )

    def forgive(self, name: str, exit_: str) -> None:
        """The exit is taken to be as before it could not connect to the site *name*."""
        site = self._sites.get(name)
        timed = None if site is None else site.by_exit.get(exit_)
        if site is not None and site.known.pop(exit_, None) is not None and timed is not None and timed.times:
            site.known[exit_] = Connect(_usual(timed.times), Source.USED, Message("term.as-before"))

    def probe(self, name: str, exit_: str) -> Probe | None:
        """A question for *exit_* about the site *name*, by the last target that was used there; None if it is not
        remembered."""
        site = self._sites.get(name)
        return None if site is None else Probe(exit_, site.host, site.port)

    def reached_by(self, exit_: str, most: int) -> list[Probe]:
        """Questions for *exit_* about sites that it has reached and not failed since, those used last first."""
        found: list[Probe] = []
        for site in reversed(self._sites.values()):
            known = site.known.get(exit_)
            if known is not None and known.time < UNREACHABLE:
                found.append(Probe(exit_, site.host, site.port))
            if len(found) == most:
                break
        return found

    def reaching(self, name: str) -> list[str]:
        """The exits that have reached the site *name*, and not failed it since."""
        site = self._sites.get(name)
        return [] if site is None else [exit_ for exit_, one in site.known.items() if one.time < UNREACHABLE]

    def untried(self, name: str) -> list[str]:
        """The exits of which nothing is known for the site *name*."""
        site = self._sites.get(name)
        return [] if site is None else [exit_ for exit_ in self.exits if exit_ not in site.known]

    def probes_wanted(self, now: float) -> list[Probe]:
        """Which exits to ask now; each question counts as asked."""
        wanted: list[Probe] = []
        for name, site in list(self._hot.items()):
            if now - site.uses[0] > WITHIN:
                del self._hot[name]
                continue
            for exit_ in self.exits:
                timed = site.by_exit.setdefault(exit_, _Timed())
                if now - timed.asked >= WITHIN and len(wanted) < PROBES_AT_ONCE:
                    timed.asked = now
                    wanted.append(Probe(exit_, site.host, site.port))
        return wanted

    def known(self, host: str) -> Mapping[str, Connect]:
        """Connect times of the site of *host*, by exit; without those that are not known."""
        site = self._sites.get(site_of(host))
        return site.known if site is not None else {}

    def connect(self, host: str, exit_: str) -> Connect:
        """What is known, or assumed, of *exit_* connecting to *host*."""
        known = self.known(host)
        if exit_ in known:
            return known[exit_]
        if not known:
            return Connect(0.0, Source.ASSUMED, UNKNOWN)
        return Connect(min(one.time for one in known.values()), Source.ASSUMED, NEAREST)


def _usual(times: Sequence[float]) -> float:
    """The median; of one or two the lesser, since one lost segment at the exit adds a second."""
    return median(times) if len(times) > 2 else min(times)
