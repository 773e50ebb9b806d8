"""How much later a site's targets answer by one exit than by another, beyond a round trip to them.

An exit may connect to a door next to it and be answered from behind the ocean, by the wrong edge of a CDN or one that
has to fetch everything. Where an exit is asked, it tells what a real stream's first exchange took; nothing is ever sent
to find out.

What must stay true: a target, host and port, is compared with itself alone, so that a slow one charges nobody; and only
what nearly every stream by one exit has over nearly every stream by another is charged, so that no slow answer among
quick ones is. What waits on purpose, as a long poll does, is left out.
"""

from collections.abc import Mapping, Sequence

import attrs

from ingress.choice.cost import EQUAL, Term
from ingress.choice.demand import Demand
from ingress.lru import Lru
from ingress.measure.estimators import median, quantile
from ingress.measure.figures import Source
from ingress.messages.message import Message

RECENT = 12
"""Streams of one exit to one target that are remembered."""
LEAST = 6
"""Of them, without which nothing is said of it: by chance, six are later than six others once in a hundred times."""
DISSENT = 0.1
"""Share of the pairs of streams, one by each exit, that may say otherwise: a lost segment does."""
LONGEST = 2.0
"""Seconds beyond which an answer was waited for on purpose."""
MOST_CHARGED = 0.5
"""Seconds that an exit is charged at most: more than any detour costs, and all that one can gain by what it says."""
SOON = 0.5
SELDOM = 10.0
"""Seconds between two streams that ask, until RECENT have told, and then: those of one page tell the same."""
KEPT = 43_200.0
"""Seconds for which what was told is remembered: over a night, after which clients are free to choose."""
CHARGED = 3600.0
"""Seconds without news after which an exit is charged no more, and begins anew: edges are mended."""
TRIED = 600.0
"""Seconds after a trial in which the same exit is not tried again for the site."""
MOST_SITES = 512
MOST_TARGETS = 4
"""Of a site, those used last."""

FIRST_BYTE = Message("term.first-byte")


@attrs.frozen
class Later:
    """What one exit is charged for a site."""

    time: float
    """Seconds."""
    than: str
    """The exit that is answered soonest."""
    streams: int
    """That told so by the one which is charged."""


class _Heard:
    """What one exit told of one target."""

    __slots__ = ("asked", "at", "beyond")

    def __init__(self) -> None:
        self.beyond: tuple[float, ...] = ()
        """Seconds beyond a round trip to the target, the newest last."""
        self.at = self.asked = float("-inf")
        """When the newest was told, and when a stream last asked."""


NOTHING: dict[str, _Heard] = {}
"""Of a target that nobody used."""


class _Site:
    __slots__ = ("later", "targets", "tried")

    def __init__(self) -> None:
        self.targets: Lru[tuple[str, int], dict[str, _Heard]] = Lru(MOST_TARGETS)
        self.later: dict[str, Later] = {}
        """By exit: kept ready because every new stream reads it. Set anew, never changed."""
        self.tried: dict[str, float] = {}

    def heard(self, target: tuple[str, int], exit_: str) -> _Heard:
        by_exit = self.targets.use(target)
        if by_exit is None:
            by_exit = {}
            self.targets.put(target, by_exit)
        return by_exit.setdefault(exit_, _Heard())

    def known(self, target: tuple[str, int], exit_: str) -> tuple[float, ...]:
        """What is known of it, if that is enough."""
        heard = self.targets.get(target, NOTHING).get(exit_)
        return heard.beyond if heard is not None and len(heard.beyond) >= LEAST else ()


class FirstBytes:
    """What exits told of first exchanges, by site."""

    __slots__ = ("_sites",)

    def __init__(self) -> None:
        self._sites: Lru[str, _Site] = Lru(MOST_SITES)

    def asks(self, demand: Demand, exit_: str, now: float) -> bool:
        """Whether a stream that is opened now at *exit_* is to ask; if so, it counts as asked."""
        site, target = self._sites.get(demand.site), (demand.host, demand.port)
        heard = None if site is None else site.targets.get(target, NOTHING).get(exit_)
        if heard is not None and now - heard.asked < (SOON if len(heard.beyond) < RECENT else SELDOM):
            return False
        site = site or _Site()
        self._sites.put(demand.site, site)
        site.heard(target, exit_).asked = now
        return True

    def told(self, demand: Demand, exit_: str, beyond: float, now: float) -> None:
        """The first exchange of a stream took *beyond* seconds more than a round trip between the exit and the target;
        a negative figure is none."""
        site = self._sites.get(demand.site)
        if site is None or beyond > LONGEST:
            return
        heard = site.heard((demand.host, demand.port), exit_)
        heard.beyond = (*heard.beyond, max(beyond, 0.0))[-RECENT:]
        heard.at = now
        _forget(site, now)
        site.later = _judge(site)

    def term(self, site: str, exit_: str) -> Term:
        """What *exit_* is charged for *site*, as a summand of the cost."""
        one = self.later(site).get(exit_)
        if one is None:
            return Term(FIRST_BYTE, 0.0, Source.USED)
        note = Message("term.later", time=one.time, exit=one.than, streams=one.streams)
        return Term(FIRST_BYTE, one.time, Source.USED, note)

    def later(self, site: str) -> Mapping[str, Later]:
        """By exit, what it is charged for *site*; those that are not are left out."""
        found = self._sites.get(site)
        return {} if found is None else found.later

    # ---- trials

    def worth(self, demand: Demand, exit_: str) -> float:
        """Seconds that another exit might save by answering at once; 0 while too little is known."""
        site = self._sites.get(demand.site)
        known = () if site is None else site.known((demand.host, demand.port), exit_)
        return quantile(known, DISSENT) if known else 0.0

    def may_try(self, demand: Demand, exit_: str, now: float) -> bool:
        """Whether too little is known of the target by *exit_*, and it was not tried for a while."""
        site = self._sites.get(demand.site)
        if site is None or now - site.tried.get(exit_, float("-inf")) < TRIED:
            return False
        return not site.known((demand.host, demand.port), exit_)

    def tried(self, site: str, exit_: str, now: float) -> None:
        """A client was given *exit_* for *site* to find out."""
        found = self._sites.get(site)
        if found is not None:
            found.tried[exit_] = now

    def __repr__(self) -> str:
        return f"<FirstBytes {len(self._sites)} sites>"


def _forget(site: _Site, now: float) -> None:
    for by_exit in site.targets.values():
        for exit_, heard in by_exit.items():
            if now - heard.at >= (CHARGED if exit_ in site.later else KEPT):
                heard.beyond = ()


def _judge(site: _Site) -> dict[str, Later]:
    """By exit, the mean over the targets for which it can be compared."""
    found: dict[str, list[Later]] = {}
    for target, by_exit in site.targets.items():
        known = {exit_: beyond for exit_ in by_exit if (beyond := site.known(target, exit_))}
        if len(known) > 1:
            soonest = min(known, key=lambda exit_: median(known[exit_]))
            for exit_, beyond in known.items():
                later = Later(later_by(beyond, known[soonest]), soonest, len(beyond))
                found.setdefault(exit_, []).append(later)
    return {exit_: _mean(each) for exit_, each in found.items() if any(one.time for one in each)}


def _mean(each: Sequence[Later]) -> Later:
    most = max(each, key=lambda one: one.time)
    return Later(sum(one.time for one in each) / len(each), most.than, sum(one.streams for one in each))


def later_by(ours: Sequence[float], others: Sequence[float]) -> float:
    """Seconds by which *ours* are later than *others* (at least one each): the middle of all differences of one and
    another, if nearly all are more than anybody can tell apart; else 0."""
    differences = [one - other for one in ours for other in others]
    return min(median(differences), MOST_CHARGED) if quantile(differences, DISSENT) > EQUAL else 0.0
