"""What a path costs, as numbers and as terms; and within what two costs are as good as each other."""

import pytest

from ingress.choice.cost import Connect, equal, path_cost, terms
from ingress.measure.figures import Source
from tests.ingress.choice.figures import figure


@pytest.mark.parametrize(
    ("more", "cost"),
    [({}, 0.1), ({"deviation": 0.01}, 0.12), ({"late": 0.1}, 0.13), ({"late": 1.0, "deviation": 0.002}, 0.404)],
)
def test_a_late_answer_costs_a_round_trip_and_what_tcp_waits(more: dict[str, float], cost: float) -> None:
    assert path_cost(figure("a>us", 100, **more)) == pytest.approx(cost)


def test_the_terms_add_up_and_say_where_they_come_from() -> None:
    figures = figure("a>us", 100, deviation=0.01, late=0.25, source=Source.ASSUMED)
    found = terms(figures, Connect(0.02, Source.USED, "median of the last 5 connects"))
    assert sum(term.value for term in found) == pytest.approx(path_cost(figures) + 0.02)
    assert [(term.name, term.source, term.note) for term in found] == [
        ("round trip", Source.ASSUMED, "sum of its lines' pieces"),
        ("2 x deviation", Source.MEASURED, ""),
        ("late", Source.MEASURED, "25% late"),
        ("exit to target", Source.USED, "median of the last 5 connects"),
    ]


@pytest.mark.parametrize(("cost", "expected"), [(0.1, 0.003), (0.3, 0.003), (0.5, 0.005)])
def test_what_nobody_can_tell_apart_grows_with_the_cost(cost: float, expected: float) -> None:
    assert equal(cost) == pytest.approx(expected)
