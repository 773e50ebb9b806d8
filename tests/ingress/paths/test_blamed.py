"""What is said to be broken while a whole fleet lives through it: never nothing, never what is planned."""

from collections.abc import Sequence

from ingress.measure.blame import Blame
from ingress.measure.faults import FaultKind
from ingress.measure.health import PathState
from relay.wire.codes import Reason
from relay.wire.frames import Kind, frame
from tests.ingress.paths.fleet_bed import THREE_LINES, TWO_PATHS, FleetBed, with_bed


def blamed(bed: FleetBed) -> Sequence[Blame]:
    fleet, now = bed.fleet, bed.loop.now
    planned = [told for peer in fleet.peers.values() if (told := peer.planned(now)) is not None]
    return fleet.network_monitor.blame(bed.exits, now, planned)


async def watched(bed: FleetBed, seconds: float) -> list[str]:
    """All that is said within *seconds*; something is, at every moment at which a walk is not up."""
    said: dict[str, None] = {}
    for _ in range(round(seconds / 0.1)):
        await bed.run(0.1)
        found = blamed(bed)
        states = [live.monitor.health.state for live in bed.live.values()]
        assert bool(found) or all(state is PathState.UP for state in states), states
        said |= dict.fromkeys(blame.sentence for blame in found)
    return list(said)


@with_bed(TWO_PATHS)
async def test_g1_something_is_said_from_the_first_moment_on(bed: FleetBed) -> None:
    said = await watched(bed, 3.0)
    assert said and all(sentence.startswith("being set up") for sentence in said)
    assert blamed(bed) == []


@with_bed(THREE_LINES)
async def test_g2_a_planned_restart_of_an_exit_accuses_no_line(bed: FleetBed) -> None:
    await bed.up()
    exit_ = bed.nodes["us"]
    for link in exit_.links:
        link.end.send(frame(Kind.GOAWAY))
    exit_.refusal = Reason.DRAINING, "us drains"
    said = await watched(bed, 1.0)
    for name in "abc":
        bed.cut(name)
        bed.lines[name].refuses = True
    said += await watched(bed, 5.0)
    assert {blame.lines for blame in blamed(bed)} == {()}
    exit_.refusal = None
    exit_.held.clear()
    for name in "abc":  # one after another: nobody's dials are at the same moment
        bed.lines[name].refuses = False
        said += await watched(bed, 2.0)
    said += await watched(bed, 20.0)
    assert any("us drains" in sentence for sentence in said)
    assert any(sentence.startswith("us came back") for sentence in said), said
    assert not [sentence for sentence in said if "line" in sentence]
    assert blamed(bed) == []


@with_bed(TWO_PATHS)
async def test_g1_a_forward_to_the_wrong_node_is_named_with_where_it_leads(bed: FleetBed) -> None:
    await bed.up()
    line = next(iter(bed.lines))
    bed.lines[line].leads_to = "elsewhere"
    bed.cut(line)
    await watched(bed, 5.0)
    (blame,) = blamed(bed)
    assert f"line {line} leads to elsewhere, not to " in blame.sentence
    assert {FaultKind.WRONG_NODE} == {
        live.monitor.health.fault.kind for live in bed.live.values() if live.monitor.health.fault is not None
    }


@with_bed(THREE_LINES)
async def test_an_exit_that_returns_within_a_minute_is_used_again_at_once(bed: FleetBed) -> None:
    """It was killed and does not know the session; the paths have waited long, and have hurried a moment ago."""
    await bed.up()
    for name in "abc":
        bed.lines[name].refuses = True
        bed.cut(name)
    await bed.run(30.0)
    bed.nodes["us"].held.clear()
    for name in "abc":
        bed.lines[name].refuses = False
    await bed.until(lambda: bed.logged("session-forgotten"))
    back = bed.loop.now
    await bed.until(lambda: all(live.thin is not None for live in bed.live.values()))
    assert bed.loop.now - back < 1.0


@with_bed(THREE_LINES)
async def test_what_ended_while_this_process_stood_still_is_nobody_s_death(bed: FleetBed) -> None:
    await bed.up()
    bed.clock.jump(12.0)
    for name in "abc":
        bed.cut(name)
    said = await watched(bed, 5.0)
    assert not [sentence for sentence in said if "came back" in sentence or "after a death" in sentence], said
    assert all(live.monitor.health.deaths == 0 for live in bed.live.values())
