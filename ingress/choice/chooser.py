"""The one place that decides which exits and paths may carry a stream.

It holds the ranking in force and what is remembered of targets and clients. `decide` and `elsewhere…` change nothing;
`opened` alone records that a stream was given what was chosen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ingress.choice.affinity import GIVE_UP, Affinity, is_given_up
from ingress.choice.choice import Basis, Choice, at_other_exits, elsewhere_to_the_same_exit, permitted
from ingress.choice.connect_times import UNREACHABLE, ConnectTimes, Probe
from ingress.choice.cost import Connect
from ingress.choice.demand import Demand
from ingress.choice.entry import Tier, grade_of
from ingress.choice.exit_costs import ExitCosts
from ingress.choice.exit_health import NAMELESS, TROUBLES, Change, ExitHealth
from ingress.choice.families import FamilyNeeds
from ingress.choice.first_bytes import FirstBytes, Later
from ingress.choice.moves import Move
from ingress.choice.offers import Offers
from ingress.choice.placing import BulkMove, CanTake, Place, Placing
from ingress.choice.ranking import Group, Ranking, doubt, rank
from ingress.choice.reached import Reached
from ingress.choice.unreached import UnreachedSites
from ingress.choice.view import View
from ingress.measure.capacity import Way
from ingress.measure.figures import PathFigures
from relay.model.cause import Cause

MOST_TESTED = 4
"""Sites by which an exit is tested, in turn."""

# Members that every stream needs, found once: to look one up in its class takes as long as two calls.
_BEST, _SITE, _PERMITTED, _KEPT, _DETOUR = Basis.BEST, Basis.SITE, Basis.PERMITTED, Basis.KEPT, Basis.DETOUR
_FOLLOWED, _RULED, _LEFT, _TRIAL = Basis.FOLLOWED, Basis.RULED, Basis.LEFT, Basis.TRIAL
_WISHED = Basis.WISHED
_UP, _HELD = grade_of(Tier.UP, is_sick=False), grade_of(Tier.HELD, is_sick=False)
_STALLED = grade_of(Tier.STALLED, is_sick=False)


class Chooser:
    """Chooses for one ingress. *exits* are the names of its exits."""

    def __init__(self, exits: Iterable[str]) -> None:
        self.ranking = Ranking()
        self.connect_times = ConnectTimes(exits)
        self.first_bytes = FirstBytes()
        self.reached = Reached()
        self.affinity = Affinity()
        self.families = FamilyNeeds()
        self.health = ExitHealth()
        self.unreached = UnreachedSites()
        self._is_watchful = False
        """Something is held against an exit, or believed of a name: what was reached is news."""
        self._exit_costs = ExitCosts()
        self._placing = Placing()
        self._all = View()
        self._views: dict[frozenset[str], View] = {}
        self._lagged = False

    def reload(self, exits: Iterable[str]) -> None:
        """Go on with another file; what was learned stays."""
        self.connect_times.exits = tuple(exits)
        self._views.clear()

    # ---- once a round, and at once when a path stalls or dies

    def rank(self, figures: Sequence[PathFigures], now: float, *, lagged: bool = False) -> Ranking:
        """Make the ranking that is in force from now on."""
        sick = {name: one.sentence for name, one in self.health.sick.items()}
        self.ranking = rank(self.ranking, figures, now, lagged=lagged, sick=sick)
        leaders = {name: group.leader for name, group in self.ranking.exits.items()}
        works = {name: one.cost for name, one in leaders.items() if one.grade < _STALLED and one.is_measured}
        self._exit_costs.note(works, now)
        self._lagged = lagged
        self._all.use(self.ranking)
        return self.ranking

    def view(self, paths: frozenset[str] | None) -> View:
        """The ranking in force of some *paths* (None: of all), and what follows from it for streams that may ride on
        them alone."""
        if paths is None:
            return self._all
        view = self._views.get(paths)
        if view is None:
            view = self._views[paths] = View(paths)
        view.follow(self.ranking, lagged=self._lagged)
        return view

    def moves(self, now: float, bounds: Iterable[frozenset[str]] = ()) -> list[Move]:
        """Which streams should leave which path; to be asked right after `rank`, and to be done. *bounds* are the sets
        of paths that running streams are restricted to."""
        found = self._all.moves(now)
        for paths in bounds:
            found += self.view(paths).moves(now)
        return found

    # ---- once a stream

    def decide(self, demand: Demand, now: float) -> Choice | None:
        """The path, or paths, of a stream; None while none that is permitted can carry it. Nothing is remembered."""
        group, basis = self._group(demand, now)
        if group is None:
            return None if demand.otherwise is None else self.decide(demand.otherwise, now)
        entry = group.first
        if demand.legs == 1:
            return Choice(demand, entry, basis)
        pair = self.view(demand.paths).entries(entry.exit)
        return Choice(demand, entry, basis) if pair is None else Choice(demand, pair[0], basis, pair[1])

    def elsewhere_to_the_same_exit(self, choice: Choice) -> Iterator[Choice]:
        """Where an OPEN that was not acknowledged in time may be said again, in order."""
        return elsewhere_to_the_same_exit(self.view(choice.demand.paths).ranking, choice)

    def at_other_exits(self, choice: Choice, now: float) -> Iterator[Choice]:
        """Where a stream may be opened anew whose exit failed it before a target had a byte of the client, in order."""
        demand = choice.demand
        return at_other_exits(self.view(demand.paths).ranking, choice, self._exits(demand, now))

    def opened(self, choice: Choice, now: float) -> None:
        """A stream was opened as *choice* says. A demand is one use of its site, however often it is opened."""
        demand = choice.demand
        if not choice.is_repeated:
            self.connect_times.used(demand.host, demand.port, now)
        choice.entry.give()
        if choice.basis is _TRIAL:
            self.first_bytes.tried(demand.site, choice.exit, now)
        if demand.client and choice.basis is not _DETOUR:
            self.affinity.use(demand.client, demand.site, choice.exit, now)

    def _exits(self, demand: Demand, now: float) -> frozenset[str] | None:
        """The exits that may take the stream, and can as far as they have told; None for all."""
        return self.families.exits(demand, self.connect_times.exits, now)

    def _group(self, demand: Demand, now: float) -> tuple[Group | None, Basis]:
        """The paths among which the best is for *demand*, None if there are none, and what decided it."""
        ranking = self.ranking if demand.paths is None else self.view(demand.paths).ranking
        group = ranking.group
        kept, why_kept = self._kept(demand, now) if demand.client else (None, _KEPT)
        known = self.connect_times.known(demand.host)
        exits = self._exits(demand, now)
        if kept is None and not known and exits is None:
            basis = _BEST if demand.paths is None else _basis(demand, exits, is_known=False)
            return (group if group is not None and group.band else None), basis
        groups = permitted(ranking, exits)
        if len(groups) < 2:
            only = next(iter(groups), None)
            if only is None:
                return None, _BEST
            return groups[only], why_kept if kept == only else _basis(demand, exits, is_known=bool(known))
        costs = _exit_costs(groups, known, self.first_bytes.later(demand.site))
        best = _of_equals(min(costs, key=costs.__getitem__), costs, groups, group)
        if kept is not None and kept in costs and self._is_good_enough(demand.site, kept, best, costs, known, now):
            return groups[kept], why_kept
        if kept is not None and kept in costs:
            if costs[kept][0] == _STALLED:
                return groups[best], _DETOUR
            if kept in self.health.sick:
                return groups[best], _LEFT
        trial = self._trial(demand, best, costs, now) if kept is None else None
        if trial is not None:
            return groups[trial], _TRIAL
        return groups[best], _basis(demand, exits, is_known=bool(known))

    def _trial(self, demand: Demand, best: str, costs: Mapping[str, tuple[int, float]], now: float) -> str | None:
        """Where the target answers by *best* so late that it may be the exit's fault, for a client that is bound to
        none: the next best one of which nothing is known, if the client would stay with it."""
        worth = self.first_bytes.worth(demand, best)
        if worth <= GIVE_UP:
            return None
        grade, least = costs[best]
        fit = [
            (cost, name)
            for name, (other, cost) in costs.items()
            if other == grade and cost - least + GIVE_UP < worth and not is_given_up(cost, least)
        ]
        return next((name for _, name in sorted(fit) if self.first_bytes.may_try(demand, name, now)), None)

    def _is_good_enough(
        self,
        site: str,
        kept: str,
        best: str,
        costs: Mapping[str, tuple[int, float]],
        known: Mapping[str, Connect],
        now: float,
    ) -> bool:
        """Whether a client is to keep its exit; on backup lines, or sick, only if the best is so, too."""
        grade = costs[kept][0]
        if grade != _UP and grade != _HELD and grade != costs[best][0]:
            return False
        nearest = _nearest(known)
        later = self.first_bytes.later(site)
        shares = [_share(name, known, nearest, later) for name in (kept, best)]
        return kept == best or not self._exit_costs.is_given_up(kept, shares[0], best, shares[1], now)

    def _kept(self, demand: Demand, now: float) -> tuple[str | None, Basis]:
        """The exit that the client is to keep for *demand* while it is good enough, and why."""
        if demand.family is not None:
            last = self.affinity.last_exit(demand.client, now)
            if last is not None:
                return last, _FOLLOWED
        return self.affinity.exit(demand.client, demand.site, now), _KEPT

    # ---- bulk

    def place_bulk(
        self,
        exit_: str,
        way: Way,
        offers: Offers,
        can_take: CanTake,
        now: float,
        within: frozenset[str] | None = None,
    ) -> Place | None:
        """The path to *exit_* for one more bulk stream, *within* some or all (None); None while none can take it.
        Nothing is remembered."""
        return self._placing.place(self.view(within).order(exit_), way, offers, can_take, now)

    def placed_bulk(self, place: Place, way: Way, now: float) -> None:
        """A bulk stream goes where `place_bulk` said."""
        self._placing.placed(place, way, now)

    def bulk_moves(self, offers: Offers, can_take: CanTake, now: float) -> list[BulkMove]:
        """Which bulk streams should go elsewhere; to be asked once a second, and to be done."""
        return self._placing.moves(self.ranking, offers, can_take, now)

    # ---- what exits report

    def connected(self, demand: Demand, exit_: str, took: float, now: float) -> None:
        """*exit_* connected the stream of *demand* to its target in *took* seconds."""
        self.connect_times.connected(demand.host, exit_, took, now)
        self.reached.reached(demand.host, demand.port, now)
        if self._is_watchful:
            self._vouch(demand, exit_, now)

    def asks_first_byte(self, demand: Demand, exit_: str, now: float) -> bool:
        """Whether the stream of *demand*, opened now at *exit_*, is to ask when its target's first byte came; if so, it
        counts as asked. Nobody need know while there is no choice."""
        return len(self.ranking.usable) > 1 and self.first_bytes.asks(demand, exit_, now)

    def _vouch(self, demand: Demand, exit_: str, now: float, *, probed: bool = False) -> None:
        """*exit_* has connected the target of *demand*: that speaks for it, and against those that could not."""
        wrong = self.families.reached(demand, exit_, now)
        if wrong is not None:
            self._hold(wrong.demand, wrong.exit, Cause.NO_ROUTE, now)
        self.health.reached(exit_, demand.site, now, probed=probed)
        for other, cause in self.unreached.reached(demand.site, exit_, now).items():
            self.connect_times.failed(demand.site, other, cause.word)

    def failed(self, demand: Demand, now: float) -> None:
        """The target could not be reached from its exit, and no path is to blame."""
        self.reached.failed(demand.host, demand.port, now)

    def refused(self, demand: Demand, exit_: str, cause: Cause, now: float) -> None:
        """*exit_* could not connect the stream of *demand*, because of *cause*: it is held against it for this site,
        the client's tie to it ends, and this and other exits are asked. One that lacks the family which the target
        needs has not failed."""
        self._is_watchful = True
        if cause in TROUBLES and not (cause is Cause.NO_ROUTE and self._lacks_family(demand, exit_, now)):
            self._hold(demand, exit_, cause, now)

    def _hold(self, demand: Demand, exit_: str, cause: Cause, now: float) -> None:
        site = demand.site
        self.health.failed(exit_, demand, cause, now)
        untried = self.connect_times.untried(site) if demand.family is None else ()
        self.unreached.failed(site, exit_, cause, now, untried)
        if cause is not Cause.REFUSED:
            self.connect_times.failed(site, exit_, cause.word)
            self.affinity.drop(demand.client, site, exit_)

    def _lacks_family(self, demand: Demand, exit_: str, now: float) -> bool:
        """Whether *exit_* has no route to the target because it lacks a family that others have."""
        self.families.refused(demand, exit_, now)
        if self.families.lacks(exit_, demand, now) is None:
            return False
        return demand.family is not None or self.families.are_at(demand, self.connect_times.exits, now)

    def look_at_exits(self, now: float) -> Sequence[Change]:
        """Once a round, before `rank`: which exits are sick from now on, and which are well again."""
        changes = self.health.look(now)
        self._is_watchful = not (self.health.is_calm and self.unreached.is_empty and self.families.is_empty)
        for change in changes:
            if change.sickness is None:
                for site in self.unreached.forgive(change.exit):
                    self.connect_times.forgive(site, change.exit)
        return changes

    def probes_wanted(self, now: float) -> list[Probe]:
        """What to ask exits now; once a second. Of an exit that lacks the target's family its silence is no news."""
        sick = self.health.sick
        asks = self.unreached.to_ask(now, lambda site: bool(self.connect_times.reaching(site)))
        again = [one for one in asks if one[1] not in sick]
        asked = [self.connect_times.probe(site, exit_) for site, exit_ in again]
        wanted = [one for one in asked if one is not None] + self.connect_times.probes_wanted(now)
        fit = [one for one in wanted if self.families.are_at(Demand(one.host, one.port), (one.exit,), now)]
        tests = [self._test(exit_, now) for exit_ in self.health.to_ask(now)]
        return fit + [one for one in tests if one is not None]

    def _test(self, exit_: str, now: float) -> Probe | None:
        """A question that shows whether *exit_* reaches anything: by what it reached before, or else by what it has
        failed. What it has looked up before says nothing of its DNS."""
        sickness = self.health.sick.get(exit_)
        known = self.connect_times.reached_by(exit_, MOST_TESTED)
        failed = [Probe(exit_, one.host, one.port) for one in self.health.failed_by(exit_)[:MOST_TESTED]]
        is_nameless = sickness is not None and sickness.trouble in NAMELESS
        tests = (failed or known) if is_nameless else (known or failed)
        return tests[int(now) % len(tests)] if tests else None

    def probed(self, probe: Probe, outcome: float | Cause, now: float) -> None:
        """The answer to a probe: seconds, or why the exit could not connect.

        One that was too busy to try says nothing of the target; one that lacks the family of one host of a site says
        nothing of the others, and is passed by for that one.
        """
        demand = Demand(probe.host, probe.port)
        if isinstance(outcome, float):
            self.connect_times.connected(probe.host, probe.exit, outcome, now, probed=True)
            self._vouch(demand, probe.exit, now, probed=True)
        elif outcome is not Cause.LIMIT:
            self._is_watchful = True
            is_failing = probe.exit in self.health.failing()
            if outcome is Cause.NO_ROUTE and not is_failing and self._lacks_family(demand, probe.exit, now):
                return
            if not is_failing:
                self.connect_times.failed(demand.site, probe.exit, outcome.word)
                self.unreached.failed(demand.site, probe.exit, outcome, now)
            self.health.failed(probe.exit, demand, outcome, now)

    def usual_connect(self, demand: Demand, exit_: str) -> float | None:
        """Seconds that *exit_* takes for a connect to the site; None if that is not known. What no exit reaches takes
        long, so that it is not tried everywhere in haste."""
        times = self.connect_times
        known = times.known(demand.host).get(exit_)
        if known is None or (known.time >= UNREACHABLE and times.reaching(demand.site)):
            return None
        return known.time

    def may_answer_early(self, demand: Demand, now: float) -> bool:
        """Whether success may be told before the exit has connected (under `answer = "auto"`)."""
        can = self.reached.may_answer_early(demand.host, demand.port, now)
        return can and self.families.are_at(demand, self.connect_times.exits, now)

    def __repr__(self) -> str:
        return f"<Chooser {len(self.ranking.order)} paths, {len(self.affinity)} clients' sites>"


def _of_equals(
    best: str, costs: Mapping[str, tuple[int, float]], groups: Mapping[str, Group], whole: Group | None
) -> str:
    """The exit of the path that leads the *whole*, if nobody can tell whether it or *best* is better: noise changes no
    leader, nor where a new client goes."""
    leading = best if whole is None else whole.leader.exit
    if leading not in costs or costs[leading][0] != costs[best][0]:
        return best
    apart = doubt(groups[leading].leader, groups[best].leader)
    return leading if costs[leading][1] - costs[best][1] <= apart else best


def _exit_costs(
    groups: Mapping[str, Group], known: Mapping[str, Connect], later: Mapping[str, Later]
) -> dict[str, tuple[int, float]]:
    """Grade and cost, with the target's share, of the best path to each exit; *known* are connect times by exit, and
    *later* is what it is answered later by.

    Where the time is not known, the nearest known one of that site stands for it: an exit is not preferred for being
    unknown, nor given up for it. One that could not connect is as good as a sick one for this site.
    """
    nearest = _nearest(known)
    costs: dict[str, tuple[int, float]] = {}
    for name, group in groups.items():
        first, share = group.band[0], known.get(name)
        time = nearest if share is None else share.time
        grade = first.grade if time < UNREACHABLE else grade_of(first.tier, is_sick=True)
        costs[name] = grade, first.cost + _share(name, known, nearest, later)
    return costs


def _share(name: str, known: Mapping[str, Connect], nearest: float, later: Mapping[str, Later]) -> float:
    """What the target adds to the cost of the exit *name*."""
    time = known[name].time if name in known else nearest
    return time + later[name].time if name in later else time


def _nearest(known: Mapping[str, Connect]) -> float:
    return min((one.time for one in known.values()), default=0.0)


def _basis(demand: Demand, exits: frozenset[str] | None, *, is_known: bool) -> Basis:
    if demand.wish is not None:
        return _WISHED
    if demand.ruled and (exits is not None or demand.paths is not None):
        return _RULED
    if exits is not None:
        return _PERMITTED
    return _SITE if is_known else _BEST
