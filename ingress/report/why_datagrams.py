"""Explains where a client's datagrams go: the exit of its next association, which paths lead there, and copies."""

from collections.abc import Mapping

from ingress.choice.datagrams import DWELL, MARGIN, MARGIN_SHARE, SPARE_WITHIN, YOUNG
from ingress.choice.demand import Demand
from ingress.paths.way import ExitWay
from ingress.report.datagram_rows import way_row
from ingress.report.rows import DatagramCandidateRow, WhyDatagrams
from ingress.report.why import DIRECT, rule_row, spelled
from relay.model.cause import Cause

NOWHERE = "no exit can be reached by datagrams now"


def explain_datagrams(
    demand: Demand,
    refusal: Cause | None,
    picked: tuple[str, str] | None,
    ways: Mapping[str, ExitWay],
    within: frozenset[str] | None = None,
) -> WhyDatagrams:
    """Where datagrams to the target of *demand* would go from a client's next association, which *picked* says, by exit
    and why: None if none can be reached. *refusal* is why nothing may be sent there, if nothing may. A rule may
    leave only the paths *within*: of these nothing is chosen before something is sent."""
    exit_, reason = _exit(demand, refusal, picked)
    way = None if exit_ is None else ways.get(exit_)
    if way is not None and within is not None:
        way = way.bounded.get(within)
    route = None if way is None else way.route
    return WhyDatagrams(
        target=f"{spelled(demand)}/udp",
        site=demand.site,
        paths=[] if route is None else [name for name in (route.primary, route.spare) if name is not None],
        exit=exit_,
        reason=reason,
        copies="" if way is None else _copies(demand, way),
        candidates=[
            row
            for one in sorted(ways.values(), key=lambda one: (one.exit != exit_, one.exit))
            for row in _of(one if within is None else one.bounded.get(within, one))
            if within is None or row.path in within
        ],
        would_switch=[] if way is None else _would_switch(way),
        rule=rule_row(demand),
    )


def _exit(demand: Demand, refusal: Cause | None, picked: tuple[str, str] | None) -> tuple[str | None, str]:
    if refusal is not None:
        by = f": {demand.ruled}" if demand.ruled else ""
        return None, f"{refusal.word.replace('-', ' ')}{by}"
    if demand.is_direct:
        return DIRECT, "sent from this machine: no line carries them"
    if picked is None:
        return None, f"no exit that {demand.ruled} allows takes datagrams now" if demand.ruled else NOWHERE
    return picked


def _of(way: ExitWay) -> list[DatagramCandidateRow]:
    """Primary and spare first, then those that carry, by cost."""
    rows = []
    for name, path in way.paths.items():
        cost = path.gauge.cost if path.gauge.is_measured else None
        rows.append(DatagramCandidateRow(name, way.exit, cost, way_row(way, name, path)))
    chosen = [way.route.primary, way.route.spare]
    return sorted(
        rows,
        key=lambda row: (
            chosen.index(row.path) if row.path in chosen else len(chosen),
            not row.datagrams.carries,
            float("inf") if row.cost is None else row.cost,
        ),
    )


def _copies(demand: Demand, way: ExitWay) -> str:
    if demand.match is not None and demand.match.rule.redundant is not None:
        wish = "two copies of each" if demand.match.rule.redundant else "one copy only"
        return f"{wish}, by {demand.match.rule.title}"
    if way.is_suspect:
        return "two copies of each until the primary is heard again"
    if way.copies:
        return "two copies of each of a thin flow: datagrams were lost or came unevenly on the primary of late"
    if way.spare is None:
        return "one copy only: there is no spare"
    if not way.route.is_near:
        return f"one copy only: the spare is more than {SPARE_WITHIN * 1000:.0f} ms farther"
    return f"one copy only, but in the first {YOUNG:g} s of an association"


def _would_switch(way: ExitWay) -> list[str]:
    if way.primary is None:
        return []
    others = f"to {way.route.spare}" if way.route.spare is not None else "there is no other that carries datagrams"
    patience = way.primary.gauge.patience * 1000
    said = [f"when nothing is heard on {way.route.primary} for {patience:.0f} ms while datagrams flow: {others}"]
    if way.route.spare is not None:
        least = f"{MARGIN * 1000:.0f} ms or {MARGIN_SHARE:.0%}, whichever is more"
        said.append(f"to one whose cost was lower for {DWELL:g} s, by {least}")
    if way.route.spare is not None and not way.route.is_disjoint:
        said.append("primary and spare share a line: no path that shares none carries datagrams")
    return said
