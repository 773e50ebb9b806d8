"""Walks: every simple one, the shortest first, in the order of the file, and never more than can be measured."""

from collections.abc import ValuesView

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.model.network import Address, Line, Network, Node
from relay.model.walk import MOST_FOUND, MOST_LINES, MOST_PATHS, Path, find_paths, find_prefixes, hops_from


def node(name: str, *, is_exit: bool = False) -> Node:
    address = Address(f"{name}.example", 48350)
    return Node(name, address, (address,), exit=is_exit)


def network_of(lines: str, exits: str) -> Network:
    """Lines as `name:from>to`, or `name:from=to` for both ways; every node but `in` is one of ours."""
    found = {}
    for word in lines.split():
        name, ends = word.split(":")
        start, end = ends.replace("=", ">").split(">")
        found[name] = Line(name, start, end, Address(f"{name}.line", 1), both="=" in ends)
    names = dict.fromkeys(end for line in found.values() for end in (line.start, line.end) if end != "in")
    return Network(("in",), {name: node(name, is_exit=name in exits.split()) for name in names}, found)


@pytest.mark.parametrize(
    ("lines", "exits", "paths"),
    [
        ("a:in>x", "x", ["a"]),
        ("a:in>x", "", []),
        ("a:in>j b:j>x", "x", ["a/b"]),
        ("a:in>j b:j>x c:in>x", "x", ["c", "a/b"]),  # fewest lines first
        ("b:j>x a:in>j d:j>y c:in>j", "x y", ["a/b", "a/d", "c/b", "c/d"]),  # then as in the file
        ("a:in>x b:x>y", "x y", ["a", "a/b"]),  # an exit can be a relay
        ("a:in>j b:j>k c:k>j d:k>x", "x", ["a/b/d"]),  # no node twice
        ("a:in>j b:k=j c:k>x", "x", ["a/b/c"]),  # the other way round
        ("a:in=j b:j>x", "x", ["a/b"]),  # nothing leads back into an ingress
        ("a:in>1 b:1>2 c:2>3 d:3>4 e:4>5", "4 5", ["a/b/c/d"]),  # four lines at most
    ],
)
def test_paths(lines: str, exits: str, paths: list[str]) -> None:
    found = find_paths(network_of(lines, exits), "in")
    assert [str(path) for path in found.used] == paths and found.spare == ()


def test_a_line_walked_back_dials_the_node_at_its_start() -> None:
    path = find_paths(network_of("a:in>j b:k=j c:k>x", "x"), "in").used[0]
    assert [(hop.start, hop.end, str(hop.address)) for hop in path.hops] == [
        ("in", "j", "a.line:1"),
        ("j", "k", "k.example:48350"),
        ("k", "x", "c.line:1"),
    ]


def test_of_too_many_paths_the_shortest_are_used() -> None:
    lines = " ".join(
        [f"i{n}:in>j{n} x{n}:j{n}>x" for n in range(10)]
        + [f"m{n}{m}:j{n}>j{m}" for n in range(10) for m in range(10) if n != m]
    )
    found = find_paths(network_of(lines, "x"), "in")
    assert len(found.used) == MOST_PATHS
    assert [path.name for path in found.used[:10]] == [f"i{n}/x{n}" for n in range(10)]
    assert len(found.used[-1].hops) <= len(found.spare[0].hops)
    assert len(found.spare) == 10 + 10 * 9 + 10 * 9 * 8 - MOST_PATHS


def layers(count: int) -> str:
    """Two layers of so many lines each, which make so many paths squared."""
    return " ".join([f"a{n}:in>j" for n in range(count)] + [f"b{n}:j>x" for n in range(count)])


def test_of_a_million_paths_a_thousand_are_looked_for() -> None:
    found = find_paths(network_of(layers(1000), "x"), "in")
    assert (len(found.used), len(found.spare), found.is_cut) == (MOST_PATHS, MOST_FOUND - MOST_PATHS, True)
    assert found.spare[-1].name == f"a0/b{MOST_FOUND - 1}"
    found = find_paths(network_of(layers(10), "x"), "in")
    assert (len(found.used) + len(found.spare), found.is_cut) == (100, False)


def test_lines_that_lead_to_no_exit_are_not_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.model.walk.MOST_STEPS", 100)
    deep = " ".join(f"d{n}:j>k e{n}:k>l f{n}:l>m" for n in range(5))
    found = find_paths(network_of(f"a:in>j b:j>x {deep}", "x"), "in")
    assert [path.name for path in found.used] == ["a/b"] and not found.is_cut


def test_walks_that_end_nowhere_are_given_up_some_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relay.model.walk.MOST_STEPS", 1000)
    to_and_fro = " ".join(f"d{n}:j>k e{n}:k>j" for n in range(50))
    found = find_paths(network_of(f"a:in>j b:j>x {to_and_fro}", "x"), "in")
    assert [path.name for path in found.used] == ["a/b"] and found.is_cut


def test_each_line_is_looked_at_once_however_many_paths_there_are() -> None:
    class Lines(dict[str, Line]):
        looks = 0

        def values(self) -> ValuesView[Line]:
            self.looks += 1
            return super().values()

    network = network_of(" ".join(f"a{at}:in>j b{at}:j>x" for at in range(20)), "x")
    lines = Lines(network.lines)
    found = find_paths(Network(network.ingresses, network.nodes, lines), "in")
    assert len(found.used) + len(found.spare) == 400
    assert lines.looks == 1


def test_prefixes_are_the_beginnings_that_are_no_paths() -> None:
    paths = find_paths(network_of("a:in>j b:j>x c:j>k d:k>x e:x>k", "x"), "in")
    assert [path.name for path in paths.used] == ["a/b", "a/c/d"]
    assert [path.name for path in find_prefixes(paths)] == ["a", "a/c"]
    paths = find_paths(network_of("a:in>x b:x>y", "x y"), "in")
    assert find_prefixes(paths) == ()


def test_hops_from_a_node() -> None:
    network = network_of("a:in>j b:k=j c:k>x", "x")
    assert [(hop.line.name, hop.end) for hop in hops_from(network, "k")] == [("b", "j"), ("c", "x")]
    assert [(hop.line.name, hop.end) for hop in hops_from(network, "j")] == [("b", "k")]


def test_what_a_path_says_of_itself() -> None:
    lines = {
        "a": Line("a", "in", "j", Address("j", 1), provider="p", rate=5e6, cost=0.5),
        "b": Line("b", "j", "x", Address("x", 1), rate=2e6, cost=0.25, backup=True),
        "c": Line("c", "in", "x", Address("x", 1)),
    }
    network = Network(("in",), {"j": node("j"), "x": node("x", is_exit=True)}, lines)
    plain, path = find_paths(network, "in").used
    assert (path.end, path.nodes, path.lines, path.providers) == (
        "x",
        ("j", "x"),
        frozenset({"a", "b"}),
        frozenset({"p"}),
    )
    assert (path.rate, path.cost, path.backup) == (2e6, 0.75, True)
    assert (plain.rate, plain.cost, plain.backup, plain.providers) == (None, 0, False, frozenset())
    assert path.prefix(1).name == "a" and path.prefix(2) == path


NAMES = st.sampled_from(["in", "1", "2", "3", "4"])
LINES = st.lists(st.tuples(NAMES, st.sampled_from(["1", "2", "3", "4"]), st.sampled_from("=>")), max_size=9)


@given(LINES, st.sets(st.sampled_from(["1", "2", "3", "4"])))
def test_paths_are_simple_unique_and_lead_to_an_exit(ends: list[tuple[str, str, str]], exits: set[str]) -> None:
    lines = " ".join(f"l{at}:{start}{way}{end}" for at, (start, end, way) in enumerate(ends) if start != end)
    found = find_paths(network_of(lines, " ".join(exits)), "in")
    walks = [*found.used, *found.spare]
    assert len({path.name for path in walks}) == len(walks) and len(found.used) <= MOST_PATHS
    assert [len(path.hops) for path in walks] == sorted(len(path.hops) for path in walks)
    for path in walks:
        check_walk(path, exits)


def check_walk(path: Path, exits: set[str]) -> None:
    assert len(path.hops) <= MOST_LINES and path.end in exits
    assert path.hops[0].start == "in" and "in" not in path.nodes
    assert len(set(path.nodes)) == len(path.nodes)
    for before, after in zip(path.hops, path.hops[1:], strict=False):
        assert before.end == after.start
    for hop in path.hops:
        assert {hop.start, hop.end} == {hop.line.start, hop.line.end}
        assert hop.start == hop.line.start or hop.line.both
