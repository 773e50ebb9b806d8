"""What single lines cost: told by the steadiest walks; and which of them are worth a sentence."""

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.measure.monitor import PathMonitor
from ingress.measure.pieces import FRESH, Piece, composed, line_pieces
from ingress.measure.poor import LATE, SHAKEN, is_poor, poor_lines
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths, find_prefixes

HERE = Address("x", 1)
NODES = {name: Node(name, HERE, (HERE,), exit=name.startswith("us")) for name in ("jp1", "jp2", "us1", "us2")}
LINES = {
    name: Line(name, start, end, HERE)
    for name, start, end in [
        ("ix1", "sh", "jp1"),
        ("ix2", "sh", "jp2"),
        ("j1u1", "jp1", "us1"),
        ("j2u1", "jp2", "us1"),
        ("uu", "us1", "us2"),
    ]
}
FOUND = find_paths(Network(("sh",), NODES, LINES), "sh")
WALKS = {walk.name: walk for walk in (*FOUND.used, *find_prefixes(FOUND))}
CALM = Piece(0.1, 0.001, 0.002, 0.0, 100)
TRIPS = {"ix1": 0.030, "ix2": 0.030, "j1u1": 0.100, "j2u1": 0.108, "uu": 0.002}


def monitors(noise: dict[str, float], lost: frozenset[str] = frozenset()) -> dict[str, PathMonitor]:
    """All walks after a hundred pings. *noise* is by how much lines swing; every 20th over a *lost* one is late."""
    made = {}
    for name, walk in WALKS.items():
        monitor = made[name] = PathMonitor(walk, 0.0)
        monitor.connected(0.0)
        for step in range(100):
            sent = step * 0.5
            swing = sum(noise.get(line, 0.0) * (step % 2 * 2 - 1) for line in walk.lines)
            late = 0.3 if step % 20 == 7 and walk.lines & lost else 0.0
            number = monitor.ping(sent, 0.0)
            trip = sum(TRIPS[line] for line in walk.lines) + swing + late
            monitor.tick(sent + trip)
            monitor.answered(number, sent + trip)
    return made


def test_each_line_is_what_it_is() -> None:
    pieces = line_pieces(monitors({}), 49.9)
    assert {name: round(piece.round_trip, 4) for name, piece in pieces.items()} == TRIPS
    assert all(piece.late == 0.0 and piece.deviation < 0.001 for piece in pieces.values())


def test_g4_a_line_between_two_shaken_walks_is_told_by_the_steady_ones() -> None:
    """us1–us2 is seen over both ways; the one over ix1 swings by 40 ms."""
    pieces = line_pieces(monitors({"ix1": 0.04}), 49.9)
    assert pieces["uu"].round_trip == pytest.approx(0.002, abs=0.0005)
    assert pieces["uu"].uncertainty < 0.005 < 0.02 < pieces["j1u1"].uncertainty


def test_g3_what_is_lost_is_the_line_s_on_which_it_is_lost() -> None:
    pieces = line_pieces(monitors({}, frozenset({"j2u1"})), 49.9)
    assert pieces["j2u1"].late == pytest.approx(0.05)
    assert [name for name, piece in pieces.items() if piece.late > 0.01] == ["j2u1"]


def test_g3_a_poor_line_is_named_and_the_others_are_not() -> None:
    found = poor_lines(LINES.values(), line_pieces(monitors({"j1u1": 0.03}, frozenset({"ix2"})), 49.9))
    assert [blame.lines for blame in found] == [("ix2",), ("j1u1",)]
    assert found[0].sentence.startswith(
        "line ix2 is poor: 5% of the pings over it come late (lost segments, or a queue)"
    )
    assert found[1].sentence.startswith("line j1u1 is poor: its round trip of ")


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (CALM, False),
        (attrs.evolve(CALM, late=LATE), True),
        (attrs.evolve(CALM, late=LATE, samples=39), False),
        (attrs.evolve(CALM, late=LATE - 0.01), False),
        (attrs.evolve(CALM, deviation=2 * SHAKEN), True),
        (attrs.evolve(CALM, round_trip=0.4, deviation=2 * SHAKEN), False),
    ],
)
def test_what_is_poor(piece: Piece, expected: bool) -> None:
    assert is_poor(piece) == expected


def test_what_was_heard_long_ago_says_nothing() -> None:
    made = monitors({})
    assert line_pieces(made, 50.0 + FRESH) == {}
    assert composed(WALKS["ix1/j1u1/uu"], {}) is None


@settings(deadline=None)  # a hundred pings of every walk, each time
@given(st.dictionaries(st.sampled_from([*LINES]), st.floats(0, 0.05)), st.frozensets(st.sampled_from([*LINES])))
def test_no_line_is_said_to_lose_more_than_the_best_walk_over_it(noise: dict[str, float], lost: frozenset[str]) -> None:
    made = monitors(noise, lost)
    for name, piece in line_pieces(made, 49.9).items():
        assert piece.late <= min(one.pings.late for one in made.values() if name in one.path.lines)
        assert piece.round_trip >= 0.0 and piece.deviation >= 0.0
