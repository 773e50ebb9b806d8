"""Streams that an exit does not connect are taken back and tried elsewhere: real choices, real sessions."""

import attrs
import pytest

from ingress.choice.overdue import LEAST, TIED
from ingress.client.client_stream import ClientStream
from ingress.measure.health import PathState
from relay.model.cause import Cause
from relay.wire.codes import Feature
from tests.ingress.choice.figures import figure
from tests.ingress.client.client_bed import TWO_EXITS, ClientBed, ClientBeds
from tests.ingress.client.counterparts import Holder
from tests.ingress.client.messages import HOST

ROUND = 0.25
SITES = ("one.example", "two.example", "three.example", "four.example")


def exit_of(stream: ClientStream) -> str:
    assert stream.choice is not None
    return stream.choice.exit


async def rounds(bed: ClientBed, seconds: float) -> None:
    for _ in range(int(seconds / ROUND)):
        await bed.passes(ROUND)


async def opened(bed: ClientBed, host: str = "one.example", client: str = "10.0.0.1") -> ClientStream:
    """A stream, answered early, whose client has spoken."""
    stream = bed.open(Holder(), host, 443, client)
    stream.write(b"ClientHello")
    await bed.settle()
    return stream


@pytest.mark.parametrize("answer", ["auto", "true"])
async def test_f1_what_an_exit_does_not_connect_another_does(make_bed: ClientBeds, answer: str) -> None:
    bed, holder = await make_bed(*TWO_EXITS, answer=answer), Holder()
    stream = bed.open(holder)
    if answer == "auto":
        stream.write(b"ClientHello")
    await rounds(bed, LEAST)
    assert (exit_of(stream), bed.exit("eu").opened) == ("us", 0)
    await rounds(bed, 2 * ROUND)
    assert exit_of(stream) == "eu" and bed.exit("us").sink.cause is Cause.CONNECT_TIMEOUT
    bed.exit("eu").connects()
    await bed.settle()
    assert bed.exit("eu").heard == (b"ClientHello" if answer == "auto" else b"")
    assert holder.told == ([] if answer == "auto" else ["opened"])
    assert exit_of(await opened(bed, HOST, "10.0.0.7")) == "eu"  # it is held against us


async def test_f1_the_last_exit_keeps_it_and_tells_the_truth(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    stream = bed.open(holder)
    await rounds(bed, 9.0)
    assert (exit_of(stream), bed.exit("us").opened, bed.exit("eu").opened, holder.told) == ("eu", 1, 1, [])
    bed.exit("eu").refuses(Cause.CONNECT_TIMEOUT)
    await bed.settle()
    assert holder.told == ["refused", Cause.CONNECT_TIMEOUT]
    assert bed.chooser.health.sick == {}


async def test_f1_one_that_is_connected_meanwhile_stays(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    stream = await opened(bed)
    bed.exit("us").connects()
    bed.paths.hold("a")
    await rounds(bed, 2.0)
    bed.paths.release("a")
    await bed.settle()
    bed.exit("us").sends(b"ServerHello")
    await bed.settle()
    assert (exit_of(stream), bed.exit("eu").opened, bed.exit("us").heard) == ("us", 0, b"ClientHello")


async def test_f1_an_older_node_keeps_what_it_has(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    bed.exit("us").pair.ingress.go_by(Feature(0))
    stream = await opened(bed)
    await rounds(bed, 8.0)
    assert (exit_of(stream), bed.exit("eu").opened) == ("us", 0)


async def test_f1_what_is_too_much_to_be_said_again_stays(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    stream = await opened(bed)
    for _ in range(9):
        stream.write(bytes(8192))
    await rounds(bed, 8.0)
    assert (exit_of(stream), bed.exit("eu").opened) == ("us", 0)


async def test_f1_the_path_may_die_under_the_question(make_bed: ClientBeds) -> None:
    bed = await make_bed(figure("a>us", 100), figure("b>us", 110), figure("c>eu", 150), answer="auto")
    stream = await opened(bed)
    await rounds(bed, LEAST)
    bed.paths.hold("a")
    bed.paths.hold("b")
    await rounds(bed, 2 * ROUND)
    assert exit_of(stream) == "us" and stream.stream is not None and stream.stream.is_withdrawing
    bed.paths.close("a")
    bed.paths.release("b")
    await rounds(bed, 2 * ROUND)
    assert exit_of(stream) == "eu" and bed.exit("us").opened == 1


async def test_f1_the_exit_that_was_to_have_it_may_be_gone_meanwhile(make_bed: ClientBeds) -> None:
    """Then the first one tries again: it is still the best that there is."""
    bed = await make_bed(*TWO_EXITS, answer="auto")
    stream = await opened(bed)
    await rounds(bed, LEAST)
    bed.paths.hold("a")
    await rounds(bed, 2 * ROUND)
    assert exit_of(stream) == "us" and stream.stream is not None and stream.stream.is_withdrawing
    bed.rank(TWO_EXITS[0], attrs.evolve(TWO_EXITS[1], state=PathState.DOWN))
    bed.paths.release("a")
    await bed.settle()
    assert (exit_of(stream), bed.exit("us").opened, bed.exit("eu").opened) == ("us", 2, 0)
    bed.exit("us").connects()
    await bed.settle()
    assert bed.exit("us").heard == b"ClientHello"


async def test_f1_a_client_that_leaves_meanwhile_is_tried_nowhere(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    stream = await opened(bed)
    bed.paths.hold("a")
    await rounds(bed, 4 * ROUND)
    stream.let_go()
    stream.reset()
    bed.paths.release("a")
    await rounds(bed, 4 * ROUND)
    assert bed.exit("eu").opened == 0
    bed.assert_empty()


async def test_f1_a_tied_client_is_given_longer_unless_the_exit_fails_others(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    await opened(bed)
    bed.exit("us").connects()
    await rounds(bed, ROUND)
    tied = await opened(bed)
    await rounds(bed, TIED)
    assert exit_of(tied) == "us"
    await rounds(bed, 2 * ROUND)
    assert exit_of(tied) == "eu"


async def test_f1_our_own_stall_is_nobodys_fault(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    stream = await opened(bed)
    await bed.passes(ROUND)
    await bed.passes(5.0)
    assert stream.stream is not None and not stream.stream.is_withdrawing


async def test_f1_an_exit_that_reaches_nothing_is_lowered_and_comes_back(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    for host in SITES:
        await opened(bed, host)
    await rounds(bed, 4 * ROUND)
    assert bed.exit("eu").opened == len(SITES)
    for number in bed.exit("eu").pair.opened:
        bed.exit("eu").pair.sinks[1][number].stream.connected(0.02, bed.clock.now)
    await rounds(bed, 8 * ROUND)
    now = bed.clock.now
    (change,) = bed.chooser.look_at_exits(now)
    assert change.exit == "us"
    bed.rank(*TWO_EXITS)
    assert exit_of(await opened(bed, "new.example", "10.0.0.9")) == "eu"
    for at in range(3):
        (probe,) = [one for one in bed.chooser.probes_wanted(now + at) if one.exit == "us"]
        bed.chooser.probed(probe, 0.02, now + at)
    assert [one.sickness for one in bed.chooser.look_at_exits(now + 3)] == [None]
    for _ in range(8):
        await bed.passes(ROUND)
        bed.rank(*TWO_EXITS)
    assert exit_of(await opened(bed, "newer.example", "10.0.0.8")) == "us"
