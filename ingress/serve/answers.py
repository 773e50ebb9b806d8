"""What the admin socket is told: the report of `ingress paths`, the explanation of a choice, reload."""

import datetime
import time
from collections.abc import Mapping
from typing import Any

from ingress.choice.sites import UDP, parse_client, parse_question
from ingress.choice.wishes import Wish
from ingress.client.flows import AssociationClient
from ingress.measure.states import node_state
from ingress.messages.languages import of_question
from ingress.messages.message import Message
from ingress.paths.peer import Peer
from ingress.report.exits import behind_exits
from ingress.report.report import report
from ingress.report.rows import VERSION, NodeRow, Report, ToldRow, WhyDatagrams, to_json
from ingress.report.snapshot import Snapshot
from ingress.report.why import explain
from ingress.report.why_datagrams import explain_datagrams
from ingress.serve.alert_facts import certificate_ends
from ingress.serve.counters import ingress_counters
from ingress.serve.history_answer import answer_events, answer_history
from ingress.serve.history_keeping import planned
from ingress.serve.hold_answers import answer_hold, answer_release, hold_rows
from ingress.serve.running import Running
from ingress.serve.usage_answer import answer_quota, answer_usage
from relay.admin.server import Answer, Ask
from relay.engine.kernel_memory import kernel_memory
from relay.errors import OperatorError
from relay.identity import expiry_warning
from relay.model.network import Address, Network
from relay.serve.shortage import shortage
from relay.serve.vitals import process_vitals

WRONG_CLOCK = 60.0
"""Seconds by which two clocks may differ before that is worth a word."""
AUTO = "auto"
"""What takes wishes back."""
LONGEST_WISH = 10 * 365 * 86400.0
"""Seconds that one may hold."""


def asks(running: Running) -> Mapping[str, Ask]:
    """The questions that *running* answers."""

    async def paths(question: Mapping[str, Any]) -> Answer:
        return to_json(make_report(running), _language(question))

    async def why(question: Mapping[str, Any]) -> Answer:
        return await _why(running, question)

    async def usage(question: Mapping[str, Any]) -> Answer:
        return await answer_usage(running, question)

    async def history(question: Mapping[str, Any]) -> Answer:
        return await answer_history(running, question, _language(question))

    async def events(question: Mapping[str, Any]) -> Answer:
        return await answer_events(running, question, _language(question))

    async def use(question: Mapping[str, Any]) -> Answer:
        return {"version": VERSION, "wishes": _use(running, question)}

    async def quota(question: Mapping[str, Any]) -> Answer:
        return answer_quota(running, question)

    async def alert_test(_: Mapping[str, Any]) -> Answer:
        return {"version": VERSION, "receivers": await running.alerting.test()}

    async def page(_: Mapping[str, Any]) -> Answer:
        return {"version": VERSION, "address": running.web.invite()}

    async def hold(question: Mapping[str, Any]) -> Answer:
        return answer_hold(running.holding, question, _language(question))

    async def release(question: Mapping[str, Any]) -> Answer:
        return answer_release(running.holding, question, _language(question))

    return {
        "paths": paths,
        "why": why,
        "usage": usage,
        "history": history,
        "events": events,
        "use": use,
        "quota": quota,
        "page": page,
        "hold": hold,
        "release": release,
        "alert-test": alert_test,
        "reload": running.reloads.answer,
    }


async def _why(running: Running, question: Mapping[str, Any]) -> Answer:
    try:
        host, port, protocol = parse_question(str(question.get("target", "")))
    except ValueError as error:
        raise OperatorError(f"no target to explain: {error}") from error
    client, user, language = _client(question), str(question.get("user", "")), _language(question)
    who = AssociationClient(client, user, _listen(running, question))
    if running.opener.demand(host, port, client, user, who.listen, protocol).asking:
        await running.names.learn(host)
    if protocol == UDP:
        return to_json(_why_datagrams(running, who, host, port), language)
    demand = running.opener.demand(host, port, client, user, who.listen)
    fleet, now = running.fleet, running.loop.now
    return to_json(explain(fleet.chooser, demand, now, fleet.bulk.offers(), fleet.bulk.place), language)


def _language(question: Mapping[str, Any]) -> str:
    try:
        return of_question(question)
    except ValueError as error:
        raise OperatorError(str(error)) from error


def _use(running: Running, question: Mapping[str, Any]) -> list[str]:
    """Do what `ingress use` asks; the wishes in force then."""
    what, whom, seconds = question.get("use"), question.get("for", ""), question.get("seconds")
    is_number = seconds is None or (isinstance(seconds, int | float) and not isinstance(seconds, bool))
    if not isinstance(what, str | None) or not isinstance(whom, str) or not is_number:
        raise OperatorError("that is no wish: `use` and `for` are texts, `seconds` is a number")
    if what == AUTO:
        running.use(None, None if question.get("all") is True else whom)
    elif what is not None:
        if seconds is not None and not 0 < seconds < LONGEST_WISH:
            raise OperatorError("that is no wish: `seconds` is how long it is to hold, ten years at most")
        running.use(Wish(what, whom, None if seconds is None else time.time() + seconds))
    return wishes(running)


def wishes(running: Running) -> list[str]:
    """What was asked for by hand, and what cannot be had of it now."""
    told = []
    for wish in running.wishes.in_force(time.time()):
        ranking = running.fleet.chooser.view(running.wishes.paths_of(wish)).ranking
        told.append(str(wish) if ranking.usable else Message("wish.vain", wish=str(wish)))
    return told


def _why_datagrams(running: Running, who: AssociationClient, host: str, port: int) -> WhyDatagrams:
    demand, refusal = running.associations.asked(who, host, port)
    picked = None if refusal is not None or demand.is_direct else running.associations.pick(who, demand)
    why = None if picked is None else (picked.exit, picked.why)
    within = None if picked is None else picked.paths
    return explain_datagrams(demand, refusal, why, running.fleet.datagrams.ways, within)


def _client(question: Mapping[str, Any]) -> str:
    """The address of the client of a question; empty if it says none. OperatorError: it is none."""
    try:
        return parse_client(str(question.get("client", "")))
    except ValueError as error:
        raise OperatorError(f"client: {error}") from error


def _listen(running: Running, question: Mapping[str, Any]) -> Address | None:
    """The address that the client of a question came in by; None if it says none.

    Raises:
        OperatorError: there is none such.
    """
    asked = str(question.get("listen", ""))
    if not asked:
        return None
    config = running.config
    found = config.find_listen(asked)
    if found is None:
        known = ", ".join(map(str, config.listen_addresses))
        raise OperatorError(f"{config.name} does not listen at {asked}: it does at {known}")
    return found


def make_report(running: Running) -> Report:
    """The answer to `paths`, as things are now."""
    fleet, clock = running.fleet, datetime.datetime.now(datetime.UTC)
    return report(
        Snapshot(
            ingress=running.config.name,
            time=clock.isoformat(timespec="seconds"),
            now=running.loop.now,
            network_monitor=fleet.network_monitor,
            ranking=fleet.chooser.ranking,
            lines=tuple(fleet.network.lines.values()),
            behind_exits=behind_exits(fleet.chooser),
            planned=planned(fleet, running.loop.now),
            traffic=fleet.traffic,
            counters=fleet.counters(),
            past=fleet.past,
            dials=fleet.dials(),
            nodes=node_rows(running),
            spare=fleet.found.spare,
            wishes=wishes(running),
            holds=hold_rows(running.holding),
            warnings=[*running.config.warnings, *_warnings(running, clock.timestamp())],
            capacities=fleet.line_loads.capacities,
            limits=fleet.line_loads.limits,
            speeds=fleet.line_loads.speeds,
            wall=fleet.line_loads.wall(running.loop.now),
            quotas=running.quotas.lines.tallies,
            ways=fleet.datagrams.ways,
            counted=ingress_counters(running),
            vitals=process_vitals(running.loop, running.memory.statistics(), running.since),
        )
    )


def node_rows(running: Running) -> list[NodeRow]:
    """What every node told in its last WELCOME and its last STATUS."""
    fleet = running.fleet
    rows = []
    for node in fleet.network.nodes.values():
        peer = fleet.peers.get(node.name)
        welcome = None if peer is None else peer.welcome
        config = None if peer is None else peer.stale(fleet.network, running.config.name)
        rows.append(
            NodeRow(
                node.name,
                node.exit,
                node_state(node.name, fleet.network_monitor),
                version=None if welcome is None else welcome.program,
                stale_config=config is not None,
                config=config,
                draining=peer is not None and peer.is_draining and bool(peer.session.carriers),
                certificate_ends=None if welcome is None else _date(welcome.not_after),
                told=None if peer is None else _told(peer, fleet.network, running.loop.now),
                families=None if peer is None or peer.told is None else peer.families.words,
                clock_offset=None if peer is None else peer.clock_offset(_least_trip(node.name, running)),
            )
        )
    return rows


def _least_trip(node: str, running: Running) -> float | None:
    """Seconds to *node* and back over the nearest walk that ends there; None if none was measured."""
    monitors = running.fleet.network_monitor.monitors.values()
    return min((one.pings.srtt for one in monitors if one.path.end == node and one.pings.srtt), default=None)


def _told(peer: Peer, network: Network, now: float) -> ToldRow | None:
    """What *peer* told of itself and of its own lines; what it may have told of others is nobody's concern."""
    if peer.told is None or peer.told_at is None:
        return None
    told, lines = peer.told, network.lines
    own = tuple(one for one in told.lines if one.line in lines and lines[one.line].touches(peer.name))
    return ToldRow(now - peer.told_at, told.vitals, told.connected, own, told.counters, told.refusals, told.failures)


def _short(running: Running) -> list[str]:
    """Whether windows share what is left of the memory, and who holds it; the same of the kernel's."""
    kernel = kernel_memory()
    found = (shortage(running.memory, running.streams()), None if kernel is None else kernel.shortage)
    return [one for one in found if one is not None]


def _warnings(running: Running, now: float) -> list[str]:
    """What is wrong here, and breaks nothing yet."""
    return [
        *_expiring(running, now),
        *_short(running),
        *_forgetful(running),
        *_unfetched(running),
        *(Message("warn.list-refused", why=line) for line in running.list_watch.refused.splitlines()),
        *_wrong_clocks(running),
        *running.quotas.warnings(),
    ]


def _wrong_clocks(running: Running) -> list[str]:
    """Nodes whose clock is far from ours: either may be the wrong one."""
    offsets = {name: peer.clock_offset(_least_trip(name, running)) for name, peer in running.fleet.peers.items()}
    wrong = {name: offset for name, offset in offsets.items() if offset is not None and abs(offset) > WRONG_CLOCK}
    return [
        Message("warn.clock-ahead" if offset > 0 else "warn.clock-behind", node=name, by=abs(offset))
        for name, offset in wrong.items()
    ]


def _unfetched(running: Running) -> list[str]:
    """Lists that rules name, and that could not be fetched, or not any more."""
    told: list[str] = []
    for one in running.lists.loaded.values():
        why = running.fetcher.failed.get(one.source.url or "")
        if why is not None:
            told.append(_unfetched_list(one.source.url or "", one.modified, why))
    return told


def _unfetched_list(url: str, modified: float | None, why: str) -> Message:
    if modified is None:
        return Message("warn.list-none", url=url, why=why)
    return Message("warn.list-old", url=url, time=_date(modified), why=why)


def _forgetful(running: Running) -> list[str]:
    """That nothing is kept over a restart, and why."""
    trouble = running.keeper.trouble
    return [Message("warn.forgetful", why=trouble)] if trouble else []


def _expiring(running: Running, now: float) -> list[str]:
    """Certificates that end soon, our own included."""
    ends = certificate_ends(running.fleet, running.identity, running.config.name)
    warnings = (expiry_warning(name, end, now) for name, end in ends.items())
    return [warning for warning in warnings if warning is not None]


def _date(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
