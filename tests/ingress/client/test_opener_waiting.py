"""Waiting for a path: whoever waits goes with the round in which there is one, is forgotten, or is refused in time."""

from ingress.client.opener import MOST_WAITING, WAIT_FOR_PATH, NotOpened
from relay.model.cause import Cause
from tests.ingress.client.client_bed import ONE_PATH, TWO_EXITS, ClientBed, ClientBeds
from tests.ingress.client.counterparts import Holder
from tests.ingress.client.messages import HOST


def refusals(bed: ClientBed) -> list[tuple[str, str]]:
    """What was logged of streams that were refused: target, cause."""
    return [(fields["target"], fields["why"]) for fields in bed.journal.of("stream-refused")]


# ---- waiting


async def test_a_stream_waits_for_a_path_and_goes_with_the_round_in_which_there_is_one(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(is_up=False), Holder()
    stream = bed.open(holder)
    assert (bed.opener.waiting, stream.choice, stream.stream) == (1, None, None)
    await bed.passes(4.9)
    assert (bed.opener.waiting, holder.told) == (1, [])
    bed.rank(*ONE_PATH)
    await bed.passes(0.05)
    assert (bed.opener.waiting, bed.exit().opened, holder.told) == (0, 1, [])


async def test_who_waited_may_be_told_at_once_that_there_is_a_path(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(is_up=False, answer="auto"), Holder()
    assert not bed.open(holder).is_answered
    bed.rank(*ONE_PATH)
    await bed.passes(0.1)
    assert holder.told == ["opened"]
    bed.exit().connects()
    await bed.settle()
    assert holder.told == ["opened"]


async def test_a_stream_does_not_wait_for_ever(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(is_up=False, answer="auto"), Holder()
    bed.open(holder)
    await bed.passes(WAIT_FOR_PATH - 0.25)
    assert holder.told == []
    await bed.passes(0.25)
    assert holder.told == ["refused", Cause.NO_PATH]
    assert (bed.opener.waiting, refusals(bed)) == (0, [(f"{HOST}:443", "no-path")])


async def test_a_path_that_has_no_carrier_now_is_waited_for_as_well(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(), Holder()
    bed.paths.close("a")
    bed.open(holder)
    assert bed.opener.waiting == 1
    bed.paths.build("a", "us")
    await bed.passes(0.25)
    assert bed.exit().opened == 1


async def test_only_so_many_wait(make_bed: ClientBeds) -> None:
    bed = await make_bed(is_up=False)
    holders = [Holder() for _ in range(MOST_WAITING)]
    for holder in holders:
        bed.open(holder)
    assert bed.opener.open(Holder(), HOST, 443, "10.0.0.1", "") == NotOpened(Cause.NO_PATH)
    assert refusals(bed) == [(f"{HOST}:443", "no-path")]
    bed.rank(*ONE_PATH)
    await bed.passes(0.25)
    assert (bed.opener.waiting, bed.exit().opened) == (0, MOST_WAITING)


async def test_who_leaves_while_waiting_is_forgotten_and_told_nothing(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(is_up=False), Holder()
    stream = bed.open(holder)
    stream.let_go()
    stream.reset()
    assert bed.opener.waiting == 1
    await bed.passes(0.25)
    assert bed.opener.waiting == 0
    bed.rank(*ONE_PATH)
    await bed.passes(10.0)
    assert (bed.exit().opened, holder.told, refusals(bed)) == (0, [], [])


async def test_a_stream_that_waits_twenty_rounds_is_one_use_of_its_site(make_bed: ClientBeds) -> None:
    """Three uses would make the site worth timing by every exit."""
    bed = await make_bed(*TWO_EXITS, is_up=False)
    bed.open(Holder())
    for _ in range(20):
        await bed.passes(0.2)
    bed.rank(*TWO_EXITS)
    await bed.passes(0.2)
    assert bed.exit().opened == 1
    assert bed.chooser.probes_wanted(bed.loop.now) == []
    for _ in range(2):
        bed.open(Holder())
    assert {probe.exit for probe in bed.chooser.probes_wanted(bed.loop.now)} == {"us", "eu"}
