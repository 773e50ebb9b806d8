"""Opening, waiting, opening again at another exit: what the opener does with real choices and real sessions."""

from ipaddress import ip_network

import attrs
import pytest

from ingress.choice.demand import Demand
from ingress.client import opener as opener_module
from ingress.client.client_stream import MOST_TRIES, TARGET_CAUSES
from ingress.client.opener import LOST_CAUSES, MOST_WAITING, WAIT_FOR_PATH
from ingress.config import Limits, Rule
from ingress.measure.health import PathState
from relay.model.cause import Cause
from relay.model.network import Allowed
from tests.ingress.choice.figures import figure
from tests.ingress.client.players import Holder
from tests.ingress.client.stage import ONE_PATH, TWO_EXITS, TWO_PATHS, Stage, Stages, make_config
from tests.ingress.client.words import HOST

INSIDE = "192.168.7.9"
"""A literal address that an exit may dial only where it is allowed."""
ALLOWED = (Allowed(ip_network("192.168.7.0/24"), "the broker's gateway"),)
REDUNDANT = (Rule(redundant=True),)


def refusals(stage: Stage) -> list[tuple[str, str]]:
    """What was logged of streams that were refused: target, cause."""
    return [(fields["target"], fields["why"]) for fields in stage.journal.of("stream-refused")]


# ---- opening


async def test_a_stream_is_opened_on_the_path_that_was_chosen_and_told_when_the_exit_has_connected(
    make_stage: Stages,
) -> None:
    stage, holder = await make_stage(*TWO_EXITS), Holder()
    stream = stage.open(holder)
    assert stream.choice is not None and stream.choice.paths == ("a",)
    assert (stream.is_answered, stream.tries, stage.opener.unacknowledged) == (False, 1, 1)
    await stage.settle()
    assert (stage.exit("us").asked, stage.exit("eu").opened) == ((HOST, 443), 0)
    assert holder.told == []
    stage.exit("us").connects()
    await stage.settle()
    assert holder.told == ["opened"]
    await stage.passes(0.1)
    assert stage.opener.unacknowledged == 0


async def test_success_is_told_at_once_where_the_file_and_the_target_allow_it(make_stage: Stages) -> None:
    stage = await make_stage(answer="auto")
    assert stage.open(Holder(), port=443).is_answered
    assert not stage.open(Holder(), port=22).is_answered
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    assert stage.open(Holder(), port=22).is_answered  # it was reached
    await stage.settle()
    stage.exit().refuses(Cause.REFUSED)
    await stage.settle()
    assert not stage.open(Holder(), port=22).is_answered
    assert not (await make_stage()).open(Holder(), port=443).is_answered


@pytest.mark.parametrize("cause", sorted(TARGET_CAUSES | {Cause.LIMIT}))
async def test_a_lie_is_told_as_a_reset_and_the_truth_as_a_refusal(make_stage: Stages, cause: Cause) -> None:
    stage, early, honest = await make_stage(answer="auto"), Holder(), Holder()
    assert stage.open(early).is_answered
    await stage.settle()
    stage.exit().refuses(cause)
    await stage.settle()
    assert early.told == ["reset", cause]
    assert not stage.open(honest).is_answered  # the retry waits for the truth
    await stage.settle()
    stage.exit().refuses(cause)
    await stage.settle()
    # an exit that is full says nothing of a target, but another exit might do it: none here, so that it waits
    assert honest.told == ([] if cause is Cause.LIMIT else ["refused", cause])


async def test_what_no_exit_would_dial_is_refused_before_any_is_asked(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_EXITS), Holder()
    assert stage.opener.open(holder, "169.254.169.254", 80, "10.0.0.1", "") is Cause.POLICY
    assert stage.opener.open(holder, "127.0.0.1", 1080, "10.0.0.1", "") is Cause.LOOP
    assert [stage.exit(name).pair.ingress.streams for name in ("us", "eu")] == [{}, {}]
    assert refusals(stage) == [
        ("169.254.169.254:80", "address-refused-by-exit"),
        ("127.0.0.1:1080", "loop"),
    ]
    assert holder.told == []


@pytest.mark.parametrize("limit", ["streams", "memory"])
async def test_at_the_limit_a_stream_is_refused(make_stage: Stages, limit: str) -> None:
    stage = await make_stage(limits=Limits(streams=1))
    first = stage.open(Holder())
    if limit == "memory":
        first.reset()
        stage.exit().pair.ingress.memory.limit = 0
    assert stage.opener.open(Holder(), HOST, 443, "10.0.0.1", "") is Cause.LIMIT
    assert refusals(stage) == [(f"{HOST}:443", "limit-reached")]
    stage.exit().pair.ingress.memory.limit = 1
    first.reset()
    stage.open(Holder())


async def test_a_stream_goes_only_to_an_exit_that_may_dial_its_target(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS, allow={"eu": ALLOWED})
    choice = stage.open(Holder(), INSIDE).choice
    assert choice is not None and choice.exit == "eu"


async def test_a_redundant_stream_has_two_legs_at_the_only_exit_that_may_dial_its_target(make_stage: Stages) -> None:
    figures = (figure("a>us", 100), figure("b>eu", 130), figure("c>eu", 140))
    stage = await make_stage(*figures, allow={"eu": ALLOWED}, rules=REDUNDANT)
    stream = stage.open(Holder(), INSIDE)
    assert stream.choice is not None and stream.stream is not None
    assert (stream.choice.paths, stream.choice.why) == (("b", "c"), "redundant by rule")
    assert len(stream.stream.legs) == 2
    await stage.settle()
    assert stage.exit("eu").opened == 1


async def test_where_that_exit_has_one_path_the_words_say_so(make_stage: Stages) -> None:
    figures = (figure("a>us", 100), figure("b>us", 110), figure("c>eu", 140))
    stage = await make_stage(*figures, allow={"eu": ALLOWED}, rules=REDUNDANT)
    choice = stage.open(Holder(), INSIDE).choice
    assert choice is not None
    assert choice.reason == "redundant by rule, but no second path shares no line with it (costs 140 ms)"
    assert choice.paths == ("c",)


async def test_the_demand_is_made_by_rules_and_permits(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS, allow={"eu": ALLOWED}, rules=(Rule(users=("alice",), redundant=True),))
    asked = stage.opener.demand(INSIDE, 443, "10.0.0.1", "alice")
    assert (asked.exits, asked.legs) == (frozenset({"eu"}), 2)
    assert (stage.opener.demand(HOST, 443).exits, stage.opener.demand(HOST, 443).legs) == (None, 1)


# ---- waiting


async def test_a_stream_waits_for_a_path_and_goes_with_the_round_in_which_there_is_one(make_stage: Stages) -> None:
    stage, holder = await make_stage(is_up=False), Holder()
    stream = stage.open(holder)
    assert (stage.opener.waiting, stream.choice, stream.stream) == (1, None, None)
    await stage.passes(4.9)
    assert (stage.opener.waiting, holder.told) == (1, [])
    stage.rank(*ONE_PATH)
    await stage.passes(0.05)
    assert (stage.opener.waiting, stage.exit().opened, holder.told) == (0, 1, [])


async def test_who_waited_may_be_told_at_once_that_there_is_a_path(make_stage: Stages) -> None:
    stage, holder = await make_stage(is_up=False, answer="auto"), Holder()
    assert not stage.open(holder).is_answered
    stage.rank(*ONE_PATH)
    await stage.passes(0.1)
    assert holder.told == ["opened"]
    stage.exit().connects()
    await stage.settle()
    assert holder.told == ["opened"]


async def test_a_stream_does_not_wait_for_ever(make_stage: Stages) -> None:
    stage, holder = await make_stage(is_up=False, answer="auto"), Holder()
    stage.open(holder)
    await stage.passes(WAIT_FOR_PATH - 0.25)
    assert holder.told == []
    await stage.passes(0.25)
    assert holder.told == ["refused", Cause.NO_PATH]
    assert (stage.opener.waiting, refusals(stage)) == (0, [(f"{HOST}:443", "no-path")])


async def test_a_path_that_has_no_carrier_now_is_waited_for_as_well(make_stage: Stages) -> None:
    stage, holder = await make_stage(), Holder()
    stage.roads.close("a")
    stage.open(holder)
    assert stage.opener.waiting == 1
    stage.roads.build("a", "us")
    await stage.passes(0.25)
    assert stage.exit().opened == 1


async def test_only_so_many_wait(make_stage: Stages) -> None:
    stage = await make_stage(is_up=False)
    holders = [Holder() for _ in range(MOST_WAITING)]
    for holder in holders:
        stage.open(holder)
    assert stage.opener.open(Holder(), HOST, 443, "10.0.0.1", "") is Cause.NO_PATH
    assert refusals(stage) == [(f"{HOST}:443", "no-path")]
    stage.rank(*ONE_PATH)
    await stage.passes(0.25)
    assert (stage.opener.waiting, stage.exit().opened) == (0, MOST_WAITING)


async def test_who_leaves_while_waiting_is_forgotten_and_told_nothing(make_stage: Stages) -> None:
    stage, holder = await make_stage(is_up=False), Holder()
    stream = stage.open(holder)
    stream.let_go()
    stream.reset()
    assert stage.opener.waiting == 1
    await stage.passes(0.25)
    assert stage.opener.waiting == 0
    stage.rank(*ONE_PATH)
    await stage.passes(10.0)
    assert (stage.exit().opened, holder.told, refusals(stage)) == (0, [], [])


async def test_a_stream_that_waits_twenty_rounds_is_one_use_of_its_site(make_stage: Stages) -> None:
    """Three uses would make the site worth timing by every exit."""
    stage = await make_stage(*TWO_EXITS, is_up=False)
    stage.open(Holder())
    for _ in range(20):
        await stage.passes(0.2)
    stage.rank(*TWO_EXITS)
    await stage.passes(0.2)
    assert stage.exit().opened == 1
    assert stage.chooser.probes_wanted(stage.loop.now) == []
    for _ in range(2):
        stage.open(Holder())
    assert {probe.exit for probe in stage.chooser.probes_wanted(stage.loop.now)} == {"us", "eu"}


# ---- another exit


async def test_another_exit_takes_a_stream_of_which_nothing_has_travelled(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_EXITS), Holder()
    stage.open(holder)
    await stage.settle()
    stage.exit("us").dies()
    await stage.settle()
    assert stage.exit("eu").asked == (HOST, 443)
    stage.exit("eu").connects()
    await stage.settle()
    assert holder.told == ["opened"]
    assert stage.roads.lost == []


@pytest.mark.parametrize("has_ended", [False, True])
async def test_what_the_client_said_goes_with_it(make_stage: Stages, has_ended: bool) -> None:
    stage, holder = await make_stage(*TWO_EXITS, answer="auto"), Holder()
    stage.roads.hold("a")
    stream = stage.open(holder)
    stream.write(b"said ")
    stream.write(b"early")
    if has_ended:
        stream.finish()
    stage.exit("us").dies()
    await stage.settle()
    assert stage.exit("eu").heard == b"said early"
    assert stage.exit("eu").sink.fins == int(has_ended)
    assert holder.told == []


async def test_not_once_a_byte_has_travelled(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_EXITS, answer="auto"), Holder()
    stream = stage.open(holder)
    stream.write(b"x")
    await stage.settle()
    stage.exit("us").dies()
    await stage.settle()
    assert holder.told == ["reset", Cause.EXIT_LOST]
    assert stage.exit("eu").opened == 0
    assert stage.roads.lost == [("a", "exit-lost")]


async def test_not_once_an_exit_has_connected(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_EXITS), Holder()
    stage.open(holder)
    await stage.settle()
    stage.exit("us").connects()
    await stage.settle()
    stage.exit("us").dies()
    await stage.settle()
    assert holder.told == ["opened", "reset", Cause.EXIT_LOST]
    assert stage.exit("eu").opened == 0


async def test_an_exit_that_may_not_dial_it_is_not_another_exit(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_EXITS, allow={"us": ALLOWED}), Holder()
    stage.open(holder, INSIDE)
    await stage.settle()
    stage.exit("us").refuses(Cause.LIMIT)
    await stage.settle()
    assert (stage.exit("eu").opened, stage.opener.waiting) == (0, 1)


async def test_exits_without_a_carrier_are_passed_over(make_stage: Stages) -> None:
    stage = await make_stage(figure("a>us", 100), figure("b>eu", 150), figure("c>tw", 160))
    stage.roads.close("b")
    stage.open(Holder())
    await stage.settle()
    stage.exit("us").dies()
    await stage.settle()
    assert (stage.exit("eu").opened, stage.exit("tw").opened) == (0, 1)


async def test_only_so_many_exits_are_tried(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_EXITS), Holder()
    stream = stage.open(holder)
    for tried in range(1, MOST_TRIES):
        await stage.settle()
        assert stream.tries == tried
        assert stream.choice is not None
        stage.exit(stream.choice.exit).refuses(Cause.LIMIT)
    await stage.settle()
    assert holder.told == []
    assert stream.choice is not None
    stage.exit(stream.choice.exit).refuses(Cause.LIMIT)
    await stage.settle()
    assert holder.told == ["refused", Cause.LIMIT]
    assert stage.exit("us").opened + stage.exit("eu").opened == MOST_TRIES


async def test_without_another_exit_who_was_told_nothing_waits_and_who_was_told_early_is_reset(
    make_stage: Stages,
) -> None:
    stage, honest, early = await make_stage(), Holder(), Holder()
    stage.open(honest, port=22)
    stage.use(attrs.evolve(stage.config, answer="auto"))
    stage.open(early)
    await stage.settle()
    stage.exit().dies()
    assert early.told == ["reset", Cause.EXIT_LOST]
    assert (honest.told, stage.opener.waiting) == ([], 1)
    assert stage.roads.lost == [("a", "exit-lost")]
    await stage.passes(0.25)
    assert (honest.told, stage.exit().opened) == ([], 3)


async def test_who_has_let_go_is_not_opened_again(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_EXITS), Holder()
    stage.open(holder).let_go()
    stage.exit("us").dies()
    await stage.settle()
    assert (stage.exit("eu").opened, holder.told) == (0, [])


# ---- what the choice learns


async def test_the_choice_learns_which_exit_is_near(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_EXITS)
    stage.open(Holder())
    await stage.settle()
    stage.exit().connects(0.2)
    await stage.settle()
    assert stage.chooser.connect_times.connect(HOST, "us").time == pytest.approx(0.2)
    assert stage.chooser.may_answer_early(Demand(HOST, 443), stage.loop.now)


@pytest.mark.parametrize("cause", list(Cause))
async def test_ends_that_nobody_wished_are_counted_with_their_path(make_stage: Stages, cause: Cause) -> None:
    stage = await make_stage()
    stage.open(Holder())
    await stage.settle()
    stage.exit().connects()
    await stage.settle()
    stage.exit().refuses(cause)
    await stage.settle()
    assert stage.roads.lost == ([("a", cause.word)] if cause in LOST_CAUSES else [])
    assert [fields["why"] for fields in stage.journal.of("stream-ended")] == [cause.word]


async def test_before_there_is_a_choice_nothing_is_learned(make_stage: Stages) -> None:
    stage = await make_stage(is_up=False)
    stream = stage.open(Holder())
    pair = stage.exit().pair
    old = pair.open(0)
    stage.opener.connected(stream, 0.1)
    stage.opener.ended(stream, old, Cause.EXIT_LOST)
    assert not stage.opener.reopen(stream, old)
    assert (stage.roads.lost, stage.chooser.connect_times.known(HOST)) == ([], {})


# ---- reload


async def test_another_file_is_gone_by_from_the_next_stream_on(make_stage: Stages) -> None:
    stage = await make_stage(*TWO_PATHS)
    first = stage.open(Holder())
    changed = make_config(TWO_PATHS, rules=REDUNDANT, answer="auto", limits=Limits(streams=2), allow={"us": ALLOWED})
    stage.use(changed)
    second = stage.open(Holder(), INSIDE)
    assert first.choice is not None and second.choice is not None
    assert (first.choice.paths, second.choice.paths) == (("a",), ("a", "b"))
    assert (first.is_answered, second.is_answered) == (False, True)
    assert stage.opener.open(Holder(), HOST, 443, "10.0.0.1", "") is Cause.LIMIT


async def test_slow_openings_are_hedged_with_the_rounds(make_stage: Stages) -> None:
    stage, holder = await make_stage(*TWO_PATHS), Holder()
    stage.roads.hold("a")
    stage.open(holder)
    await stage.passes(0.25)
    assert stage.exit().opened == 0
    await stage.passes(0.25)
    assert stage.exit().opened == 1
    stage.exit().connects()
    await stage.settle()
    assert holder.told == ["opened"]
    stage.roads.release("a")
    await stage.settle()
    assert stage.exit().opened == 1


async def test_a_path_that_stalls_while_a_stream_waits_is_no_reason_to_wait(make_stage: Stages) -> None:
    stage = await make_stage(is_up=False)
    stage.open(Holder())
    stage.rank(figure("a>us", 100, PathState.STALLED))  # the last path is never excluded
    await stage.passes(0.25)
    assert stage.exit().opened == 1


def test_the_wait_is_what_the_manual_says() -> None:
    assert (opener_module.WAIT_FOR_PATH, opener_module.MOST_WAITING) == (5.0, 1024)
