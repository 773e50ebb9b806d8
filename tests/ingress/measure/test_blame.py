"""The broken line or node, by which walks answer; every table is one weather report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.blame import EVERYTHING, Witness, find_blame, suspects
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import Path, find_paths, find_prefixes

HERE = Address("x", 1)
NODES = {name: Node(name, HERE, (HERE,), exit=name.startswith("us")) for name in ("jp1", "jp2", "us1", "us2")}
LINES = {
    name: Line(name, start, end, HERE)
    for name, start, end in [
        ("ix1", "sh", "jp1"),
        ("ix2", "sh", "jp2"),
        ("j1u1", "jp1", "us1"),
        ("j2u2", "jp2", "us2"),
        ("j1u2", "jp1", "us2"),
        ("j2u1", "jp2", "us1"),
    ]
}
FOUND = find_paths(Network(("sh",), NODES, LINES), "sh")
WALKS = {walk.name: walk for walk in (*FOUND.used, *find_prefixes(FOUND))}
EXITS = frozenset({"us1", "us2"})


def weather(*silent: str) -> list[Witness]:
    """All walks; those over a line in *silent*, or that touch a node in it, miss."""
    return [
        Witness(walk, not any(hop.line.name in silent or hop.end in silent for hop in walk.hops))
        for walk in WALKS.values()
    ]


@pytest.mark.parametrize(
    ("silent", "lines", "node", "is_sure"),
    [
        (["j1u1"], ("j1u1",), None, True),
        (["us1"], (), "us1", True),
        (["ix1"], ("ix1",), "jp1", False),
        (["jp1"], ("ix1",), "jp1", False),
        (["j1u1", "j2u1"], (), "us1", True),
    ],
)
def test_one_thing_is_broken(silent: list[str], lines: tuple[str, ...], node: str | None, is_sure: bool) -> None:
    (blame,) = find_blame(weather(*silent), EXITS)
    assert (blame.lines, blame.node, blame.is_sure) == (lines, node, is_sure)
    for name in (*lines, *([node] if node else [])):
        assert name in blame.sentence


def test_all_well_is_nobodys_fault() -> None:
    assert find_blame(weather(), EXITS) == ()
    assert find_blame([], EXITS) == ()


def test_an_exit_is_called_an_exit() -> None:
    (blame,) = find_blame(weather("us2"), EXITS)
    assert blame.sentence.startswith("exit us2: no line into it answers")


def test_when_everything_misses_nobody_out_there_is_accused() -> None:
    (blame,) = find_blame(weather("ix1", "ix2"), EXITS)
    assert (blame.sentence, blame.lines, blame.node) == (EVERYTHING, (), None)


def test_two_broken_lines_are_two_findings() -> None:
    found = find_blame(weather("j1u1", "j2u2"), EXITS)
    assert [blame.lines for blame in found] == [("j1u1",), ("j2u2",)]


def test_what_was_never_asked_says_nothing() -> None:
    said = [Witness(one.path, None if one.path.name == "ix1" else one.answers) for one in weather("jp1")]
    assert find_blame(said, EXITS) == ()


@given(st.sets(st.sampled_from([*LINES, *NODES])))
def test_what_answers_is_never_accused(silent: set[str]) -> None:
    said = weather(*silent)
    well = {hop.line.name for one in said if one.answers for hop in one.path.hops}
    reached = {node for one in said if one.answers for node in one.path.nodes}
    for blame in find_blame(said, EXITS):
        assert not well & set(blame.lines)
        assert blame.node not in reached
    assert bool(find_blame(said, EXITS)) == any(not one.answers for one in said)


def test_suspects_lie_behind_the_longest_beginning_that_answers() -> None:
    path: Path = WALKS["ix1/j1u1"]
    assert suspects(path, {"ix1"}) == {"j1u1"}
    assert suspects(path, set()) == {"ix1", "j1u1"}
