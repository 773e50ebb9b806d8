"""What is wrong with an ingress now, as alerts are told: once a second, while there are any."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ingress.alerts.notice import Effect, Fact
from ingress.history.outages import Outage
from ingress.history.record import Series
from ingress.measure.traffic import Counters
from ingress.messages.message import Message
from ingress.paths.fleet import Fleet
from ingress.quota.lines import sentence
from ingress.quota.period import date_of
from ingress.quota.tally import Tally
from ingress.serve.quota_keeping import NEARLY
from relay.identity import Identity, expiry_warning

OUT: Final = {"line": "line", "path": "path", "ingress": "down"}
"""Kinds of facts, by what is out."""


def facts(
    fleet: Fleet,
    out: Mapping[Series, Outage],
    quotas: Mapping[str, Tally],
    near: Sequence[tuple[Tally, str, str]],
    ends: Mapping[str, float],
    now: float,
    *,
    disk: str,
    refused: str,
) -> Iterator[Fact]:
    """All that is wrong at *now*, seconds since 1970. *out* is what does not work, *quotas* are those of lines, *near*
    as `QuotaKeeping.near`, *ends* when certificates end, *disk* why nothing is kept, and *refused* why the files are
    not in force; empty if it is not so."""
    nodes = fleet.network.nodes
    for series, outage in out.items():
        if series.kind in OUT:
            yield Fact(OUT[series.kind], series.name, outage.why)
        elif series.name in nodes:
            yield Fact("exit" if nodes[series.name].exit else "node", series.name, outage.why)
    for name, sickness in fleet.chooser.health.sick.items():
        yield Fact("sick", name, sickness.sentence)
    yield from _quotas(quotas)
    yield from _allowances(near)
    for name, end in ends.items():
        warning = expiry_warning(name, end, now)
        if warning is not None:
            yield Fact("certificate", name, warning)
    if disk:
        yield Fact("disk", "", disk)
    if refused:
        yield Fact("config", "", refused)


def _quotas(quotas: Mapping[str, Tally]) -> Iterator[Fact]:
    for line, tally in quotas.items():
        if tally.fraction >= NEARLY:
            yield Fact("quota", line, sentence(line, tally))
        if tally.is_used:
            yield Fact("spent", line, sentence(line, tally))


def _allowances(near: Sequence[tuple[Tally, str, str]]) -> Iterator[Fact]:
    for tally, owner, place in near:
        why = Message("quota.owner", place=place, day=date_of(tally.quota, tally.running.end).date().isoformat())
        yield Fact("user-quota", owner, why)
        if tally.is_used:
            yield Fact("user-spent", owner, why)


def certificate_ends(fleet: Fleet, identity: Identity, ingress: str) -> dict[str, float]:
    """When certificates end, as far as they are known: those of nodes, and our own."""
    ends = {name: peer.welcome.not_after for name, peer in fleet.peers.items() if peer.welcome is not None}
    return {**ends, ingress: identity.expires}


def effect(fleet: Fleet) -> Effect:
    """What became of streams since the start."""
    whole = Counters()
    for counters in (*fleet.counters().values(), fleet.past):
        whole.absorb(counters)
    return Effect(whole.moves, whole.resumes, sum(whole.lost.values()))
