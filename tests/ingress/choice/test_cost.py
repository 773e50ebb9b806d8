"""What a path costs, as numbers and as terms; and within what two costs are as good as each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.cost import EQUAL, HEARSAY_MOST, Connect, Term, equal, lost_cost, path_cost, terms
from ingress.measure.directions import Direction
from ingress.measure.figures import PathFigures, Source
from ingress.measure.sending import LossShare
from tests.ingress.choice.figures import figure

FIRST_BYTE = Term("first byte", 0.18, Source.USED, "takes 180 ms longer than by us2 (9 streams)")


@pytest.mark.parametrize(
    ("more", "cost"),
    [({}, 0.1), ({"deviation": 0.01}, 0.12), ({"late": 0.1}, 0.13), ({"late": 1.0, "deviation": 0.002}, 0.404)],
)
def test_a_late_answer_costs_a_round_trip_and_what_tcp_waits(more: dict[str, float], cost: float) -> None:
    assert path_cost(figure("a>us", 100, **more)) == pytest.approx(cost)


def test_the_terms_add_up_and_say_where_they_come_from() -> None:
    figures = figure("a>us", 100, deviation=0.01, late=0.25, source=Source.ASSUMED)
    found = terms(figures, Connect(0.02, Source.USED, "median of the last 5 connects"), FIRST_BYTE)
    assert sum(term.value for term in found) == pytest.approx(path_cost(figures) + 0.02 + 0.18)
    assert [(term.name, term.source, term.note) for term in found] == [
        ("round trip", Source.ASSUMED, "sum of its lines' pieces"),
        ("2 x deviation", Source.MEASURED, ""),
        ("late", Source.MEASURED, "25% late"),
        ("lost", Source.MEASURED, ""),
        ("exit to target", Source.USED, "median of the last 5 connects"),
        ("first byte", Source.USED, "takes 180 ms longer than by us2 (9 streams)"),
    ]


def direction(line: str, low: float, *, is_told: bool = True, start: str = "jp", end: str = "us") -> Direction:
    return Direction(line, start, end, LossShare(low, low, low, 10_000), 0.0, None, is_told)


def with_losses(*directions: Direction, **more: float) -> PathFigures:
    return figure("a/b>us", 130, directions=directions, **more)


def test_one_in_a_hundred_one_way_costs_what_a_late_ping_in_a_hundred_does() -> None:
    assert path_cost(with_losses(direction("b", 0.01))) == pytest.approx(path_cost(figure("a/b>us", 130, late=0.01)))
    assert lost_cost(with_losses(direction("b", 0.01))) == pytest.approx(0.0033)
    assert lost_cost(with_losses(direction("b", 0.001))) < EQUAL / 3  # it moves nothing


def test_what_pings_have_seen_does_not_count_twice() -> None:
    both = direction("a", 0.01, is_told=False), direction("b", 0.02)
    assert lost_cost(with_losses(*both)) == pytest.approx(0.03 * 0.33)
    assert lost_cost(with_losses(*both, late=0.02)) == pytest.approx(0.01 * 0.33)
    assert lost_cost(with_losses(*both, late=0.05)) == 0.0


SHARE = st.floats(0, 1)
DIRECTION = st.builds(direction, st.sampled_from("ab"), SHARE, is_told=st.booleans())


@given(st.lists(DIRECTION, max_size=6), SHARE)
def test_c7_what_nodes_tell_betters_nothing_and_worsens_a_line_by_50_ms_at_most(
    directions: list[Direction], late: float
) -> None:
    told = path_cost(with_losses(*directions, late=late))
    measured = path_cost(with_losses(*(one for one in directions if not one.is_told), late=late))
    lines = {one.line for one in directions if one.is_told}
    assert path_cost(with_losses(late=late)) - 1e-9 <= measured <= told + 1e-9
    assert told <= measured + HEARSAY_MOST * len(lines) + 1e-9


def test_the_term_names_the_direction_and_whose_word_it_is() -> None:
    figures = with_losses(direction("b", 0.01, start="us", end="jp"), direction("a", 0.02, is_told=False, start="sh"))
    (lost,) = [term for term in terms(figures, Connect(0.0, Source.ASSUMED), FIRST_BYTE) if term.name == "lost"]
    assert (lost.source, lost.value) == (Source.TOLD, pytest.approx(0.03 * 0.33))
    assert lost.note == "2.00% or more of what sh sends to us by a; 1.00% or more of what us sends to jp by b"
    (own,) = [
        one
        for one in terms(with_losses(figures.directions[1]), Connect(0.0, Source.ASSUMED), FIRST_BYTE)
        if one.name == "lost"
    ]
    assert own.source is Source.MEASURED


@pytest.mark.parametrize(("cost", "expected"), [(0.1, 0.003), (0.3, 0.003), (0.5, 0.005)])
def test_what_nobody_can_tell_apart_grows_with_the_cost(cost: float, expected: float) -> None:
    assert equal(cost) == pytest.approx(expected)
