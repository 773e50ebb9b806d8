"""Explains a choice: every candidate with its terms, the band, what would change it, what changed it last."""

from ingress.choice.affinity import GIVE_UP, GIVE_UP_SHARE
from ingress.choice.chooser import Chooser
from ingress.choice.cost import equal, terms
from ingress.choice.demand import Demand
from ingress.choice.entry import Entry, Tier
from ingress.choice.offers import Offers
from ingress.choice.ranking import ENOUGH, FOR_A_SECOND, Group, advantage, doubt
from ingress.messages.message import Message, word
from ingress.report.bulk_rows import Placer, bulk_rows, offer_rows
from ingress.report.rows import CandidateRow, RuleRow, SwitchRow, TermRow, Why

DIRECT = "direct"
"""What stands for the exit of what is dialled from here."""
NO_PATH = Message("why.down")


def explain(chooser: Chooser, demand: Demand, now: float, offers: Offers, place: Placer) -> Why:
    """Why the stream of *demand* would go where it would go now, and where once it was bulk, by what paths have to
    offer and who would *place* it. Nothing is remembered of it."""
    chosen = None if demand.refusal is not None or demand.is_direct else chooser.decide(demand, now)
    ranking = chooser.view(demand.paths).ranking
    return Why(
        target=spelled(demand),
        site=demand.site,
        paths=[] if chosen is None else list(chosen.paths),
        exit=DIRECT if demand.is_direct else None if chosen is None else chosen.exit,
        reason=_no_path(demand) if chosen is None else chosen.reason,
        margin=None if ranking.group is None else equal(ranking.group.leader.cost),
        candidates=[_candidate(chooser, entry, demand, offers, now) for entry in chooser.ranking.order],
        would_switch=[] if ranking.group is None else would_switch(ranking.group),
        switches=[
            SwitchRow(now - switch.at, switch.old, switch.new, switch.reason) for switch in reversed(ranking.switches)
        ],
        kept=chooser.affinity.count(demand.site, now),
        answers_early=chooser.may_answer_early(demand, now),
        rule=rule_row(demand),
        bulk=[] if chosen is None or demand.legs > 1 else bulk_rows(chosen.exit, place, chosen.demand.paths),
    )


def spelled(demand: Demand) -> str:
    """Its target, as it can be asked for."""
    return f"[{demand.host}]:{demand.port}" if ":" in demand.host else f"{demand.host}:{demand.port}"


def _no_path(demand: Demand) -> Message:
    if demand.is_direct:
        return Message("why.direct")
    if demand.refusal is not None:
        return Message("why.refused", cause=word("cause", demand.refusal.word), rule=demand.ruled)
    return Message("why.ruled-down", rule=demand.ruled) if demand.ruled else NO_PATH


def rule_row(demand: Demand) -> RuleRow | None:
    """The rule that it falls under, if any."""
    if demand.match is None:
        return None
    rule = demand.match.rule
    return RuleRow(rule.title, rule.place, demand.match.because, rule.does)


def _candidate(chooser: Chooser, entry: Entry, demand: Demand, offers: Offers, now: float) -> CandidateRow:
    connect = chooser.connect_times.connect(demand.host, entry.exit)
    parts = terms(entry.figures, connect, chooser.first_bytes.term(demand.site, entry.exit))
    lacks = chooser.families.lacks(entry.exit, demand, now)
    reason = entry.reason if lacks is None else Message("why.family", exit=entry.exit, family=lacks)
    if demand.paths is not None and entry.name not in demand.paths:
        by_chain = Message("why.not-by-chain")
        reason = Message("why.not-by-rule", rule=demand.ruled) if demand.ruled else by_chain
    return CandidateRow(
        rank=entry.rank,
        path=entry.name,
        exit=entry.exit,
        state=entry.figures.shown,
        in_band=entry.in_band,
        cost=sum(term.value for term in parts),
        terms=[TermRow(term.name, term.value, term.source.value, term.note) for term in parts],
        reason=reason,
        offers=offer_rows(entry.name, offers),
    )


def would_switch(group: Group) -> list[Message]:
    """What would send new streams elsewhere, in sentences; for the ranking of all paths."""
    leader = group.leader
    rival = _rival(group)
    said = []
    if rival is None:
        said.append(Message("would.nothing", leader=leader.name))
    else:
        said.append(_by_cost(group, rival))
        said.append(Message("would.at-once", leader=leader.name, rival=rival.name))
    said.append(Message("would.leave", gain=GIVE_UP, share=GIVE_UP_SHARE))
    return said


def _by_cost(group: Group, rival: Entry) -> Message:
    leader = group.leader
    if rival.grade != leader.grade:
        return Message("would.worse", rival=rival.name, reason=rival.reason)
    if not rival.is_measured:
        return Message("would.measured", rival=rival.name)
    gain, unsure = advantage(rival, leader), doubt(rival, leader)
    done = group.settled.ahead.get(rival.name, 0.0) / ENOUGH
    so_far = Message("would.so-far", share=done) if done else ""
    now = Message("would.now-cheaper", gain=gain) if gain >= 0 else Message("would.now-dearer", gain=-gain)
    return Message("would.cheaper", rival=rival.name, enough=FOR_A_SECOND, doubt=unsure, now=now, so_far=so_far)


def _rival(group: Group) -> Entry | None:
    """The path that would lead if the leader fell: the cheapest of the others that works."""
    others = [entry for entry in group.order[1:] if entry.tier < Tier.STALLED]
    return min(others, key=lambda entry: (entry.grade, entry.cost), default=None)
