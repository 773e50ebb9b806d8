"""One path kept alive: set-ups and how they fail, pings and what their answers do, spares, and the end of all of it."""

from itertools import pairwise

import pytest

from ingress.measure.health import PathState, Refusal
from ingress.paths.backoff import BACKOFF_FIRST, BACKOFF_MOST
from ingress.paths.dial import Opened, SetupFailed
from ingress.paths.live import MOST_BULK, LivePath
from relay.carrier.link import Link
from relay.model.cause import Cause
from relay.wire.codes import Purpose, Reason
from relay.wire.setup import Hello
from tests.ingress.paths.yard import INGRESS, THREE_LINES, Yard, in_yard

DIRECT = (("direct", INGRESS, "us"),)


def dialled(yard: Yard, path: str, since: float = 0.0) -> list[float]:
    """When set-ups of *path* began."""
    return [at for name, at in yard.dials if name == path and at >= since]


def thin(live: LivePath) -> Link:
    assert live.thin is not None
    return live.thin


# ---- set-ups


@in_yard()
async def test_a_path_is_set_up_and_shows_what_it_is(yard: Yard) -> None:
    await yard.up()
    live = yard.live["ix/pacific"]
    assert live.is_usable and live.monitor.health.state is PathState.UP
    assert live.dials == {"ix": 0.04, "pacific": 0.06}
    assert live.path.nodes == ("jp", "us")
    assert repr(live) == "<LivePath ix/pacific up, 0 streams, 1 for bulk>"
    purposes = {(hello.via, hello.purpose) for hello in yard.hellos}
    assert {("direct", Purpose.THIN), ("ix", Purpose.PREFIX), ("pacific", Purpose.THIN)} <= purposes
    assert live.monitor.pings.srtt == pytest.approx(0.1)
    assert thin(live).end.base_rtt == pytest.approx(0.1)


@in_yard()
async def test_a_prefix_becomes_a_path_and_the_other_way_round(yard: Yard) -> None:
    await yard.up()
    live = yard.live["ix"]
    assert live.is_prefix
    live.serve_as(is_prefix=False)
    live.want_spare()
    yard.cut("ix")
    await yard.until(lambda: live.thin is not None)
    assert yard.hellos[-1].purpose in (Purpose.THIN, Purpose.BULK)


@in_yard(DIRECT)
async def test_a_dead_line_is_dialled_less_and_less(yard: Yard) -> None:
    yard.weather["direct"].refuses = True
    await yard.run(120.0)
    began = dialled(yard, "direct")
    waits = [after - before for before, after in pairwise(began)]
    doubled = [min(BACKOFF_FIRST * 2**step, BACKOFF_MOST) for step in range(len(waits))]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, doubled, strict=True))
    assert max(waits) > BACKOFF_MOST / 2


@in_yard(DIRECT)
async def test_a_carrier_that_lived_for_long_is_dialled_anew_at_once(yard: Yard) -> None:
    await yard.up()
    yard.cut("direct")
    await yard.until(lambda: len(dialled(yard, "direct")) > 1)
    await yard.run(BACKOFF_MOST + 5.0)
    yard.cut("direct")
    lost = yard.loop.now
    await yard.until(lambda: dialled(yard, "direct", lost))
    assert dialled(yard, "direct", lost)[0] - lost <= BACKOFF_FIRST


@in_yard(DIRECT)
async def test_who_is_poked_does_not_wait(yard: Yard) -> None:
    yard.weather["direct"].refuses = True
    await yard.run(20.0)
    before = len(dialled(yard, "direct"))
    yard.weather["direct"].refuses = False
    yard.live["direct"].poke()
    await yard.run(0.1)
    assert len(dialled(yard, "direct")) >= before + 1
    assert yard.live["direct"].thin is not None


REFUSALS = [
    (Reason.NOT_AN_INGRESS, Refusal.AUTH, "auth"),
    (Reason.VERSION, Refusal.VERSION, "version"),
    (Reason.STALE_CONFIG, Refusal.STALE_CONFIG, "stale config"),
    (Reason.LIMIT, None, "down"),
    (Reason.DRAINING, None, "down"),
]


@pytest.mark.parametrize(("reason", "refusal", "word"), REFUSALS)
@in_yard(DIRECT)
async def test_what_a_refused_set_up_shows(yard: Yard, reason: Reason, refusal: Refusal | None, word: str) -> None:
    yard.nodes["us"].refusal = reason, "in the node's words"
    await yard.run(3.0)
    health = yard.live["direct"].monitor.health
    assert (health.refusal, health.word, health.reason) == (refusal, word, "in the node's words")
    levels = [told["level"] for told in yard.logged("carrier-failed")]
    assert levels == ["warning"] + ["debug"] * (len(levels) - 1)
    assert len(levels) > 2
    yard.nodes["us"].refusal = None
    await yard.up()


@in_yard(DIRECT)
async def test_a_silent_line_is_given_up_in_time_and_sooner_where_the_round_trip_is_known(yard: Yard) -> None:
    yard.hold("direct")
    await yard.until(lambda: yard.live["direct"].monitor.health.was_tried)
    assert yard.live["direct"].monitor.health.reason == "no answer along direct within 9.0 s"
    yard.release("direct")
    await yard.up()
    yard.cut("direct")
    yard.hold("direct")
    await yard.until(lambda: "no answer" in yard.live["direct"].monitor.health.reason)
    assert yard.live["direct"].monitor.health.reason == "no answer along direct within 3.7 s"


@in_yard()
async def test_a_node_that_was_restarted_is_known_at_once_and_its_other_paths_need_not_wait(yard: Yard) -> None:
    await yard.up()
    client = yard.open("direct")
    await client.exchange()
    old = yard.fleet.peers["us"].session
    for name in ("direct", "pacific"):
        yard.hold(name)
    yard.nodes["us"].restart()
    for wire in yard.wires:
        if yard.weather["direct"] in wire.lines or yard.weather["pacific"] in wire.lines:
            wire.cut()
    await yard.run(30.0)
    assert client.sink.cause is None  # nobody has said anything
    for name in ("direct", "pacific"):
        yard.release(name)
    await yard.until(lambda: client.sink.cause)
    assert client.sink.cause is Cause.EXIT_LOST
    (told,) = yard.logged("session-forgotten")
    assert (told["node"], told["streams"]) == ("us", 1)
    forgotten = yard.loop.now
    await yard.until(lambda: all(yard.live[name].thin is not None for name in ("direct", "ix/pacific")))
    assert yard.loop.now - forgotten < 0.5
    assert yard.fleet.peers["us"].session is not old
    assert not old.carriers
    await yard.open("ix/pacific").exchange()


@in_yard(DIRECT)
async def test_a_node_that_has_just_shown_that_it_is_back_is_dialled_at_once(yard: Yard) -> None:
    """It refuses the session of before its restart; after that nobody waits out the backoff of its absence."""
    await yard.up()
    yard.cut("direct")
    yard.hold("direct")
    yard.nodes["us"].restart()
    await yard.run(40.0)
    yard.release("direct")
    await yard.until(lambda: yard.logged("session-forgotten"))
    forgotten = yard.loop.now
    await yard.until(lambda: yard.live["direct"].thin is not None)
    assert yard.loop.now - forgotten <= BACKOFF_FIRST + 0.07


@in_yard(DIRECT)
async def test_a_carrier_to_a_session_that_ended_meanwhile_is_closed(yard: Yard) -> None:
    await yard.up()
    peer = yard.fleet.peers["us"]
    open_carrier = yard.open_carrier
    opened: list[Opened] = []

    async def open_late(path: object, hello: Hello, *others: object) -> Opened:
        opened.append(await open_carrier(path, hello, *others))  # type: ignore[arg-type]
        if len(opened) == 1:
            peer.renew(Cause.EXIT_LOST)
        return opened[-1]

    yard.patch.setattr("ingress.paths.live.open_carrier", open_late)
    yard.cut("direct")
    await yard.until(lambda: opened)
    assert opened[0].tls.sock.fileno() == -1
    assert yard.live["direct"].monitor.health.reason == "us was restarted meanwhile"
    await yard.until(lambda: yard.live["direct"].thin is not None)
    assert thin(yard.live["direct"]).session is peer.session


# ---- a carrier's life


@in_yard(THREE_LINES)
async def test_bytes_are_counted_over_all_carriers_it_ever_had(yard: Yard) -> None:
    await yard.up()
    live = yard.live["a"]
    client = yard.open("a")
    client.stream.write(bytes(10_000))
    await yard.run(0.2)
    client.target.stream.write(bytes(20_000))
    await yard.run(0.2)
    up, down = live.bytes_up, live.bytes_down
    assert up > 10_000 and down > 20_000
    thin(live).close("the test's wish")
    assert (live.bytes_up, live.bytes_down) == (up, down)
    assert (live.counters.bytes_up, live.counters.bytes_down) >= (up - 5000, down - 5000)
    assert yard.logged("carrier-lost")[-1]["why"] == "the test's wish"
    await yard.up()
    assert live.bytes_up > up


@in_yard(THREE_LINES)
async def test_a_path_stalls_recovers_and_dies(yard: Yard) -> None:
    await yard.up()
    live = yard.live["a"]
    yard.hold("a")
    held = yard.loop.now
    await yard.until(lambda: live.monitor.health.state is PathState.STALLED)
    assert 0.4 <= yard.loop.now - held < 1.2
    assert not live.is_usable and live.thin is not None
    yard.release("a")
    await yard.until(lambda: live.monitor.health.is_answering)
    await yard.run(1.0)
    assert [told["path"] for told in yard.logged("path-recovered")] == ["a"]
    yard.hold("a")
    await yard.until(lambda: live.thin is None)
    assert [told["path"] for told in yard.logged("path-dead")] == ["a"]
    assert live.bulk == []
    assert live.monitor.health.deaths == 1
    assert {told["why"] for told in yard.logged("carrier-lost")} == {"silent"}
    yard.release("a")
    await yard.until(lambda: live.thin is not None)
    await yard.run(2.0)
    assert live.monitor.health.state is PathState.HELD


@in_yard(THREE_LINES)
async def test_carriers_that_are_silent(yard: Yard) -> None:
    """The warm one always counts: it is the one that was asked."""
    await yard.up()
    await yard.until(yard.live["a"].spare)
    live, now = yard.live["a"], yard.loop.now
    (bulk,) = live.bulk
    bulk.end.heard_at = now - 0.3
    assert live.silent(now) == [live.thin]
    bulk.end.heard_at = now - 0.5
    assert live.silent(now) == [live.thin, bulk]
    thin(live).close("gone")
    assert live.silent(now) == [bulk]


@in_yard(THREE_LINES)
async def test_what_a_planned_move_left_on_a_path_that_stalls_is_sent_again_at_once(yard: Yard) -> None:
    await yard.up()
    client = yard.open("a")
    await client.exchange()
    live = yard.live["a"]
    yard.hold("a")
    client.stream.write(b"swallowed")
    await yard.run(0.01)
    yard.fleet.moving.evacuate(live, "test")
    assert client.paths == ["b"]
    assert not live.is_deserted
    await yard.until(lambda: live.monitor.health.state is PathState.STALLED)
    await yard.run(0.2)
    assert bytes(client.target.data[10:]) == b"swallowed"
    assert live.is_deserted


@in_yard(THREE_LINES)
async def test_a_late_ping_makes_all_others_be_asked(yard: Yard) -> None:
    await yard.up()
    for live in yard.live.values():
        live.monitor.every(5.0, yard.loop.now)
    asked = {name: live.monitor._last_ping for name, live in yard.live.items()}
    yard.fleet.doubted()
    await yard.run(0.01)
    assert all(yard.live[name].monitor._last_ping > at for name, at in asked.items())


@in_yard(THREE_LINES)
async def test_pongs_on_bulk_carriers_are_not_timed(yard: Yard) -> None:
    await yard.up()
    await yard.until(yard.live["a"].spare)
    live = yard.live["a"]
    samples = live.monitor.pings.samples
    live.on_pong(live.bulk[0], 1)
    assert live.monitor.pings.samples == samples


# ---- spares for bulk


@in_yard(THREE_LINES)
async def test_one_spare_is_dialled_and_no_more(yard: Yard) -> None:
    await yard.up()
    live = yard.live["c"]  # not among the best two
    live.want_spare()
    live.want_spare()
    await yard.run(1.0)
    assert len(live.bulk) == 1
    live.want_spare()
    await yard.run(1.0)
    assert len(live.bulk) == 1


@in_yard(DIRECT)
async def test_a_refused_spare_is_not_asked_for_at_every_round(yard: Yard) -> None:
    yard.nodes["us"].refuses_bulk = True
    await yard.run(60.0)
    refused = [hello for hello in yard.hellos if hello.purpose is Purpose.BULK]
    assert 5 < len(refused) < 15
    assert yard.live["direct"].thin is not None


@in_yard(DIRECT)
async def test_a_stalled_path_gets_no_spare(yard: Yard) -> None:
    await yard.up()
    live = yard.live["direct"]
    await yard.until(live.spare)
    live.bulk[0].close("gone")
    yard.hold("direct")
    await yard.until(lambda: live.monitor.health.state is PathState.STALLED)
    begun = len(yard.dials)
    live.want_spare()
    await yard.run(0.1)
    assert len(yard.dials) == begun
    assert len(live.bulk) < MOST_BULK


@in_yard(DIRECT)
async def test_a_silent_bulk_carrier_is_closed_and_the_warm_one_stays(yard: Yard) -> None:
    await yard.up()
    live = yard.live["direct"]
    await yard.until(live.spare)
    spare = live.spare()
    await yard.run(5.0)
    assert live.spare() is spare  # its pings are answered
    yard.wire(spare).is_held = True
    silent = yard.loop.now
    await yard.until(lambda: spare not in live.bulk)
    assert 3.0 <= yard.loop.now - silent <= 5.2
    assert yard.logged("carrier-lost")[-1]["why"] == "silent"
    assert live.thin is not None


# ---- the end


@in_yard(THREE_LINES)
async def test_a_path_that_was_stopped_asks_and_dials_no_more(yard: Yard) -> None:
    await yard.up()
    live = yard.live["a"]
    live.stop()
    await yard.run(0.3)
    asked, begun = live.monitor._last_ping, len(dialled(yard, "a"))
    await yard.run(3.0)
    assert live.monitor._last_ping == asked
    assert live.thin is not None
    live.want_spare()
    thin(live).close("gone")
    await yard.run(30.0)
    assert len(dialled(yard, "a")) == begun
    assert live.thin is None


@in_yard(THREE_LINES)
async def test_carriers_that_were_closed_although_they_worked_leave_no_trial(yard: Yard) -> None:
    await yard.up()
    live = yard.live["a"]
    await yard.until(live.spare)
    live.close_carriers("node us drains")
    assert live.thin is None and live.bulk == []
    assert live.monitor.health.deaths == 0
    live.close_carriers("again")
    await yard.until(lambda: live.monitor.health.state is PathState.UP, most=2.0)


@in_yard()
async def test_carriers_of_a_session_that_is_over_are_closed_and_no_others(yard: Yard) -> None:
    await yard.up()
    prefix = yard.live["ix"].thin
    client = yard.open("direct")
    yard.live["direct"].close_strangers()
    assert yard.live["direct"].thin is not None
    yard.fleet.peers["us"].renew(Cause.EXIT_LOST)
    assert yard.live["direct"].thin is yard.live["ix/pacific"].thin is None
    assert yard.live["ix"].thin is prefix
    assert client.sink.cause is Cause.EXIT_LOST
    assert {told["why"] for told in yard.logged("carrier-lost")} == {"its session is over"}
    await yard.run(1.0)
    assert yard.fleet.moving.detached == 0
    await yard.up()


def test_a_failed_set_up_shows_what_its_reason_says_unless_told_otherwise() -> None:
    assert SetupFailed("no").shown is None
    assert SetupFailed("no", Reason.VERSION).shown is Refusal.VERSION
    assert SetupFailed("no", Reason.LIMIT).shown is None
    assert SetupFailed("no", shown=Refusal.AUTH).shown is Refusal.AUTH
