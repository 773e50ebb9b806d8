"""What the shell holds: the ranking in force, what is remembered of targets and clients, and the decisions.

All state of choosing is here and in its parts; a decision is a lookup in what the last round prepared.
"""

from collections.abc import Iterable, Sequence

from ingress.choice import choice as choose
from ingress.choice import moves
from ingress.choice.affinity import Affinity, is_given_up
from ingress.choice.choice import Choice
from ingress.choice.cost import SWITCH_MARGIN, SWITCH_SHARE
from ingress.choice.moves import Bulk, Move, Mover
from ingress.choice.ranking import Entry, Group, Ranking, Tier, rank
from ingress.choice.reached import Reached
from ingress.choice.rules import Rule, Rules
from ingress.choice.sites import site_of
from ingress.choice.spread import Spread, spread
from ingress.choice.targets import Probe, Targets
from ingress.measure.figures import PathFigures

BEST = "best path"
SITE = "best for this site"
KEPT = "this client keeps its exit for the site"
DETOUR = "the client's exit for this site does not answer now"
REDUNDANT = "redundant by rule"
SINGLE = "redundant by rule, but no second path shares no line with it"


class Chooser:
    """Chooses for one ingress. *exits* are the names of its exits, *rules* those of its file."""

    def __init__(self, exits: Iterable[str], rules: Iterable[Rule] = ()) -> None:
        self.ranking = Ranking()
        self.targets = Targets(exits)
        self.reached = Reached()
        self.affinity = Affinity()
        self.rules = Rules(rules)
        self._mover = Mover()
        self._pairs: dict[str, tuple[Entry, Entry] | None] = {}

    def reload(self, exits: Iterable[str], rules: Iterable[Rule]) -> None:
        """Go on with another file; what was learned stays."""
        self.targets.exits = tuple(exits)
        self.rules = Rules(rules)

    # once a round, and at once when a path stalls or dies

    def rank(self, figures: Sequence[PathFigures], now: float, *, lagged: bool = False) -> Ranking:
        """Make the ranking that is in force from now on."""
        assumed = {name: self.targets.assumed(name) for name in {one.exit for one in figures}}
        self.ranking = rank(self.ranking, figures, now, assumed=assumed, lagged=lagged)
        self._pairs.clear()
        return self.ranking

    def moves(self, bulks: Iterable[Bulk], now: float) -> list[Move]:
        """Which streams should leave which path; to be asked right after `rank`, and to be done."""
        return self._mover.moves(self.ranking, bulks, now)

    def rescue(self, path: str) -> str | None:
        """Where the streams of a silent or dead path go now; None while nothing is known to be better."""
        entry = self.ranking.by_name.get(path)
        to = None if entry is None else moves.rescue(self.ranking, entry)
        return None if to is None else to.name

    # once a stream

    def choose(self, host: str, port: int, now: float, *, client: str = "", user: str = "") -> Choice | None:
        """The path, or paths, of a new stream; None while none can carry it.

        *client* is the client's address without its port, *user* who logged in, if anybody did.
        """
        chosen = self.decide(host, port, now, client=client, user=user)
        self.targets.used(host, port, now)
        if chosen is None:
            return None
        chosen.entry.given += 1
        if client and chosen.why is not DETOUR:
            self.affinity.use(client, site_of(host), chosen.exit, now)
        return chosen

    def decide(self, host: str, port: int, now: float, *, client: str = "", user: str = "") -> Choice | None:
        """What `choose` would give, and nothing remembered of it."""
        if self.ranking.group is None or not self.ranking.group.band:
            return None
        bands, why = self._bands(host, client, now)
        entry = spread(bands)
        rule = self.rules.match(host, port, user)
        if rule is None or not rule.redundant:
            return Choice(entry, why)
        pair = self._pair(entry.exit)
        return Choice(entry, SINGLE) if pair is None else Choice(pair[0], REDUNDANT, pair[1])

    def _bands(self, host: str, client: str, now: float) -> tuple[Sequence[Spread], str]:
        """The paths that are equally good for a stream to *host*, and what decided it."""
        group = self.ranking.group
        assert group is not None
        kept = self.affinity.exit(client, site_of(host), now) if client else None
        known = self.targets.known(host)
        if kept is None and not known:
            return (group.spread,), BEST
        costs = self._exit_costs(host)
        best = min(costs.values())
        if kept is not None and kept in costs and _is_kept(costs[kept], best):
            return (self.ranking.exits[kept].spread,), KEPT
        why = DETOUR if kept in costs and costs[kept][0] is Tier.STALLED else SITE if known else BEST
        near = best[1] + max(SWITCH_MARGIN, SWITCH_SHARE * best[1])
        good = [name for name, (tier, cost) in costs.items() if tier is best[0] and cost <= near]
        return [self.ranking.exits[name].spread for name in good], why

    def _exit_costs(self, host: str) -> dict[str, tuple[Tier, float]]:
        """Tier and cost, with the target's share, of the best path to each exit that has one."""
        known = self.targets.known(host)
        costs: dict[str, tuple[Tier, float]] = {}
        for name, group in self.ranking.exits.items():
            if group.band:
                first = group.band[0]
                share = known.get(name)
                costs[name] = first.tier, first.cost + (first.assumed if share is None else share.time)
        return costs

    def _pair(self, exit_: str) -> tuple[Entry, Entry] | None:
        if exit_ not in self._pairs:
            self._pairs[exit_] = choose.pair(self._exit_group(exit_).order)
        return self._pairs[exit_]

    def _exit_group(self, exit_: str) -> Group:
        return self.ranking.exits[exit_]

    def alternatives(self, chosen: Choice) -> tuple[Choice, ...]:
        """Where to open a stream that was not acknowledged in time, in order: its own exit's paths first."""
        return choose.alternatives(self.ranking, chosen)

    def partner(self, path: str) -> str | None:
        """The path that joins *path* as the second leg of a redundant stream; None if none shares no line with it."""
        leg = self.ranking.by_name.get(path)
        if leg is None:
            return None
        other = choose.partner(self._exit_group(leg.exit).order, leg)
        return None if other is None else other.name

    def pair(self, exit_: str) -> tuple[str, str] | None:
        """The two best disjoint paths to *exit_*, for a redundant stream; None if there are none."""
        found = self._pair(exit_) if exit_ in self.ranking.exits else None
        return None if found is None else (found[0].name, found[1].name)

    # what exits report

    def connected(self, host: str, port: int, exit_: str, took: float, now: float) -> None:
        """*exit_* connected a stream to the target in *took* seconds."""
        self.targets.connected(host, exit_, took, now)
        self.reached.reached(host, port, now)

    def failed(self, host: str, port: int, now: float) -> None:
        """The target could not be reached from its exit, and no path is to blame."""
        self.reached.failed(host, port, now)

    def probes_wanted(self, now: float) -> list[Probe]:
        """What to ask exits now; once a round."""
        return self.targets.probes_wanted(now)

    def probed(self, probe: Probe, took: float | None, now: float) -> None:
        """The answer to a probe; None if the exit could not connect."""
        if took is None:
            self.targets.probe_failed(probe.host, probe.exit)
        else:
            self.targets.connected(probe.host, probe.exit, took, now, probed=True)

    def may_answer_early(self, host: str, port: int, now: float) -> bool:
        """Whether success may be told before the exit has connected (under `answer = "auto"`)."""
        return self.reached.may_answer_early(host, port, now)

    def __repr__(self) -> str:
        return f"<Chooser {len(self.ranking.order)} paths, {len(self.affinity)} clients' sites>"


def _is_kept(kept: tuple[Tier, float], best: tuple[Tier, float]) -> bool:
    """Whether an exit works well enough for a client that used it; on backup lines only if the best is too."""
    if kept[0] not in (Tier.UP, Tier.HELD) and kept[0] is not best[0]:
        return False
    return not is_given_up(kept[1], best[1])
