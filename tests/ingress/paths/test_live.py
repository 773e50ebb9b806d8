"""One path kept alive: set-ups and how they fail, pings and what their answers do, spares, and the end of all of it."""

from itertools import pairwise

import pytest

from ingress.measure.faults import Refusal
from ingress.measure.health import PathState
from ingress.measure.monitor import Due, PathMonitor
from ingress.paths.backoff import BACKOFF_FIRST, BACKOFF_MOST
from ingress.paths.dial import Opened
from ingress.paths.live import MOST_BULK, LivePath
from relay.carrier.link import Link
from relay.model.cause import Cause
from relay.wire.codes import Purpose, Reason
from relay.wire.setup import Hello
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, FleetBed, with_bed

DIRECT = (("direct", INGRESS, "us"),)


def dialled(bed: FleetBed, path: str, since: float = 0.0) -> list[float]:
    """When set-ups of *path* began."""
    return [at for name, at in bed.dials if name == path and at >= since]


def thin(live: LivePath) -> Link:
    assert live.thin is not None
    return live.thin


# ---- set-ups


@with_bed()
async def test_a_path_is_set_up_and_shows_what_it_is(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["ix/pacific"]
    assert live.is_usable and live.monitor.health.state is PathState.UP
    assert {dial.line: dial.took for dial in live.dials} == {"ix": 0.04, "pacific": 0.06}
    assert live.path.nodes == ("jp", "us")
    assert repr(live) == "<LivePath ix/pacific up, 0 streams, 1 for bulk>"
    purposes = {(hello.via, hello.purpose) for hello in bed.hellos}
    assert {("direct", Purpose.THIN), ("ix", Purpose.PREFIX), ("pacific", Purpose.THIN)} <= purposes
    assert live.monitor.pings.srtt == pytest.approx(0.1)
    assert thin(live).end.base_rtt == pytest.approx(0.1)


@with_bed()
async def test_a_prefix_becomes_a_path_and_the_other_way_round(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["ix"]
    assert live.is_prefix
    live.serve_as(is_prefix=False)
    live.want_spare()
    bed.cut("ix")
    await bed.until(lambda: live.thin is not None)
    assert bed.hellos[-1].purpose in (Purpose.THIN, Purpose.BULK)


@with_bed(DIRECT)
async def test_a_dead_line_is_dialled_less_and_less(bed: FleetBed) -> None:
    bed.lines["direct"].refuses = True
    await bed.run(120.0)
    began = dialled(bed, "direct")
    waits = [after - before for before, after in pairwise(began)]
    doubled = [min(BACKOFF_FIRST * 2**step, BACKOFF_MOST) for step in range(len(waits))]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, doubled, strict=True))
    assert max(waits) > BACKOFF_MOST / 2


@with_bed(DIRECT)
async def test_a_carrier_that_lived_for_long_is_dialled_anew_at_once(bed: FleetBed) -> None:
    await bed.up()
    bed.cut("direct")
    await bed.until(lambda: len(dialled(bed, "direct")) > 1)
    await bed.run(BACKOFF_MOST + 5.0)
    bed.cut("direct")
    lost = bed.loop.now
    await bed.until(lambda: dialled(bed, "direct", lost))
    assert dialled(bed, "direct", lost)[0] - lost <= BACKOFF_FIRST


@with_bed(DIRECT)
async def test_who_is_poked_does_not_wait(bed: FleetBed) -> None:
    bed.lines["direct"].refuses = True
    await bed.run(20.0)
    before = len(dialled(bed, "direct"))
    bed.lines["direct"].refuses = False
    bed.live["direct"].poke()
    await bed.run(0.1)
    assert len(dialled(bed, "direct")) >= before + 1
    assert bed.live["direct"].thin is not None


REFUSALS = [
    (Reason.NOT_AN_INGRESS, Refusal.AUTH, "auth"),
    (Reason.VERSION, Refusal.VERSION, "version"),
    (Reason.NOT_AN_EXIT, Refusal.STALE_CONFIG, "stale config"),
    (Reason.STALE_CONFIG, None, "down"),
    (Reason.LIMIT, None, "down"),
    (Reason.DRAINING, None, "down"),
]


@pytest.mark.parametrize(("reason", "refusal", "word"), REFUSALS)
@with_bed(DIRECT)
async def test_what_a_refused_set_up_shows(bed: FleetBed, reason: Reason, refusal: Refusal | None, word: str) -> None:
    bed.nodes["us"].refusal = reason, "in the node's words"
    await bed.run(3.0)
    health = bed.live["direct"].monitor.health
    assert (health.refusal, health.word, health.reason) == (refusal, word, "in the node's words")
    levels = [told["level"] for told in bed.logged("carrier-failed")]
    assert levels == ["warning"] + ["debug"] * (len(levels) - 1)
    assert len(levels) > 2
    bed.nodes["us"].refusal = None
    await bed.up()


@with_bed(DIRECT)
async def test_a_silent_line_is_given_up_in_time_and_sooner_where_the_round_trip_is_known(bed: FleetBed) -> None:
    bed.hold("direct")
    await bed.until(lambda: bed.live["direct"].monitor.health.was_tried)
    assert bed.live["direct"].monitor.health.reason == "no answer along direct within 9.0 s"
    bed.release("direct")
    await bed.up()
    bed.cut("direct")
    bed.hold("direct")
    await bed.until(lambda: "no answer" in bed.live["direct"].monitor.health.reason)
    assert bed.live["direct"].monitor.health.reason == "no answer along direct within 3.7 s"


@with_bed()
async def test_a_node_that_was_restarted_is_known_at_once_and_its_other_paths_need_not_wait(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("direct")
    await client.exchange()
    old = bed.fleet.peers["us"].session
    for name in ("direct", "pacific"):
        bed.hold(name)
    bed.nodes["us"].restart()
    for connection in bed.connections:
        if bed.lines["direct"] in connection.lines or bed.lines["pacific"] in connection.lines:
            connection.cut()
    await bed.run(30.0)
    assert client.sink.cause is None  # nobody has said anything
    for name in ("direct", "pacific"):
        bed.release(name)
    await bed.until(lambda: client.sink.cause)
    assert client.sink.cause is Cause.EXIT_LOST
    (told,) = bed.logged("session-forgotten")
    assert (told["node"], told["streams"]) == ("us", 1)
    forgotten = bed.loop.now
    await bed.until(lambda: all(bed.live[name].thin is not None for name in ("direct", "ix/pacific")))
    assert bed.loop.now - forgotten < 0.5
    assert bed.fleet.peers["us"].session is not old
    assert not old.carriers
    await bed.open("ix/pacific").exchange()


@with_bed(DIRECT)
async def test_a_node_that_has_just_shown_that_it_is_back_is_dialled_at_once(bed: FleetBed) -> None:
    """It refuses the session of before its restart; after that nobody waits out the backoff of its absence."""
    await bed.up()
    bed.cut("direct")
    bed.hold("direct")
    bed.nodes["us"].restart()
    await bed.run(40.0)
    bed.release("direct")
    await bed.until(lambda: bed.logged("session-forgotten"))
    forgotten = bed.loop.now
    await bed.until(lambda: bed.live["direct"].thin is not None)
    assert bed.loop.now - forgotten <= BACKOFF_FIRST + 0.07


@with_bed(DIRECT)
async def test_a_carrier_to_a_session_that_ended_meanwhile_is_closed(bed: FleetBed) -> None:
    await bed.up()
    peer = bed.fleet.peers["us"]
    open_carrier = bed.open_carrier
    opened: list[Opened] = []

    async def open_late(path: object, hello: Hello, *others: object) -> Opened:
        opened.append(await open_carrier(path, hello, *others))  # type: ignore[arg-type]
        if len(opened) == 1:
            peer.renew(Cause.EXIT_LOST)
        return opened[-1]

    bed.patch.setattr("ingress.paths.live.open_carrier", open_late)
    bed.cut("direct")
    await bed.until(lambda: opened)
    assert opened[0].tls.sock.fileno() == -1
    assert bed.live["direct"].monitor.health.reason == "us was restarted meanwhile"
    await bed.until(lambda: bed.live["direct"].thin is not None)
    assert thin(bed.live["direct"]).session is peer.session


# ---- a carrier's life


@with_bed(THREE_LINES)
async def test_bytes_are_counted_over_all_carriers_it_ever_had(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["a"]
    client = bed.open("a")
    client.stream.write(bytes(10_000))
    await bed.run(0.2)
    client.target.stream.write(bytes(20_000))
    await bed.run(0.2)
    up, down = live.bytes_up, live.bytes_down
    assert up > 10_000 and down > 20_000
    thin(live).close("the test's wish")
    assert (live.bytes_up, live.bytes_down) == (up, down)
    assert (live.counters.bytes_up, live.counters.bytes_down) >= (up - 5000, down - 5000)
    assert bed.logged("carrier-lost")[-1]["why"] == "the test's wish"
    await bed.up()
    assert live.bytes_up > up


@with_bed(THREE_LINES)
async def test_a_path_stalls_recovers_and_dies(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["a"]
    bed.hold("a")
    held = bed.loop.now
    await bed.until(lambda: live.monitor.health.state is PathState.STALLED)
    assert 0.4 <= bed.loop.now - held < 1.2
    assert not live.is_usable and live.thin is not None
    bed.release("a")
    await bed.until(lambda: live.monitor.health.is_answering)
    await bed.run(1.0)
    assert [told["path"] for told in bed.logged("path-recovered")] == ["a"]
    bed.hold("a")
    await bed.until(lambda: live.thin is None)
    assert [told["path"] for told in bed.logged("path-dead")] == ["a"]
    assert live.bulk == []
    assert live.monitor.health.deaths == 1
    assert {told["why"] for told in bed.logged("carrier-lost")} == {"silent"}
    bed.release("a")
    await bed.until(lambda: live.thin is not None)
    await bed.run(2.0)
    assert live.monitor.health.state is PathState.HELD


@with_bed(THREE_LINES)
async def test_carriers_that_are_silent(bed: FleetBed) -> None:
    """The warm one always counts: it is the one that was asked."""
    await bed.up()
    await bed.until(bed.live["a"].spare)
    live, now = bed.live["a"], bed.loop.now
    (bulk,) = live.bulk
    bulk.end.heard_at = now - 0.3
    assert live.silent(now) == [live.thin]
    bulk.end.heard_at = now - 0.5
    assert live.silent(now) == [live.thin, bulk]
    thin(live).close("gone")
    assert live.silent(now) == [bulk]


@with_bed(THREE_LINES)
async def test_what_a_planned_move_left_on_a_path_that_stalls_is_sent_again_at_once(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("a")
    await client.exchange()
    live = bed.live["a"]
    bed.hold("a")
    client.stream.write(b"swallowed")
    await bed.run(0.01)
    bed.fleet.moving.evacuate(live, "test")
    assert client.paths == ["b"]
    assert not live.is_deserted
    await bed.until(lambda: live.monitor.health.state is PathState.STALLED)
    await bed.run(0.2)
    assert bytes(client.target.data[10:]) == b"swallowed"
    assert live.is_deserted


@with_bed(THREE_LINES)
async def test_an_answer_in_time_leaves_nothing_to_wake_up_for_but_the_next_ping(bed: FleetBed) -> None:
    await bed.up()
    found: list[tuple[Due, ...]] = []
    tick = PathMonitor.tick

    def watched(monitor: PathMonitor, now: float) -> tuple[Due, ...]:
        found.append(tick(monitor, now))
        return found[-1]

    bed.patch.setattr(PathMonitor, "tick", watched)
    await bed.run(10.0)
    assert len(found) > 30
    assert set(found) == {(Due.PING,)}


@with_bed(THREE_LINES)
async def test_a_late_ping_makes_all_others_be_asked(bed: FleetBed) -> None:
    await bed.up()
    for live in bed.live.values():
        live.monitor.every(5.0, bed.loop.now)
    asked = {name: live.monitor._last_ping for name, live in bed.live.items()}
    bed.fleet.doubted()
    await bed.run(0.01)
    assert all(bed.live[name].monitor._last_ping > at for name, at in asked.items())


@with_bed(THREE_LINES)
async def test_pongs_on_bulk_carriers_are_not_timed(bed: FleetBed) -> None:
    await bed.up()
    await bed.until(bed.live["a"].spare)
    live = bed.live["a"]
    samples = live.monitor.pings.samples
    live.on_pong(live.bulk[0], 1)
    assert live.monitor.pings.samples == samples


# ---- spares for bulk


@with_bed(THREE_LINES)
async def test_one_spare_is_dialled_and_no_more(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["c"]  # not among the best two
    live.want_spare()
    live.want_spare()
    await bed.run(1.0)
    assert len(live.bulk) == 1
    live.want_spare()
    await bed.run(1.0)
    assert len(live.bulk) == 1


@with_bed(DIRECT)
async def test_a_refused_spare_is_not_asked_for_at_every_round(bed: FleetBed) -> None:
    bed.nodes["us"].refuses_bulk = True
    await bed.run(60.0)
    refused = [hello for hello in bed.hellos if hello.purpose is Purpose.BULK]
    assert 5 < len(refused) < 15
    assert bed.live["direct"].thin is not None


@with_bed(DIRECT)
async def test_a_stalled_path_gets_no_spare(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["direct"]
    await bed.until(live.spare)
    live.bulk[0].close("gone")
    bed.hold("direct")
    await bed.until(lambda: live.monitor.health.state is PathState.STALLED)
    begun = len(bed.dials)
    live.want_spare()
    await bed.run(0.1)
    assert len(bed.dials) == begun
    assert len(live.bulk) < MOST_BULK


@with_bed(DIRECT)
async def test_a_silent_bulk_carrier_is_closed_and_the_warm_one_stays(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["direct"]
    await bed.until(live.spare)
    spare = live.spare()
    await bed.run(5.0)
    assert live.spare() is spare  # its pings are answered
    bed.connection(spare).is_held = True
    silent = bed.loop.now
    await bed.until(lambda: spare not in live.bulk)
    assert 3.0 <= bed.loop.now - silent <= 8.2  # one that nobody rides on is asked every 4 s
    assert bed.logged("carrier-lost")[-1]["why"] == "silent"
    assert live.thin is not None


# ---- the end


@with_bed(THREE_LINES)
async def test_a_path_that_was_stopped_asks_and_dials_no_more(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["a"]
    live.stop()
    await bed.run(0.3)
    asked, begun = live.monitor._last_ping, len(dialled(bed, "a"))
    await bed.run(3.0)
    assert live.monitor._last_ping == asked
    assert live.thin is not None
    live.want_spare()
    thin(live).close("gone")
    await bed.run(30.0)
    assert len(dialled(bed, "a")) == begun
    assert live.thin is None


@with_bed(THREE_LINES)
async def test_carriers_that_were_closed_although_they_worked_leave_no_trial(bed: FleetBed) -> None:
    await bed.up()
    live = bed.live["a"]
    await bed.until(live.spare)
    live.close_carriers("node us drains")
    assert live.thin is None and live.bulk == []
    assert live.monitor.health.deaths == 0
    live.close_carriers("again")
    await bed.until(lambda: live.monitor.health.state is PathState.UP, most=2.0)


@with_bed()
async def test_carriers_of_a_session_that_is_over_are_closed_and_no_others(bed: FleetBed) -> None:
    await bed.up()
    prefix = bed.live["ix"].thin
    client = bed.open("direct")
    bed.live["direct"].close_strangers()
    assert bed.live["direct"].thin is not None
    bed.fleet.peers["us"].renew(Cause.EXIT_LOST)
    assert bed.live["direct"].thin is bed.live["ix/pacific"].thin is None
    assert bed.live["ix"].thin is prefix
    assert client.sink.cause is Cause.EXIT_LOST
    assert {told["why"] for told in bed.logged("carrier-lost")} == {"its session is over"}
    await bed.run(1.0)
    assert bed.fleet.moving.detached == 0
    await bed.up()


@with_bed(THREE_LINES)
async def test_our_own_page_loads_are_no_weather(bed: FleetBed) -> None:
    """Ten of 150 KB every 4 s fill a line for a third of a second: who rides on it stays, and who comes takes it."""
    bed.lines["a"].rate = 4e6
    await bed.up()
    clients = [bed.open("a") for _ in range(10)]
    await bed.run(1.0)
    calm = bed.fleet.chooser.ranking.by_name["a"]
    seen = set()
    for _ in range(8):
        for client in clients:
            client.target.stream.write(bytes(150_000))
        for _ in range(16):
            await bed.run(0.25)
            entry = bed.fleet.chooser.ranking.by_name["a"]
            assert entry.cost == pytest.approx(calm.cost, abs=0.003)
            seen.add(bed.fleet.chooser.ranking.order[0].name)
    pings = bed.live["a"].monitor.pings
    assert max(pings._all) > 0.2  # they did stand in the queue
    assert pings.late == 0.0
    assert seen == {"a"}
    assert bed.ridden() == {"a": 10}
