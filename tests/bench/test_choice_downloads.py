"""The simulated downloads: the oracle is one, lines are shared fairly, and placing comes near it."""

import pytest

from bench.choice.downloads import MBIT, SIZE, Lines, Oracle, Ours, Player, play, random_lines, table
from tests.ingress.choice.figures import path

THIN_AND_THICK = Lines(
    (path("thin>us"), path("thick>us")), {"thin": 0.138, "thick": 0.146}, {"thin": 20 * MBIT, "thick": 200 * MBIT}
)


def test_the_thick_line_takes_all_from_the_second_on() -> None:
    ours, leading = play(Ours(THIN_AND_THICK), 40.0, 400.0, 1), play(Player(THIN_AND_THICK), 40.0, 400.0, 1)
    assert ours.speeds[0] < min(ours.speeds[1:])
    assert min(ours.speeds[1:]) > 3 * leading.mean


@pytest.mark.parametrize("paths", [4, 16])
def test_placing_comes_near_an_oracle(paths: int) -> None:
    """`./run bench choice --downloads` plays more of them."""
    ours = play(Ours(random_lines(paths, 1)), 10.0, 300.0, 1)
    oracle = play(Oracle(random_lines(paths, 1)), 10.0, 300.0, 1)
    leading = play(Player(random_lines(paths, 1)), 10.0, 300.0, 1)
    assert leading.mean < 0.85 * oracle.mean < ours.mean < 1.05 * oracle.mean
    assert ours.moves < 3.0


def test_a_download_alone_takes_as_long_as_its_line_and_the_slow_start_let_it() -> None:
    (speed,) = play(Player(THIN_AND_THICK), 1e9, 2.0, 1).speeds
    assert SIZE / (20 * MBIT) < SIZE / speed < SIZE / (20 * MBIT) + 3.0


def test_the_table_has_a_row_for_each() -> None:
    rows = list(table([4], [1], 20.0, 60.0))
    assert [row.split(" | ")[1] for row in rows[2:]] == ["the leading path", "ingress", "oracle"]
    assert rows[-1].split(" | ")[3] == "1.00"
