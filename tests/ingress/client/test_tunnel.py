"""Clients whose bytes pass untouched: both ways, both ends, and another exit under an early answer."""

import attrs
import pytest

from ingress.choice.demand import Demand
from relay.model.cause import Cause
from relay.session.window import INITIAL_WINDOW
from tests.ingress.client.client_bed import TWO_EXITS, ClientBed, ClientBeds
from tests.ingress.client.counterparts import Program
from tests.ingress.client.messages import HOST, socks5, socks5_reply


def ended(bed: ClientBed) -> list[str]:
    """Why streams ended, as it was noted."""
    return [fields["why"] for fields in bed.journal.of("stream-ended")]


async def tunnel(bed: ClientBed) -> Program:
    """A client that was told success: early if the answer is `auto`."""
    client = bed.program()
    client.sends(socks5())
    if bed.config.answer == "true":
        await bed.settle()
        bed.exit().connects()
    await client.hears(socks5_reply(0))
    return client


async def test_bytes_and_both_ends_pass(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await tunnel(bed)
    client.sends(b"question")
    client.finishes()
    await bed.settle()
    assert (bed.exit().heard, bed.exit().sink.fins) == (b"question", 1)
    bed.exit().sends(b"answer")
    await client.hears(b"answer")
    bed.exit().finishes()
    assert await client.rest() == b""
    await bed.passes(0.25)
    await bed.passes(0.25)
    assert ended(bed) == []
    bed.assert_empty()


async def test_the_target_may_end_first(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await tunnel(bed)
    bed.exit().sends(b"banner")
    bed.exit().finishes()
    assert await client.rest() == b"banner"
    client.sends(b"and more")
    client.leaves()
    await bed.settle()
    assert (bed.exit().heard, bed.exit().sink.fins) == (b"and more", 1)
    await bed.passes(0.25)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_a_client_that_resets_is_noted_once_and_told_to_the_exit(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await tunnel(bed)
    client.aborts()
    await bed.settle()
    assert bed.exit().sink.cause is Cause.CLIENT_RESET
    assert ended(bed) == ["client-reset"]
    await bed.passes(0.25)
    bed.assert_empty()


@pytest.mark.parametrize(("cause", "lost"), [(Cause.TARGET_RESET, []), (Cause.DRAINING, [("a", "node-draining")])])
async def test_a_stream_that_ends_resets_its_client_and_is_noted_once(
    make_bed: ClientBeds, cause: Cause, lost: list[tuple[str, str]]
) -> None:
    bed = await make_bed()
    client = await tunnel(bed)
    bed.exit().sends(b"half an answ")
    await client.hears(b"half an answ")
    bed.exit().refuses(cause)
    assert await client.is_reset()
    assert (ended(bed), bed.paths.lost) == ([cause.word], lost)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_the_choice_learns_what_came_of_an_early_answer(make_bed: ClientBeds) -> None:
    bed = await make_bed(answer="auto")
    await tunnel(bed)
    bed.exit().connects(0.07)
    await bed.settle()
    assert bed.chooser.connect_times.connect(HOST, "us").time == pytest.approx(0.07)


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.NAME_NOT_FOUND, Cause.POLICY])
async def test_a_lie_ends_in_a_reset_and_the_retry_is_told_the_truth(make_bed: ClientBeds, cause: Cause) -> None:
    bed = await make_bed(answer="auto")
    client = await tunnel(bed)
    client.sends(b"hello?")
    await bed.settle()
    bed.exit().refuses(cause)
    assert await client.is_reset()
    assert ended(bed) == [cause.word]
    assert not bed.chooser.may_answer_early(Demand(HOST, 443), bed.clock.now)
    retry = bed.program()
    retry.sends(socks5())
    await retry.hears(b"\x05\x00")
    await retry.hears_nothing()
    bed.exit().refuses(cause)
    assert (await retry.take(10))[1] in (2, 4, 5)
    assert await retry.rest() == b""


# ---- another exit, of which the client knows nothing


@pytest.mark.parametrize("has_ended", [False, True])
async def test_another_exit_goes_on_with_what_the_client_said(make_bed: ClientBeds, has_ended: bool) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    bed.paths.hold("a")
    client = await tunnel(bed)
    client.sends(b"as if nothing ")
    if has_ended:
        client.finishes()
    await bed.settle()
    bed.exit("us").dies()
    await bed.settle()
    if not has_ended:
        client.sends(b"had been")
        client.finishes()
    await bed.settle()
    eu = bed.exit("eu")
    assert eu.heard == (b"as if nothing " if has_ended else b"as if nothing had been")
    assert eu.sink.fins == 1
    eu.connects()
    eu.sends(b"answer")
    eu.finishes()
    assert await client.rest() == b"answer"
    bed.paths.release("a")
    await bed.passes(0.25)
    await bed.passes(0.25)
    assert (ended(bed), bed.paths.lost) == ([], [])
    assert bed.entrance.clients == 0


async def test_a_client_that_had_filled_its_stream_is_read_on_when_the_other_exit_takes_it(
    make_bed: ClientBeds,
) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    bed.paths.hold("a")
    client = await tunnel(bed)
    sent = 0
    while taken := client.sends_all_it_can():
        sent += taken
        await bed.settle()
    assert sent > INITIAL_WINDOW
    bed.exit("us").dies()
    await bed.settle()
    eu = bed.exit("eu")
    assert eu.heard == bytes(sent)


async def test_a_client_that_waited_for_memory_is_read_on_where_there_is_some(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    bed.paths.hold("a")
    bed.exit("us").pair.ingress.memory.resize(1)
    client = await tunnel_in_spite(bed)
    client.sends(b"x" * 100_000)
    await bed.settle()
    client.sends(b"y" * 100_000)
    await bed.settle()
    assert 0 < bed.exit("us").pair.ingress.memory.used < 200_000
    bed.exit("us").dies()
    await bed.settle()
    assert len(bed.exit("eu").heard) == 200_000


async def tunnel_in_spite(bed: ClientBed) -> Program:
    """A tunnel at an exit whose memory is full already."""
    memory = bed.exit("us").pair.ingress.memory
    limit = memory.limit
    memory.resize(1 << 30)
    client = await tunnel(bed)
    memory.resize(limit)
    return client


async def test_without_another_exit_it_is_reset_and_counted(make_bed: ClientBeds) -> None:
    bed = await make_bed(answer="auto")
    client = await tunnel(bed)
    await bed.settle()
    bed.exit().dies()
    assert await client.is_reset()
    assert (ended(bed), bed.paths.lost) == (["exit-lost"], [("a", "exit-lost")])
    assert bed.entrance.clients == 0


async def test_once_a_byte_has_travelled_it_is_reset(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    client = await tunnel(bed)
    client.sends(b"x")
    await bed.settle()
    bed.exit("us").dies()
    assert await client.is_reset()
    assert bed.exit("eu").opened == 0


async def test_a_client_that_leaves_before_the_other_exit_takes_it_is_not_opened_again(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    bed.paths.hold("a")
    client = await tunnel(bed)
    client.aborts()
    await bed.settle()
    bed.exit("us").dies()
    await bed.settle()
    assert bed.exit("eu").opened == 0
    assert ended(bed) == ["client-reset"]


async def test_each_exit_is_asked_once_and_the_last_cause_is_noted(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, answer="auto")
    client = await tunnel(bed)
    await bed.settle()
    bed.exit("us").refuses(Cause.LIMIT)
    await bed.settle()
    bed.exit("eu").refuses(Cause.REFUSED)
    assert await client.is_reset()
    assert ended(bed) == ["connection-refused"]
    assert (bed.exit("us").opened, bed.exit("eu").opened) == (1, 1)
    await bed.passes(0.25)
    bed.assert_empty()


async def test_a_reload_changes_nothing_for_whom_it_has(make_bed: ClientBeds) -> None:
    bed = await make_bed()
    client = await tunnel(bed)
    bed.use(attrs.evolve(bed.config, limits=attrs.evolve(bed.config.limits, streams=0)))
    client.sends(b"goes on")
    await bed.settle()
    assert bed.exit().heard == b"goes on"
