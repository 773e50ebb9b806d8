"""Of each line and direction what its own end said; a line that loses in one of them is named with it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.directions import Directions
from ingress.measure.network_monitor import NetworkMonitor
from ingress.measure.poor import lossy_lines
from relay.model.network import Line
from relay.model.sent import NOTHING_SENT, Sent
from tests.ingress.measure.test_network_monitor import FOUND, HERE, LINES, PREFIXES, measured

MSS = 1400
EVERY = 10.0


def known(losses: Mapping[tuple[str, str], float], lines: Mapping[str, Line] = LINES) -> Directions:
    """Twenty thousand segments each way, steadily, of which by line and sender these shares were lost; sh has measured
    its own."""
    directions = Directions()
    directions.know(lines)
    tell(directions, losses)
    return directions


def tell(directions: Directions, losses: Mapping[tuple[str, str], float], segments: int = 20_000) -> float:
    now = 0.0
    for (line, start), share in losses.items():
        for count in range(11):
            sent = segments * count // 10
            so_far = Sent(sent, round(sent * share), 0, sent * MSS, None, 0.1, 0.1)
            now = count * EVERY
            directions.heard(line, start, so_far, now, is_told=start != "sh")
    directions.judge(now)
    return now


def said(directions: Directions) -> list[str]:
    return [blame.sentence for blame in lossy_lines(directions.of(line) for line in LINES)]


def test_a_line_that_loses_in_one_direction_is_named_with_it() -> None:
    (sentence,) = said(known({("j1u", "us1"): 0.01, ("j1u", "jp1"): 0.0}))
    assert sentence == (
        "line j1u loses 1.00% of what us1 sends to jp1 (0.87% to 1.15%, by 20000 segments), says us1; "
        "the other way it loses 0.00%"
    )


def test_our_own_direction_is_nobodys_word() -> None:
    (sentence,) = said(known({("ix1", "sh"): 0.02}))
    assert sentence.startswith("line ix1 loses 2.00% of what sh sends to jp1 (") and "says" not in sentence
    assert sentence.endswith("; of the other way nothing is known")


def test_a_line_that_loses_both_ways_is_one_finding_and_the_worst_comes_first() -> None:
    first, second = said(known({("ix1", "sh"): 0.01, ("ix1", "jp1"): 0.01, ("j2u", "jp2"): 0.05}))
    assert first.startswith("line j2u loses 5.00%")
    assert second.count("loses 1.00% of what") == 2 and "the other way" not in second


def test_one_loss_in_a_thousand_is_no_news() -> None:
    directions = known({("ix1", "sh"): 0.001, ("j1u", "us1"): 0.001})
    assert said(directions) == [] and not directions.is_lossy("ix1")
    assert [(one.start, one.end, one.is_told) for one in directions.of("j1u")] == [("us1", "jp1", True)]


def test_a_policed_direction_is_named_with_its_rate() -> None:
    directions = Directions()
    directions.know(LINES)
    sent = NOTHING_SENT
    for count in range(8):
        directions.heard("j1u", "us1", sent, count * EVERY, is_told=True)
        passed = Sent(9000, 360, 0, 12_500_000) if count else Sent(900, 0, 0, 1_000_000)
        sent = Sent(0, round_trip=0.1, least=0.1, rate=1.0).plus(sent.counts).plus(passed)
    directions.judge(70.0)
    (sentence,) = said(directions)
    assert sentence == (
        "line j1u is policed: beyond 10.0 Mbit/s of what us1 sends to jp1 4.0% is lost, without a queue, says us1; "
        "of the other way nothing is known"
    )


def test_what_is_heard_of_a_line_from_who_is_not_at_it_is_not_kept() -> None:
    directions = known({("j1u", "jp2"): 0.5, ("no-such-line", "us1"): 0.5})
    assert [one for line in (*LINES, "no-such-line") for one in directions.of(line)] == []


def test_a_line_that_is_dialled_elsewhere_now_is_another_line() -> None:
    directions = known({("j1u", "us1"): 0.02, ("ix1", "sh"): 0.02})
    changed = {**LINES, "ix1": Line("ix1", "sh", "jp1", HERE, cost=9.0), "j1u": Line("j1u", "jp1", "jp2", HERE)}
    directions.know(changed)
    assert directions.is_lossy("ix1") and not directions.of("j1u")
    directions.judge(100.0)
    assert directions.is_lossy("ix1") and not directions.of("j1u")


def test_the_figures_of_a_path_have_what_is_known_of_its_lines_either_way() -> None:
    network_monitor = measured()
    tell(network_monitor.directions, {("j1u", "us1"): 0.01, ("ix1", "sh"): 0.0, ("ix2", "sh"): 0.02})
    found = {one.name: one.directions for one in network_monitor.figures({}, 100.0)}
    assert [(one.line, one.start) for one in found["ix1/j1u"]] == [("ix1", "sh"), ("j1u", "us1")]
    assert [(one.line, one.start) for one in found["ix2/j2u"]] == [("ix2", "sh")]


def test_the_blame_of_all_has_it_unless_the_line_is_named_for_worse() -> None:
    network_monitor = measured()
    tell(network_monitor.directions, {("j1u", "us1"): 0.01})
    (blame,) = network_monitor.blame(frozenset({"us1"}), 100.0)
    assert blame.lines == ("j1u",) and "of what us1 sends to jp1" in blame.sentence
    network_monitor.monitors["ix1/j1u"].lost("reset", 100.0)
    assert all("loses" not in blame.sentence for blame in network_monitor.blame(frozenset({"us1"}), 100.0))


def test_a_new_plan_keeps_what_is_known_of_lines_that_stay() -> None:
    network_monitor = NetworkMonitor(FOUND.used, PREFIXES, 0.0)
    tell(network_monitor.directions, {("j1u", "us1"): 0.01})
    network_monitor.replan(FOUND.used[:1], [], 100.0)
    kept = {line for line in LINES if network_monitor.directions.of(line)}
    assert kept == {"j1u"} & FOUND.used[0].lines


WORD = st.sampled_from(["ix1", "j1u", "back", "sh", "jp1", "us1", ""])


@given(st.lists(st.tuples(WORD, WORD, st.integers(0, 10**6), st.integers(0, 10**6)), max_size=30))
def test_whatever_is_heard_only_ends_of_lines_are_known(told: list[tuple[str, str, int, int]]) -> None:
    directions = Directions()
    directions.know(LINES)
    for count, (line, start, segments, again) in enumerate(told):
        directions.heard(line, start, Sent(segments, again), count * EVERY, is_told=True)
        directions.judge(count * EVERY)
        for name, ends in LINES.items():
            assert all({one.start, one.end} == {ends.start, ends.end} for one in directions.of(name))
    assert directions.of("back") == []


@pytest.mark.parametrize("is_told", [False, True])
def test_who_counted_is_kept_with_the_figures(is_told: bool) -> None:
    directions = Directions()
    directions.know(LINES)
    for count in range(4):
        directions.heard("ix1", "sh", Sent(10_000 * count), count * EVERY, is_told=is_told)
    directions.judge(30.0)
    (one,) = directions.of("ix1")
    assert one.is_told is is_told
