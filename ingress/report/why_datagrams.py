"""Explains where a client's datagrams go: the exit of its next association, which paths lead there, and copies."""

from collections.abc import Mapping

from ingress.choice.datagrams import DWELL, MARGIN, MARGIN_SHARE, SPARE_WITHIN, YOUNG
from ingress.choice.demand import Demand
from ingress.messages.message import Message, word
from ingress.paths.way import ExitWay
from ingress.report.datagram_rows import way_row
from ingress.report.rows import DatagramCandidateRow, WhyDatagrams
from ingress.report.why import DIRECT, rule_row, spelled
from relay.model.cause import Cause

NOWHERE = Message("udp.nowhere")


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
        cause = word("cause", refusal.word)
        return None, Message("why.refused", cause=cause, rule=demand.ruled) if demand.ruled else cause
    if demand.is_direct:
        return DIRECT, Message("udp.direct")
    if picked is None:
        return None, Message("udp.ruled-nowhere", rule=demand.ruled) if demand.ruled else NOWHERE
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


def _copies(demand: Demand, way: ExitWay) -> Message:
    if demand.match is not None and demand.match.rule.redundant is not None:
        wish = Message("udp.two" if demand.match.rule.redundant else "udp.one")
        return Message("udp.copies-by", wish=wish, rule=demand.match.rule.title)
    if way.is_suspect:
        return Message("udp.suspect")
    if way.copies:
        return Message("udp.thin")
    if way.spare is None:
        return Message("udp.no-spare")
    if not way.route.is_near:
        return Message("udp.far-spare", length=SPARE_WITHIN)
    return Message("udp.young", length=YOUNG)


def _would_switch(way: ExitWay) -> list[Message]:
    if way.primary is None:
        return []
    primary, spare = way.route.primary or "", way.route.spare
    others = Message("udp.would-nowhere") if spare is None else Message("udp.would-to", path=spare)
    said = [Message("udp.would-silence", path=primary, length=way.primary.gauge.patience, others=others)]
    if spare is not None:
        said.append(Message("udp.would-cost", length=DWELL, gain=MARGIN, share=MARGIN_SHARE))
    if way.route.spare is not None and not way.route.is_disjoint:
        said.append(Message("udp.shared"))
    return said
