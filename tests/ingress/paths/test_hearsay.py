"""What nodes, and whoever is on a line, can make an ingress believe: of themselves much, of anybody else nothing."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from ingress.measure.faults import REFUSALS, Asked, kind_of
from ingress.measure.states import node_state
from ingress.paths.backoff import BACKOFF_MOST
from ingress.paths.dial import Opened
from relay.model.cause import Cause
from relay.wire.codes import Purpose, Reason
from relay.wire.status import LineReport, Status, status
from tests.ingress.paths.far_node import Refusing
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, FleetBed, Lines, with_bed

ONE: Lines = (("direct", INGRESS, "us"),)


def dials(bed: FleetBed, path: str, purpose: Purpose | None = None) -> list[float]:
    """When set-ups of *path* began, for *purpose* if it is given."""
    both = zip(bed.dials, bed.hellos, strict=True)
    return [at for (name, at), hello in both if name == path and purpose in (None, hello.purpose)]


def lie(bed: FleetBed, reason: Reason) -> None:
    """jp refuses every TRANSIT for *reason*, and cuts what it had passed on."""
    bed.nodes["jp"].refuses_transit = Refusing(reason, "jp says so")
    bed.cut("pacific")


# ---- a relay


@pytest.mark.parametrize("reason", list(Reason))
@with_bed()
async def test_c1_what_a_relay_refuses_decides_nothing_but_its_path(bed: FleetBed, reason: Reason) -> None:
    await bed.up()
    client, session = bed.open("direct"), bed.fleet.peers["us"].session
    await client.exchange()
    lie(bed, reason)
    await bed.run(120.0)
    assert client.sink.cause is None and client.paths == ["direct"]
    await client.exchange()
    assert bed.fleet.peers["us"].session is session
    assert not bed.logged("session-forgotten") and not bed.logged("exit-lost")
    path = bed.live["ix/pacific"].monitor.health
    shown = REFUSALS.get(kind_of(Asked.TRANSIT, reason))
    assert path.word == ("down" if shown is None else shown.value)
    assert path.fault is not None and path.fault.said_by == "jp"
    assert node_state("us", bed.fleet.network_monitor) == node_state("jp", bed.fleet.network_monitor) == "up"
    waits = [after - before for before, after in pairwise(dials(bed, "ix/pacific")[1:])]
    assert len(waits) < 20 and max(waits) > BACKOFF_MOST / 2


@pytest.mark.parametrize("reason", list(Reason))
@with_bed()
async def test_c1_and_while_the_exit_is_out_of_reach_its_streams_wait_for_it(bed: FleetBed, reason: Reason) -> None:
    """The relay is the only one that says anything."""
    await bed.up()
    client = bed.open("direct")
    await client.exchange()
    lie(bed, reason)
    bed.hold("direct")
    bed.cut("direct")
    await bed.run(40.0)
    assert client.sink.cause is None
    assert node_state("us", bed.fleet.network_monitor) == "down"  # whatever the relay says of it
    bed.release("direct")
    await bed.until(lambda: client.paths == ["direct"])
    await client.exchange()


@with_bed()
async def test_c7_a_relay_that_drains_is_left_and_nobody_else(bed: FleetBed) -> None:
    await bed.up()
    bed.nodes["jp"].drain()
    await bed.run(1.0)
    assert [name for name, peer in bed.fleet.peers.items() if peer.is_draining] == ["jp"]
    assert bed.fleet.traffic["direct"].leaving == ""
    assert bed.fleet.traffic["ix/pacific"].leaving == "node jp drains"


@with_bed()
async def test_c7_what_a_relay_tells_is_believed_of_itself(bed: FleetBed) -> None:
    await bed.up()
    told = [LineReport("direct", 9.0), LineReport("ix", 9.0), LineReport("pacific", 9.0)]
    bed.nodes["jp"].say(status(Status(b"another!", 7, tuple(told))))
    await bed.run(1.0)
    peers, network = bed.fleet.peers, bed.fleet.network
    stale = {name: peer.stale(network, INGRESS) is not None for name, peer in peers.items()}
    assert stale == {"jp": True, "us": False}
    took = {name: dial.took for name, dial in bed.fleet.dials().items()}
    assert took == {"direct": 0.06, "ix": 0.04, "pacific": 9.0}


# ---- a line


@with_bed()
async def test_c1_lines_that_all_refuse_end_no_stream_of_an_exit_behind_a_relay(bed: FleetBed) -> None:
    """A firewall refuses for everybody; nobody has dialled the last line of every path."""
    await bed.up()
    client = bed.open("direct")
    await client.exchange()
    for name, line in bed.lines.items():
        line.refuses = True
        bed.cut(name)
    await bed.run(40.0)
    assert client.sink.cause is None
    for line in bed.lines.values():
        line.refuses = False
    await bed.until(lambda: client.paths)
    await client.exchange()


@with_bed(THREE_LINES)
async def test_c1_a_refusal_of_before_the_last_carrier_was_lost_is_no_vote(bed: FleetBed) -> None:
    """While b carried, a and c refused: they were wrong."""
    await bed.up()
    client = bed.open("b")
    for name in "ac":
        bed.lines[name].refuses = True
        bed.cut(name)
    await bed.run(60.0)
    await client.exchange()
    for name in "ac":
        bed.lines[name].refuses, bed.lines[name].is_held = False, True
    bed.lines["b"].refuses = True
    bed.cut("b")
    await bed.run(20.0)
    assert client.sink.cause is None
    for name in "ac":
        bed.lines[name].refuses, bed.lines[name].is_held = True, False
    await bed.until(lambda: client.sink.cause is Cause.EXIT_LOST)


@with_bed(THREE_LINES)
async def test_when_the_last_carrier_is_lost_nobody_waits_out_an_old_failure(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("b")
    for name in "ac":
        bed.lines[name].refuses = True
        bed.cut(name)
    await bed.run(120.0)
    begun = len(dials(bed, "a"))
    await bed.until(lambda: len(dials(bed, "a")) > begun)
    bed.lines["a"].refuses = False
    bed.hold("b")
    bed.cut("b")
    lost = bed.loop.now
    await bed.until(lambda: client.paths == ["a"])
    assert bed.loop.now - lost < 1.0 < BACKOFF_MOST / 2  # it would have waited for half of that at least


# ---- who lets us in


def ends_at_once(bed: FleetBed, is_concerned: Callable[[str, Purpose | int], bool]) -> None:
    """Every carrier that *is_concerned* by path and purpose is reset as soon as it is up."""
    open_carrier = bed.open_carrier

    async def open_and_cut(path, hello, *others):  # type: ignore[no-untyped-def]
        opened: Opened = await open_carrier(path, hello, *others)
        if is_concerned(path.name, hello.purpose):
            bed.connections[-1].cut()
        return opened

    bed.patch.setattr("ingress.paths.live.open_carrier", open_and_cut)


@with_bed(THREE_LINES)
async def test_c1_carriers_that_end_as_soon_as_they_are_up_do_not_wake_each_other(bed: FleetBed) -> None:
    """Each that comes up is good news for the others: news may not make us dial without end."""
    await bed.up()
    ends_at_once(bed, lambda path, purpose: True)
    for name in "abc":
        bed.cut(name)
    begun = {name: len(dials(bed, name)) for name in "abc"}
    await bed.run(120.0)
    assert all(len(dials(bed, name)) - begun[name] < 40 for name in "abc")


@with_bed(ONE)
async def test_c1_bulk_carriers_that_end_as_soon_as_they_are_up_are_dialled_less_and_less(bed: FleetBed) -> None:
    ends_at_once(bed, lambda path, purpose: purpose is Purpose.BULK)
    await bed.up()
    await bed.run(120.0)
    assert bed.live["direct"].thin is not None
    assert 5 < len(dials(bed, "direct", Purpose.BULK)) < 25


@with_bed(THREE_LINES)
async def test_c1_an_exit_that_forgets_us_each_time_is_dialled_less_and_less(bed: FleetBed) -> None:
    """It welcomes, ends the carrier, and knows nothing of it: each time it may end what it holds, and no more."""
    await bed.up()
    ends_at_once(bed, lambda path, purpose: (bed.nodes["us"].held.clear(), True)[1])
    for name in "abc":
        bed.cut(name)
    begun = len(bed.dials)
    await bed.run(120.0)
    assert len(bed.logged("session-forgotten")) > 5
    assert len(bed.dials) - begun < 150


@with_bed(ONE)
async def test_c1_who_is_new_to_an_exit_cannot_be_forgotten_by_it(bed: FleetBed) -> None:
    """Reason 6 in answer to resume 0 has no place, and begins no session: there was none."""
    bed.nodes["us"].refusal = Reason.UNKNOWN_SESSION, "never heard of you"
    session = bed.fleet.peers["us"].session
    await bed.run(60.0)
    assert bed.fleet.peers["us"].session is session
    assert len(bed.dials) < 15
    bed.nodes["us"].refusal = None
    await bed.up()
