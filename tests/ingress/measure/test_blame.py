"""What is broken, by what walks say of themselves; every table is one weather report."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.measure.blame import EVERYTHING, find_blame, suspects
from ingress.measure.evidence import HeldLine, Planned, Witness
from ingress.measure.faults import MUTE, OF_THE_LINE, FaultKind, SetupFault
from ingress.measure.health import PathState
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
UP, HELD, STALLED, DOWN = PathState.UP, PathState.HELD, PathState.STALLED, PathState.DOWN


def weather(*silent: str) -> list[Witness]:
    """All walks; those over a line in *silent*, or that touch a node in it, miss."""
    return [
        Witness(walk, STALLED if any(hop.line.name in silent or hop.end in silent for hop in walk.hops) else UP)
        for walk in WALKS.values()
    ]


def where(lines: str, kind: FaultKind, shown: str | None = None, text: str = "in its own words") -> list[Witness]:
    """All walks; those over one of *lines* could not be set up, for a fault found there."""
    said = []
    for walk in WALKS.values():
        hop = next((count for count, hop in enumerate(walk.hops) if hop.line.name in lines.split()), None)
        fault = None if hop is None else SetupFault(kind, hop, text, shown)
        said.append(Witness(walk, UP if hop is None else DOWN, fault=fault))
    return said


def over(*reports: list[Witness]) -> list[Witness]:
    """Several reports in one: of each walk the first that is not up."""
    return [next((one for one in some if one.state is not UP), some[0]) for some in zip(*reports, strict=True)]


# ---- silence


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


def test_of_the_ingress_itself_nothing_is_said() -> None:
    assert find_blame(weather("ix1"), EXITS)[0].sentence == "line ix1 or node jp1: jp1 is reached over no other line"


def test_all_well_is_nobodys_fault() -> None:
    assert find_blame(weather(), EXITS) == []
    assert find_blame([], EXITS) == []


def test_an_exit_is_called_an_exit() -> None:
    (blame,) = find_blame(weather("us2"), EXITS)
    assert blame.sentence.startswith("exit us2: no line into it answers")


def test_when_everything_misses_nobody_out_there_is_accused() -> None:
    (blame,) = find_blame(weather("ix1", "ix2"), EXITS)
    assert (blame.sentence, blame.lines, blame.node) == (EVERYTHING, (), None)


def test_two_broken_lines_are_two_findings() -> None:
    found = find_blame(weather("j1u1", "j2u2"), EXITS)
    assert {blame.lines for blame in found} == {("j1u1",), ("j2u2",)}


def test_a_path_that_misses_alone_is_named_as_that() -> None:
    """All its lines carry something else: a line between two forwards of one seller, or a full table of a NAT."""
    said = [Witness(one.path, STALLED if one.path.name == "ix1" else UP) for one in weather()]
    (blame,) = find_blame(said, EXITS)
    assert blame.sentence == "path ix1 alone does not answer: over each of its lines something else does"
    assert blame.lines == ()


# ---- what set-ups tell


def test_g1_a_forward_that_leads_to_the_wrong_node() -> None:
    (blame,) = find_blame(where("ix1", FaultKind.WRONG_NODE, "jp2"), EXITS)
    assert blame.sentence == "line ix1 leads to jp2, not to jp1: correct x:1, or the forward there"
    assert blame.lines == ("ix1",)
    assert set(blame.walks) == {"ix1", "ix1/j1u1", "ix1/j1u2"}


def test_g1_two_addresses_swapped() -> None:
    said = over(where("j1u1 j2u1", FaultKind.WRONG_NODE, "us2"), where("j1u2 j2u2", FaultKind.WRONG_NODE, "us1"))
    (blame,) = find_blame(said, EXITS)
    assert blame.sentence == (
        "us1 and us2: addresses swapped? both are up, but each answers where the other should "
        "(lines j1u1, j1u2, j2u1, j2u2)"
    )


def test_g1_a_foreign_certificate_is_the_lines_or_the_nodes() -> None:
    (blame,) = find_blame(where("j1u1", FaultKind.UNTRUSTED, text="us1: self-signed certificate"), EXITS)
    assert blame.sentence == "line j1u1 does not lead to us1, or us1 has other keys: us1: self-signed certificate"
    assert (blame.lines, blame.node, blame.is_sure) == (("j1u1",), "us1", False)


def test_g1_another_program_at_the_end_of_a_line() -> None:
    (blame,) = find_blame(where("j1u1", FaultKind.NO_TLS, text="us1: wrong version number"), EXITS)
    assert blame.sentence == (
        "line j1u1 does not lead to us1, or us1 has another program at that port: us1: wrong version number"
    )


@pytest.mark.parametrize("kind", sorted(set(FaultKind) - MUTE - set(OF_THE_LINE), key=str))
def test_g1_what_a_node_says_is_told_once_in_its_words(kind: FaultKind) -> None:
    (blame,) = find_blame(where("ix1", kind, text="jp1 has version 1: update jp1"), EXITS)
    assert (blame.sentence, blame.lines) == ("jp1 has version 1: update jp1", ())


def test_where_nothing_listens_the_node_is_not_running() -> None:
    (blame,) = find_blame(where("j1u1 j2u1", FaultKind.REFUSED), EXITS)
    assert blame.sentence == "exit us1: nothing listens where lines j1u1, j2u1 lead: is it running?"
    (blame,) = find_blame(where("ix1 ix2", FaultKind.REFUSED), EXITS)[:1]
    assert blame.sentence == "node jp1: nothing listens where line ix1 leads: is it running?"


def test_a_line_that_cannot_be_dialled_says_why() -> None:
    (blame,) = find_blame(where("j1u1", FaultKind.UNREACHABLE, text="line j1u1: No route to host"), EXITS)
    assert blame.sentence == (
        "line j1u1: jp1 is well and us1 answers over other lines, not over this one (line j1u1: No route to host)"
    )


# ---- what is planned, or passes


def test_g2_a_planned_stop_accuses_no_line() -> None:
    (blame,) = find_blame(weather("us1"), EXITS, [Planned("us1", 3.0)])
    assert blame.sentence == "us1 drains: it said 3 s ago that it would stop, and has not come back yet"
    assert (blame.lines, blame.node) == ((), None)
    (blame,) = find_blame(where("j1u1", FaultKind.REFUSED), EXITS, [Planned("us1", 2.0, is_back=True)])
    assert blame.sentence == "us1 came back 2 s ago from a planned stop"


def test_g2_what_is_planned_hides_no_other_fault() -> None:
    found = find_blame(weather("us1", "ix2"), EXITS, [Planned("us1", 3.0)])
    assert [blame.lines for blame in found] == [("ix2",), ()]


HELD_IX = [HeldLine("ix1", "noon")]


def test_that_nothing_answers_over_a_held_line_is_planned() -> None:
    for said in (weather("ix1"), where("ix1", FaultKind.REFUSED), where("ix1", FaultKind.UNTRUSTED)):
        (blame,) = find_blame(said, EXITS, held=HELD_IX)
        assert (blame.sentence, blame.lines, blame.node) == (HELD_IX[0].sentence, (), None)


def test_a_held_line_hides_no_other_fault() -> None:
    found = find_blame(weather("ix1", "j2u2"), EXITS, held=HELD_IX)
    assert [blame.lines for blame in found] == [("j2u2",), ()]
    (blame,) = find_blame(weather("j1u1"), EXITS, held=HELD_IX)  # the held one answers: it is another
    assert blame.lines == ("j1u1",)
    assert find_blame(weather(), EXITS, held=HELD_IX) == []


def test_g2_who_came_back_with_other_keys_is_no_longer_planned() -> None:
    said = [attrs.evolve(one, tried_age=5.0) for one in where("j1u1 j2u1", FaultKind.UNTRUSTED, text="us1: no")]
    assert {blame.lines for blame in find_blame(said, EXITS, [Planned("us1", 60.0)])} == {("j1u1",), ("j2u1",)}
    (blame,) = find_blame(said, EXITS, [Planned("us1", 4.0)])  # what it says is older than its word
    assert blame.sentence.startswith("us1 drains")


def test_what_was_found_before_a_node_came_back_accuses_nobody() -> None:
    """The refusal dates from the outage, and the path waits for its next attempt."""
    said = [
        attrs.evolve(one, age=3.0, tried_age=8.0 if one.state is DOWN else 0.0)
        for one in where("j1u1", FaultKind.REFUSED)
    ]
    (blame,) = find_blame(said, EXITS)
    assert blame.sentence.startswith("being set up: ix1/j1u1")
    (blame,) = find_blame([attrs.evolve(one, tried_age=2.0) for one in said], EXITS)
    assert blame.lines == ("j1u1",)


def test_what_has_just_begun_is_said_to_be_set_up() -> None:
    said = [Witness(walk, DOWN, was_tried=False) for walk in WALKS.values()]
    (blame,) = find_blame(said, EXITS)
    assert blame.sentence.startswith("being set up: ")
    assert (blame.lines, blame.node, len(blame.walks)) == ((), None, len(WALKS))


def test_a_node_that_came_back_is_named_and_single_paths_are() -> None:
    def trial(names: tuple[str, ...]) -> list[Witness]:
        return [
            Witness(walk, HELD, age=2.0, is_on_trial=True) if walk.name in names else Witness(walk, UP)
            for walk in WALKS.values()
        ]

    (blame,) = find_blame(trial(("ix1/j1u1", "ix2/j2u1")), EXITS)
    assert blame.sentence == "us1 came back 2 s ago, and has to prove itself for some seconds"
    (blame,) = find_blame(trial(("ix1/j1u1",)), EXITS)
    assert blame.sentence == "back for 2 s after a death, and not trusted yet: ix1/j1u1"


# ---- whatever happens

FAULTS = st.builds(
    SetupFault, st.sampled_from(FaultKind), st.integers(0, 3), st.sampled_from(["", "so"]), st.sampled_from([*NODES])
)


@st.composite
def worlds(draw: st.DrawFn) -> list[Witness]:
    said = []
    for walk in WALKS.values():
        state = draw(st.sampled_from(PathState))
        fault = draw(st.none() | FAULTS) if state is DOWN else None
        if fault is not None:
            fault = SetupFault(fault.kind, min(fault.hop, len(walk.hops) - 1), fault.text, fault.shown)
        was_tried = fault is not None or state is not DOWN or draw(st.booleans())
        tried = draw(st.sampled_from([0.0, 5.0]))
        said.append(Witness(walk, state, was_tried, fault, 1.0, tried, state is HELD and draw(st.booleans())))
    return draw(st.permutations(said))


PLANS = st.lists(
    st.builds(Planned, st.sampled_from([*NODES]), st.just(1.0), st.booleans()),
    max_size=2,
    unique_by=lambda plan: plan.node,  # a node either drains or is back
)


@given(said=worlds(), planned=PLANS)
def test_g1_every_walk_that_is_not_up_is_explained_once(said: list[Witness], planned: list[Planned]) -> None:
    found = find_blame(said, EXITS, planned)
    explained = [name for blame in found for name in blame.walks]
    assert sorted(explained) == sorted(one.path.name for one in said if one.state is not UP)
    assert all(blame.sentence for blame in found)
    assert len({blame.sentence for blame in found}) == len(found)


@given(said=worlds(), planned=PLANS)
def test_g2_nothing_that_answers_or_is_planned_is_accused(said: list[Witness], planned: list[Planned]) -> None:
    found = {
        one.path.hops[one.fault.hop].end for one in said if one.fault is not None and one.tells and one.tried_age < 1.0
    }
    expected = {one.node for one in planned if one.is_back} | ({one.node for one in planned} - found)
    for blame in find_blame(said, EXITS, planned):
        accused = {blame.node} | {LINES[line].end for line in blame.lines}
        assert not accused & expected


@given(st.sets(st.sampled_from([*LINES, *NODES])))
def test_what_answers_is_never_accused(silent: set[str]) -> None:
    said = weather(*silent)
    well = {hop.line.name for one in said if one.answers for hop in one.path.hops}
    reached = {node for one in said if one.answers for node in one.path.nodes}
    found = find_blame(said, EXITS)
    for blame in found:
        assert not well & set(blame.lines)
        assert blame.node not in reached
    assert bool(found) == any(not one.answers for one in said)


def test_suspects_lie_behind_the_longest_beginning_that_answers() -> None:
    path: Path = WALKS["ix1/j1u1"]
    assert suspects(path, {"ix1"}) == {"j1u1"}
    assert suspects(path, set()) == {"ix1", "j1u1"}
