"""Opening, waiting, opening again at another exit: what the opener does with real choices and real sessions."""

from ipaddress import ip_network

import attrs
import pytest

from ingress.choice.demand import Demand
from ingress.client import opener as opener_module
from ingress.client.client_stream import MOST_TRIES, OTHERS_MAY, TARGET_CAUSES
from ingress.client.opener import LOST_CAUSES, NotOpened
from ingress.config import Rule
from ingress.config.rule import Denial
from ingress.measure.health import PathState
from relay.model.cause import Cause
from relay.model.limits import Limits
from relay.model.network import Allowed
from tests.ingress.choice.figures import figure
from tests.ingress.client.client_bed import TWO_EXITS, TWO_PATHS, ClientBed, ClientBeds, make_config
from tests.ingress.client.counterparts import Holder
from tests.ingress.client.messages import HOST, connect, socks5

INSIDE = "192.168.7.9"
"""A literal address that an exit may dial only where it is allowed."""
ALLOWED = (Allowed(ip_network("192.168.7.0/24"), "the broker's gateway"),)
REDUNDANT = (Rule(redundant=True),)


def refusals(bed: ClientBed) -> list[tuple[str, str]]:
    """What was logged of streams that were refused: target, cause."""
    return [(fields["target"], fields["why"]) for fields in bed.journal.of("stream-refused")]


# ---- opening


async def test_f4_the_data_of_ftp_comes_from_where_its_commands_come_from(make_bed: ClientBeds) -> None:
    """The best exit changes in between: the control connection goes by name, the data by address."""
    bed = await make_bed(figure("a>us", 50), figure("b>eu", 100))
    for round_ in range(18):
        bed.rank(figure("a>us", 50), figure("b>eu", 100))
        control = bed.open(Holder(), f"ftp.site{round_}.example", 21).choice
        await bed.settle()
        bed.exit("us").connects()
        bed.rank(figure("a>us", 50, PathState.HELD), figure("b>eu", 100))
        other = bed.open(Holder(), "www.example.net", 443, client="10.0.0.2").choice
        await bed.settle()
        bed.exit("eu").connects()
        data = bed.open(Holder(), "198.51.101.7", 40_000 + round_).choice
        await bed.settle()
        bed.exit("us").connects()
        assert control is not None and other is not None and data is not None
        assert (control.exit, other.exit, data.exit) == ("us", "eu", "us")
        await bed.passes(0.25)


async def test_a_stream_is_opened_on_the_path_that_was_chosen_and_told_when_the_exit_has_connected(
    make_bed: ClientBeds,
) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    stream = bed.open(holder)
    assert stream.choice is not None and stream.choice.paths == ("a",)
    assert (stream.is_answered, stream.tries, bed.opener.unacknowledged) == (False, 1, 1)
    await bed.settle()
    assert (bed.exit("us").asked, bed.exit("eu").opened) == ((HOST, 443), 0)
    assert holder.told == []
    bed.exit("us").connects()
    await bed.settle()
    assert holder.told == ["opened"]
    await bed.passes(0.1)
    assert bed.opener.unacknowledged == 0


async def test_success_is_told_at_once_where_the_file_and_the_target_allow_it(make_bed: ClientBeds) -> None:
    bed = await make_bed(answer="auto")
    assert bed.open(Holder(), port=443).is_answered
    assert not bed.open(Holder(), port=22).is_answered
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    assert bed.open(Holder(), port=22).is_answered  # it was reached
    await bed.settle()
    bed.exit().refuses(Cause.REFUSED)
    await bed.settle()
    assert not bed.open(Holder(), port=22).is_answered
    assert not (await make_bed()).open(Holder(), port=443).is_answered


@pytest.mark.parametrize("answer", ["auto", "true"])
@pytest.mark.parametrize("cause", sorted(OTHERS_MAY))
async def test_f2_another_exit_is_tried_where_one_has_no_way(make_bed: ClientBeds, cause: Cause, answer: str) -> None:
    """Also when the client was answered early and its first bytes are at the exit: no target has had them."""
    bed, holder = await make_bed(*TWO_EXITS, answer=answer), Holder()
    stream = bed.open(holder)
    if answer == "auto":
        stream.write(b"ClientHello")
    await bed.passes(0.1)
    assert bed.exit("us").heard == (b"ClientHello" if answer == "auto" else b"")
    bed.exit("us").refuses(cause)
    await bed.settle()
    assert stream.choice is not None and stream.choice.exit == "eu"
    bed.exit("eu").connects()
    await bed.settle()
    assert (bed.exit("eu").heard, bed.exit("us").opened) == (bed.exit("us").heard, 1)
    assert holder.told == ([] if answer == "auto" else ["opened"])
    assert bed.open(Holder(), port=443).is_answered is (answer == "auto")  # nothing is held against the target


@pytest.mark.parametrize("cause", sorted(OTHERS_MAY))
async def test_f2_no_exit_is_tried_twice_and_the_truth_is_told_when_none_has_a_way(
    make_bed: ClientBeds, cause: Cause
) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    bed.open(holder)
    for name in ("us", "eu"):
        await bed.settle()
        bed.exit(name).refuses(cause)
    await bed.settle()
    assert holder.told == ["refused", cause]
    assert (bed.exit("us").opened, bed.exit("eu").opened, bed.opener.waiting) == (1, 1, 0)
    assert not bed.open(Holder(), port=443).is_answered


@pytest.mark.parametrize("cause", sorted(TARGET_CAUSES - OTHERS_MAY))
async def test_what_is_said_of_the_target_is_told_at_once(make_bed: ClientBeds, cause: Cause) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    bed.open(holder)
    await bed.settle()
    bed.exit("us").refuses(cause)
    await bed.settle()
    assert (holder.told, bed.exit("eu").opened) == (["refused", cause], 0)


@pytest.mark.parametrize("cause", sorted(TARGET_CAUSES | {Cause.LIMIT}))
async def test_a_lie_is_told_as_a_reset_and_the_truth_as_a_refusal(make_bed: ClientBeds, cause: Cause) -> None:
    bed, early, honest = await make_bed(answer="auto"), Holder(), Holder()
    assert bed.open(early).is_answered
    await bed.settle()
    bed.exit().refuses(cause)
    await bed.settle()
    assert early.told == ["reset", cause]
    assert not bed.open(honest).is_answered  # the retry waits for the truth
    await bed.settle()
    bed.exit().refuses(cause)
    await bed.settle()
    # an exit that is full says nothing of a target, but another exit might do it: none here, so that it waits
    assert honest.told == ([] if cause is Cause.LIMIT else ["refused", cause])


async def test_what_no_exit_would_dial_is_refused_before_any_is_asked(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    assert bed.opener.open(holder, "169.254.169.254", 80, "10.0.0.1", "") == NotOpened(Cause.POLICY)
    assert bed.opener.open(holder, "127.0.0.1", 1080, "10.0.0.1", "") == NotOpened(Cause.LOOP)
    assert [bed.exit(name).pair.ingress.streams for name in ("us", "eu")] == [{}, {}]
    assert refusals(bed) == [
        ("169.254.169.254:80", "address-refused-by-exit"),
        ("127.0.0.1:1080", "loop"),
    ]
    assert holder.told == []


@pytest.mark.parametrize("limit", ["streams", "memory"])
async def test_at_the_limit_a_stream_is_refused(make_bed: ClientBeds, limit: str) -> None:
    bed = await make_bed(limits=Limits(streams=1))
    first = bed.open(Holder())
    if limit == "memory":
        first.reset()
        bed.exit().pair.ingress.memory.limit = 0
    assert bed.opener.open(Holder(), HOST, 443, "10.0.0.1", "") == NotOpened(Cause.LIMIT)
    assert refusals(bed) == [(f"{HOST}:443", "limit-reached")]
    bed.exit().pair.ingress.memory.limit = 1
    first.reset()
    bed.open(Holder())


async def test_a_stream_goes_only_to_an_exit_that_may_dial_its_target(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, allow={"eu": ALLOWED})
    choice = bed.open(Holder(), INSIDE).choice
    assert choice is not None and choice.exit == "eu"


async def test_a_redundant_stream_has_two_legs_at_the_only_exit_that_may_dial_its_target(make_bed: ClientBeds) -> None:
    figures = (figure("a>us", 100), figure("b>eu", 130), figure("c>eu", 140))
    bed = await make_bed(*figures, allow={"eu": ALLOWED}, rules=REDUNDANT)
    stream = bed.open(Holder(), INSIDE)
    assert stream.choice is not None and stream.stream is not None
    assert (stream.choice.paths, stream.choice.why) == (("b", "c"), "redundant by rule")
    assert len(stream.stream.legs) == 2
    await bed.settle()
    assert bed.exit("eu").opened == 1


async def test_where_that_exit_has_one_path_the_words_say_so(make_bed: ClientBeds) -> None:
    figures = (figure("a>us", 100), figure("b>us", 110), figure("c>eu", 140))
    bed = await make_bed(*figures, allow={"eu": ALLOWED}, rules=REDUNDANT)
    choice = bed.open(Holder(), INSIDE).choice
    assert choice is not None
    assert choice.reason == "redundant by rule, but no second path shares no line with it (costs 140 ms)"
    assert choice.paths == ("c",)


async def test_the_demand_is_made_by_rules_and_permits(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS, allow={"eu": ALLOWED}, rules=(Rule(users=("alice",), redundant=True),))
    asked = bed.opener.demand(INSIDE, 443, "10.0.0.1", "alice")
    assert (asked.exits, asked.legs) == (frozenset({"eu"}), 2)
    assert (bed.opener.demand(HOST, 443).exits, bed.opener.demand(HOST, 443).legs) == (None, 1)


# ---- another exit


async def test_another_exit_takes_a_stream_of_which_nothing_has_travelled(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    bed.open(holder)
    await bed.settle()
    bed.exit("us").dies()
    await bed.settle()
    assert bed.exit("eu").asked == (HOST, 443)
    bed.exit("eu").connects()
    await bed.settle()
    assert holder.told == ["opened"]
    assert bed.paths.lost == []


@pytest.mark.parametrize("has_ended", [False, True])
async def test_what_the_client_said_goes_with_it(make_bed: ClientBeds, has_ended: bool) -> None:
    bed, holder = await make_bed(*TWO_EXITS, answer="auto"), Holder()
    bed.paths.hold("a")
    stream = bed.open(holder)
    stream.write(b"said ")
    stream.write(b"early")
    if has_ended:
        stream.finish()
    bed.exit("us").dies()
    await bed.settle()
    assert bed.exit("eu").heard == b"said early"
    assert bed.exit("eu").sink.fins == int(has_ended)
    assert holder.told == []


async def test_not_once_a_byte_has_travelled(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS, answer="auto"), Holder()
    stream = bed.open(holder)
    stream.write(b"x")
    await bed.settle()
    bed.exit("us").dies()
    await bed.settle()
    assert holder.told == ["reset", Cause.EXIT_LOST]
    assert bed.exit("eu").opened == 0
    assert bed.paths.lost == [("a", "exit-lost")]


async def test_not_once_an_exit_has_connected(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    bed.open(holder)
    await bed.settle()
    bed.exit("us").connects()
    await bed.settle()
    bed.exit("us").dies()
    await bed.settle()
    assert holder.told == ["opened", "reset", Cause.EXIT_LOST]
    assert bed.exit("eu").opened == 0


async def test_an_exit_that_may_not_dial_it_is_not_another_exit(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS, allow={"us": ALLOWED}), Holder()
    bed.open(holder, INSIDE)
    await bed.settle()
    bed.exit("us").refuses(Cause.LIMIT)
    await bed.settle()
    assert (bed.exit("eu").opened, bed.opener.waiting) == (0, 1)


async def test_exits_without_a_carrier_are_passed_over(make_bed: ClientBeds) -> None:
    bed = await make_bed(figure("a>us", 100), figure("b>eu", 150), figure("c>tw", 160))
    bed.paths.close("b")
    bed.open(Holder())
    await bed.settle()
    bed.exit("us").dies()
    await bed.settle()
    assert (bed.exit("eu").opened, bed.exit("tw").opened) == (0, 1)


async def test_only_so_many_exits_are_tried(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    stream = bed.open(holder)
    for tried in range(1, MOST_TRIES):
        await bed.settle()
        assert stream.tries == tried
        assert stream.choice is not None
        bed.exit(stream.choice.exit).refuses(Cause.LIMIT)
    await bed.settle()
    assert holder.told == []
    assert stream.choice is not None
    bed.exit(stream.choice.exit).refuses(Cause.LIMIT)
    await bed.settle()
    assert holder.told == ["refused", Cause.LIMIT]
    assert bed.exit("us").opened + bed.exit("eu").opened == MOST_TRIES


async def test_without_another_exit_who_was_told_nothing_waits_and_who_was_told_early_is_reset(
    make_bed: ClientBeds,
) -> None:
    bed, honest, early = await make_bed(), Holder(), Holder()
    bed.open(honest, port=22)
    bed.use(attrs.evolve(bed.config, answer="auto"))
    bed.open(early)
    await bed.settle()
    bed.exit().dies()
    assert early.told == ["reset", Cause.EXIT_LOST]
    assert (honest.told, bed.opener.waiting) == ([], 1)
    assert bed.paths.lost == [("a", "exit-lost")]
    await bed.passes(0.25)
    assert (honest.told, bed.exit().opened) == ([], 3)


async def test_who_has_let_go_is_not_opened_again(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_EXITS), Holder()
    bed.open(holder).let_go()
    bed.exit("us").dies()
    await bed.settle()
    assert (bed.exit("eu").opened, holder.told) == (0, [])


# ---- what the choice learns


async def test_the_choice_learns_which_exit_is_near(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_EXITS)
    bed.open(Holder())
    await bed.settle()
    bed.exit().connects(0.2)
    await bed.settle()
    assert bed.chooser.connect_times.connect(HOST, "us").time == pytest.approx(0.2)
    assert bed.chooser.may_answer_early(Demand(HOST, 443), bed.loop.now)


@pytest.mark.parametrize("cause", list(Cause))
async def test_ends_that_nobody_wished_are_counted_with_their_path(make_bed: ClientBeds, cause: Cause) -> None:
    bed = await make_bed()
    bed.open(Holder())
    await bed.settle()
    bed.exit().connects()
    await bed.settle()
    bed.exit().refuses(cause)
    await bed.settle()
    read = Cause.said_by_exit(cause)
    assert bed.paths.lost == ([("a", read.word)] if read in LOST_CAUSES else [])
    assert [fields["why"] for fields in bed.journal.of("stream-ended")] == [read.word]


async def test_before_there_is_a_choice_nothing_is_learned(make_bed: ClientBeds) -> None:
    bed = await make_bed(is_up=False)
    stream = bed.open(Holder())
    pair = bed.exit().pair
    old = pair.open(0)
    bed.opener.connected(stream, 0.1)
    bed.opener.ended(stream, old, Cause.EXIT_LOST)
    assert not bed.opener.reopen(stream, old)
    assert (bed.paths.lost, bed.chooser.connect_times.known(HOST)) == ([], {})


# ---- reload


async def test_another_file_is_gone_by_from_the_next_stream_on(make_bed: ClientBeds) -> None:
    bed = await make_bed(*TWO_PATHS)
    first = bed.open(Holder())
    changed = make_config(TWO_PATHS, rules=REDUNDANT, answer="auto", limits=Limits(streams=2), allow={"us": ALLOWED})
    bed.use(changed)
    second = bed.open(Holder(), INSIDE)
    assert first.choice is not None and second.choice is not None
    assert (first.choice.paths, second.choice.paths) == (("a",), ("a", "b"))
    assert (first.is_answered, second.is_answered) == (False, True)
    assert bed.opener.open(Holder(), HOST, 443, "10.0.0.1", "") == NotOpened(Cause.LIMIT)


async def test_slow_openings_are_hedged_with_the_rounds(make_bed: ClientBeds) -> None:
    bed, holder = await make_bed(*TWO_PATHS), Holder()
    bed.paths.hold("a")
    bed.open(holder)
    await bed.passes(0.25)
    assert bed.exit().opened == 0
    await bed.passes(0.25)
    assert bed.exit().opened == 1
    bed.exit().connects()
    await bed.settle()
    assert holder.told == ["opened"]
    bed.paths.release("a")
    await bed.settle()
    assert bed.exit().opened == 1


async def test_a_path_that_stalls_while_a_stream_waits_is_no_reason_to_wait(make_bed: ClientBeds) -> None:
    bed = await make_bed(is_up=False)
    bed.open(Holder())
    bed.rank(figure("a>us", 100, PathState.STALLED))  # the last path is never excluded
    await bed.passes(0.25)
    assert bed.exit().opened == 1


def test_the_wait_is_what_the_manual_says() -> None:
    assert (opener_module.WAIT_FOR_PATH, opener_module.MOST_WAITING) == (5.0, 1024)


# ---- what a rule does


async def test_what_is_to_be_dialled_from_here_waits_while_nothing_dials(make_bed: ClientBeds) -> None:
    """No exit gets it, and what exits may not dial is not refused in their name."""
    bed, holder = await make_bed(*TWO_EXITS, rules=(Rule(direct=True),)), Holder()
    bed.open(holder, INSIDE)
    assert bed.opener.waiting == 1
    for _ in range(40):
        await bed.passes(0.25)
    assert bed.opener.waiting == 0 and refusals(bed) == [(f"{INSIDE}:443", "no-path")]
    assert (bed.exit("us").opened, bed.exit("eu").opened) == (0, 0)


@pytest.mark.parametrize("words", [socks5(), connect()])
async def test_who_is_dropped_by_a_rule_hears_nothing_of_it(make_bed: ClientBeds, words: bytes) -> None:
    bed = await make_bed(rules=(Rule(deny=Denial.DROP),))
    client = bed.program()
    client.sends(words)
    assert await client.rest() in (b"", b"\x05\x00")
    assert refusals(bed) == [(f"{HOST}:443", "dropped-by-rule")]
    client.leaves()
    await bed.settle()
    bed.assert_empty()
