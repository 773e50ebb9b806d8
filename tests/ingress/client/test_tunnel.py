"""Clients whose bytes pass untouched: both ways, both ends, and another exit under an early answer."""

import attrs
import pytest

from ingress.choice.demand import Demand
from relay.model.cause import Cause
from relay.session.window import INITIAL_WINDOW
from tests.ingress.client.players import Program
from tests.ingress.client.stage import TWO_EXITS, Stage, Stages
from tests.ingress.client.words import HOST, socks5, socks5_reply


def ended(stage: Stage) -> list[str]:
    """Why streams ended, as it was noted."""
    return [fields["why"] for fields in stage.journal.of("stream-ended")]


async def tunnel(stage: Stage) -> Program:
    """A client that was told success: early if the answer is `auto`."""
    client = stage.program()
    client.sends(socks5())
    if stage.config.answer == "true":
        await stage.settle()
        stage.exit().connects()
    await client.hears(socks5_reply(0))
    return client


async def test_bytes_and_both_ends_pass(make_stage: Stages) -> None:
    stage = await make_stage()
    client = await tunnel(stage)
    client.sends(b"question")
    client.finishes()
    await stage.settle()
    assert (stage.exit().heard, stage.exit().sink.fins) == (b"question", 1)
    stage.exit().sends(b"answer")
    await client.hears(b"answer")
    stage.exit().finishes()
    assert await client.rest() == b""
    await stage.passes(0.25)
    await stage.passes(0.25)
    assert ended(stage) == []
    stage.assert_empty()


async def test_the_target_may_end_first(make_stage: Stages) -> None:
    stage = await make_stage()
    client = await tunnel(stage)
    stage.exit().sends(b"banner")
    stage.exit().finishes()
    assert await client.rest() == b"banner"
    client.sends(b"and more")
    client.leaves()
    await stage.settle()
    assert (stage.exit().heard, stage.exit().sink.fins) == (b"and more", 1)
    await stage.passes(0.25)
    await stage.passes(0.25)
    stage.assert_empty()


async def test_a_client_that_resets_is_noted_once_and_told_to_the_exit(make_stage: Stages) -> None:
    stage = await make_stage()
    client = await tunnel(stage)
    client.aborts()
    await stage.settle()
    assert stage.exit().sink.cause is Cause.CLIENT_RESET
    assert ended(stage) == ["client-reset"]
    await stage.passes(0.25)
    stage.assert_empty()


@pytest.mark.parametrize(("cause", "lost"), [(Cause.TARGET_RESET, []), (Cause.DRAINING, [("a", "node-draining")])])
async def test_a_stream_that_ends_resets_its_client_and_is_noted_once(
    make_stage: Stages, cause: Cause, lost: list[tuple[str, str]]
) -> None:
    stage = await make_stage()
    client = await tunnel(stage)
    stage.exit().sends(b"half an answ")
    await client.hears(b"half an answ")
    stage.exit().refuses(cause)
    assert await client.is_reset()
    assert (ended(stage), stage.roads.lost) == ([cause.word], lost)
    await stage.passes(0.25)
    stage.assert_empty()


async def test_the_choice_learns_what_came_of_an_early_answer(make_stage: Stages) -> None:
    stage = await make_stage(answer="auto")
    await tunnel(stage)
    stage.exit().connects(0.07)
    await stage.settle()
    assert stage.chooser.connect_times.connect(HOST, "us").time == pytest.approx(0.07)


@pytest.mark.parametrize("cause", [Cause.REFUSED, Cause.NAME_NOT_FOUND, Cause.POLICY])
async def test_a_lie_ends_in_a_reset_and_the_retry_is_told_the_truth(make_stage: Stages, cause: Cause) -> None:
    stage = await make_stage(answer="auto")
    client = await tunnel(stage)
    client.sends(b"hello?")
    await stage.settle()
    stage.exit().refuses(cause)
    assert await client.is_reset()
    assert ended(stage) == [cause.word]
    assert not stage.chooser.may_answer_early(Demand(HOST, 443), stage.clock.now)
    retry = stage.program()
    retry.sends(socks5())
    await retry.hears(b"\x05\x00")
    await retry.hears_nothing()
    stage.exit().refuses(cause)
    assert (await retry.take(10))[1] in (2, 4, 5)
    assert await retry.rest() == b""


# ---- another exit, of which the client knows nothing


@pytest.mark.parametrize("has_ended", [False, True])
async def test_another_exit_goes_on_with_what_the_client_said(make_stage: Stages, has_ended: bool) -> None:
    stage = await make_stage(*TWO_EXITS, answer="auto")
    stage.roads.hold("a")
    client = await tunnel(stage)
    client.sends(b"as if nothing ")
    if has_ended:
        client.finishes()
    await stage.settle()
    stage.exit("us").dies()
    await stage.settle()
    if not has_ended:
        client.sends(b"had been")
        client.finishes()
    await stage.settle()
    eu = stage.exit("eu")
    assert eu.heard == (b"as if nothing " if has_ended else b"as if nothing had been")
    assert eu.sink.fins == 1
    eu.connects()
    eu.sends(b"answer")
    eu.finishes()
    assert await client.rest() == b"answer"
    stage.roads.release("a")
    await stage.passes(0.25)
    await stage.passes(0.25)
    assert (ended(stage), stage.roads.lost) == ([], [])
    assert stage.entrance.clients == 0


async def test_a_client_that_had_filled_its_stream_is_read_on_when_the_other_exit_takes_it(
    make_stage: Stages,
) -> None:
    stage = await make_stage(*TWO_EXITS, answer="auto")
    stage.roads.hold("a")
    client = await tunnel(stage)
    sent = 0
    while taken := client.sends_all_it_can():
        sent += taken
        await stage.settle()
    assert sent > INITIAL_WINDOW
    stage.exit("us").dies()
    await stage.settle()
    eu = stage.exit("eu")
    assert eu.heard == bytes(sent)


async def test_a_client_that_waited_for_memory_is_read_on_where_there_is_some(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS, answer="auto")
    stage.roads.hold("a")
    stage.exit("us").pair.ingress.memory.limit = 1
    client = await tunnel_in_spite(stage)
    client.sends(b"x" * 100_000)
    await stage.settle()
    client.sends(b"y" * 100_000)
    await stage.settle()
    assert 0 < stage.exit("us").pair.ingress.memory.used < 200_000
    stage.exit("us").dies()
    await stage.settle()
    assert len(stage.exit("eu").heard) == 200_000


async def tunnel_in_spite(stage: Stage) -> Program:
    """A tunnel at an exit whose memory is full already."""
    memory = stage.exit("us").pair.ingress.memory
    memory.limit, limit = 1 << 30, memory.limit
    client = await tunnel(stage)
    memory.limit = limit
    return client


async def test_without_another_exit_it_is_reset_and_counted(make_stage: Stages) -> None:
    stage = await make_stage(answer="auto")
    client = await tunnel(stage)
    await stage.settle()
    stage.exit().dies()
    assert await client.is_reset()
    assert (ended(stage), stage.roads.lost) == (["exit-lost"], [("a", "exit-lost")])
    assert stage.entrance.clients == 0


async def test_once_a_byte_has_travelled_it_is_reset(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS, answer="auto")
    client = await tunnel(stage)
    client.sends(b"x")
    await stage.settle()
    stage.exit("us").dies()
    assert await client.is_reset()
    assert stage.exit("eu").opened == 0


async def test_a_client_that_leaves_before_the_other_exit_takes_it_is_not_opened_again(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS, answer="auto")
    stage.roads.hold("a")
    client = await tunnel(stage)
    client.aborts()
    await stage.settle()
    stage.exit("us").dies()
    await stage.settle()
    assert stage.exit("eu").opened == 0
    assert ended(stage) == ["client-reset"]


async def test_each_exit_is_asked_once_and_the_last_cause_is_noted(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS, answer="auto")
    client = await tunnel(stage)
    await stage.settle()
    stage.exit("us").refuses(Cause.LIMIT)
    await stage.settle()
    stage.exit("eu").refuses(Cause.REFUSED)
    assert await client.is_reset()
    assert ended(stage) == ["connection-refused"]
    assert (stage.exit("us").opened, stage.exit("eu").opened) == (1, 1)
    await stage.passes(0.25)
    stage.assert_empty()


async def test_a_reload_changes_nothing_for_whom_it_has(make_stage: Stages) -> None:
    stage = await make_stage()
    client = await tunnel(stage)
    stage.use(attrs.evolve(stage.config, limits=attrs.evolve(stage.config.limits, streams=0)))
    client.sends(b"goes on")
    await stage.settle()
    assert stage.exit().heard == b"goes on"
