"""Pauses as clients see them: what counts, and from when."""

import pytest

from bench.survive.watch import HUNG, Arrivals, Echoes, Requests


@pytest.mark.parametrize(
    ("at", "worst"),
    [
        ([0.0, 2.0, 4.0, 6.0, 7.0], 2.0),
        ([0.0, 1.0, 1.5, 3.0, 4.0], 4.0),
        ([0.0, 5.0, 6.0, 7.0], 5.0),  # begun before the fault, ended behind it
        ([0.0, 2.0], 6.0),  # it never went on
        ([], 7.0),
        ([0.0, 0.5, 7.9, 20.0], 7.4),  # what came behind the end is not looked at, its gap is
    ],
)
def test_the_worst_gap_is_one_that_the_fault_can_have_made(at: list[float], worst: float) -> None:
    assert Arrivals(at).worst_gap(1.0, 8.0) == pytest.approx(worst)


def test_a_gap_that_was_over_before_the_fault_does_not_count() -> None:
    assert Arrivals([0.0, 5.0, 5.5, 6.0]).worst_gap(5.0, 6.0) == pytest.approx(5.0)
    assert Arrivals([0.0, 4.9, 5.4, 6.0]).worst_gap(5.0, 6.0) == pytest.approx(0.6)


def test_an_echo_that_is_still_out_has_lasted_until_now() -> None:
    echoes = Echoes(sent=[0.0, 1.0, 2.0])
    echoes.came_back(0.1)
    assert echoes.took == [pytest.approx(0.1)]
    assert echoes.worst(0.5, 9.0) == pytest.approx(8.0)


def test_what_is_normal_is_measured_before_the_fault() -> None:
    echoes = Echoes(sent=[0.0, 1.0, 2.0, 3.0], took=[0.1, 0.3, 0.2, 5.0])
    assert echoes.normal(0.0, 3.0) == pytest.approx(0.2)
    assert echoes.normal(8.0, 9.0) == 0.0


def test_a_stream_has_settled_behind_its_last_slow_echo() -> None:
    echoes = Echoes(sent=[0.0, 1.0, 2.0, 3.0], took=[0.9, 0.1, 0.9, 0.1])
    assert echoes.settled(0.5, 0.5) == pytest.approx(1.5)
    assert echoes.settled(2.5, 0.5) is None


def test_requests_fail_when_they_hang() -> None:
    requests = Requests([(1.0, 0.1, None), (2.0, 0.4, "reply 3"), (3.0, 0.2, None)], {4.0, 4.0 + HUNG})
    seen = requests.of(1.5, 5.0 + HUNG)
    assert len(seen.done) == 3
    assert seen.failed == 2
    assert seen.longest == pytest.approx(1.0 + HUNG)


def test_it_is_good_again_with_the_first_answer_behind_the_last_failure() -> None:
    requests = Requests([(1.0, 0.1, None), (2.0, 0.4, "reply 3"), (3.0, 0.2, None), (3.1, 0.5, None)])
    assert requests.good_again(1.5) == pytest.approx(1.7)
    assert Requests([(1.0, 0.1, None)]).good_again(0.0) is None
    assert Requests([(1.0, 0.1, "closed")]).good_again(0.0) is None
