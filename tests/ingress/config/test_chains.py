"""Paths that are written down: exactly those that follow a chain, and a word about every one that nothing follows."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.config import IngressConfig, load, read_file
from ingress.config.chains import Chain, find, follow, walks
from ingress.config.show import as_toml
from relay.config import ConfigError
from relay.config.mistakes import Mistakes
from relay.config.network import read_network
from relay.config.table import Table
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import MOST_FOUND, MOST_PATHS, find_paths

# Shanghai, two IX lines into Japan, two sellers' lines to the US, and landing nodes behind them.
NETWORK = """\
version = 1
[ingress.shanghai]
listen = "127.0.0.1:1080"
[node.jp-dmit]
address = "203.0.113.10:1"
[node.jp-nube]
address = "203.0.113.11:1"
[node.us-dmit]
address = "203.0.113.20:1"
[node.us-nube]
address = "203.0.113.21:1"
exit = true
group = "landing"
[node.land-a]
address = "203.0.113.30:1"
exit = true
group = "landing"
[node.land-b]
address = "203.0.113.31:1"
exit = true
group = "landing"
[line.ix-a]
from = "shanghai"
to = "jp-dmit"
group = "ix"
[line.ix-b]
from = "shanghai"
to = "jp-nube"
group = "ix"
[line.dmit]
from = "jp-dmit"
to = "us-dmit"
group = "jp-us"
[line.nube]
from = "jp-nube"
to = "us-nube"
group = "jp-us"
[line.cross]
from = "jp-dmit"
to = "us-nube"
[line.d-a]
from = "us-dmit"
to = "land-a"
[line.d-b]
from = "us-dmit"
to = "land-b"
[line.n-a]
from = "us-nube"
to = "land-a"
"""


def paths(folder: Path, *chains: str) -> list[str]:
    file = folder / "paths.toml"
    file.write_text(NETWORK + "".join(f"[[chain]]\nvia = [{chain}]\n" for chain in chains))
    return [path.name for path in load(file).paths.used]


def test_a_group_of_lines_then_another_then_a_group_of_nodes(tmp_path: Path) -> None:
    assert paths(tmp_path, '"ix", "jp-us", "landing"') == ["ix-a/dmit/d-a", "ix-a/dmit/d-b", "ix-b/nube/n-a"]


def test_each_entry_is_a_line_a_group_a_node_or_its_group(tmp_path: Path) -> None:
    assert paths(tmp_path, '"ix-a", "us-dmit", "land-b"') == ["ix-a/dmit/d-b"]
    assert paths(tmp_path, '"jp-dmit", "cross"') == ["ix-a/cross"]
    assert paths(tmp_path, '"ix", "landing"') == ["ix-a/cross", "ix-b/nube"]


def test_several_chains_stand_beside_each_other_in_their_order(tmp_path: Path) -> None:
    both = paths(tmp_path, '"ix-b", "nube"', '"ix", "landing"')
    assert both == ["ix-b/nube", "ix-a/cross"]


def test_without_chains_every_way_is_a_path(tmp_path: Path) -> None:
    assert len(paths(tmp_path)) == 6


@pytest.mark.parametrize(
    ("chain", "told"),
    [
        ('"ixx"', 'chain[0].via: "ixx" is no line, node or group of either; did you mean "ix'),
        ('"ix", "jp-us", "jp-us"', "chain[0].via: no path follows it (from shanghai: no line leads on from us-"),
        ('"dmit"', "chain[0].via: no path follows it (from shanghai: no line leads on from shanghai by dmit)"),
        ('"ix-a", "dmit"', "chain[0].via: no path follows it (from shanghai: us-dmit, where it ends, is no exit)"),
        ('"ix", "ix", "ix", "ix", "ix"', "chain[0].via: 5 lines are too many; a path has 4 at most"),
        ("", "chain[0].via: is missing"),
    ],
)
def test_a_chain_that_nothing_follows_is_a_mistake(tmp_path: Path, chain: str, told: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        paths(tmp_path, chain)
    assert any(str(mistake).startswith(told) for mistake in wrong.value.mistakes), wrong.value.mistakes


def test_it_is_shown_as_it_was_understood(tmp_path: Path) -> None:
    paths(tmp_path, '"ix", "landing"')
    assert '[[chain]]\nvia = ["ix", "landing"]\n' in as_toml(read_file(tmp_path / "paths.toml"))


WORDS = ["ix", "jp-us", "landing", "ix-a", "dmit", "cross", "us-nube", "jp-dmit", "land-a", "n-a"]


@given(via=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(tuple))
def test_what_follows_a_chain_is_a_path_that_does_so_line_by_line(via: tuple[str, ...]) -> None:
    network = read_network(Table(tomllib.loads(NETWORK), (), Mistakes(Path("paths.toml"))))
    every = {path.name: path for path in find_paths(network, "shanghai").used}
    expected = {
        name
        for name, path in every.items()
        if len(path.hops) == len(via)
        and all(
            word in (hop.line.name, hop.line.group, hop.end, network.nodes[hop.end].group)
            for word, hop in zip(via, path.hops, strict=True)
        )
    }
    assert {path.name for path in walks(network, "shanghai", Chain("", via))} == expected


def test_of_a_million_paths_a_thousand_are_followed() -> None:
    nodes = {name: Node(name, Address("a", 1), (), exit=name == "x") for name in ("j", "x")}
    lines = [Line(f"a{n}", "in", "j", Address("a", 1)) for n in range(1000)]
    lines += [Line(f"b{n}", "j", "x", Address("a", 1)) for n in range(1000)]
    network = Network(("in",), nodes, {line.name: line for line in lines})
    found = follow(network, "in", [Chain("chain", ("j", "x")), Chain("chain", ("a0", "b0"))])
    assert (len(found.used), len(found.spare), found.is_cut) == (MOST_PATHS, MOST_FOUND - MOST_PATHS, True)


# ---- chains with names, and what rules leave

GROUPS = """
[[chain]]
name = "chain"
via = ["ix", "jp-us", "landing"]
[[rule]]
name = "games"
user = "game"
chain = "chain"
"""


def file_of(folder: Path, more: str, network: str = NETWORK) -> Path:
    file = folder / "paths.toml"
    file.write_text(network + more)
    return file


def left(config: IngressConfig, at: int = 0) -> list[str]:
    return sorted(config.leaves(config.rules[at]) or ())


def test_smart_and_chain_stand_beside_each_other(tmp_path: Path) -> None:
    """All paths for everybody, and for one rule only those from a group of lines over another to a group of nodes."""
    config = load(file_of(tmp_path, GROUPS.replace("user =", "client =").replace('"game"', '"10.0.0.7"')))
    assert len(config.paths.used) == 6
    assert (config.usual, config.warnings) == (None, ())
    assert left(config) == ["ix-a/dmit/d-a", "ix-a/dmit/d-b", "ix-b/nube/n-a"]


def test_beside_unnamed_chains_named_ones_are_for_their_rules_alone(tmp_path: Path) -> None:
    config = load(file_of(tmp_path, GROUPS + '[[chain]]\nvia = ["ix-a", "cross"]\n[[rule]]\navoid = "land-b"\n'))
    assert [path.name for path in config.paths.used] == [
        "ix-a/cross",
        "ix-a/dmit/d-a",
        "ix-a/dmit/d-b",
        "ix-b/nube/n-a",
    ]
    assert config.usual == {"ix-a/cross"}
    assert left(config) == ["ix-a/dmit/d-a", "ix-a/dmit/d-b", "ix-b/nube/n-a"]
    assert left(config, 1) == ["ix-a/cross"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ('via = ["ix", "us-nube"]', ["ix-a/cross", "ix-b/nube"]),
        ('via = ["ix", "us-nube"]\navoid = "cross"', ["ix-b/nube"]),
        ('chain = ["chain", "short"]\navoid = "jp-dmit"', ["ix-b/nube", "ix-b/nube/n-a"]),
        ('avoid = ["landing"]', []),
        ('avoid = ["nube-inc"]', ["ix-a/cross", "ix-a/cross/n-a", "ix-a/dmit/d-a", "ix-a/dmit/d-b"]),
        ('avoid = ["ix-b", "d-a", "n-a"]', ["ix-a/cross", "ix-a/dmit/d-b"]),
        ('avoid = "us-dmit"\nexit = "land-a"', ["ix-a/cross", "ix-a/cross/n-a", "ix-b/nube", "ix-b/nube/n-a"]),
    ],
)
def test_a_rule_leaves_what_it_follows_less_what_it_avoids(tmp_path: Path, rule: str, expected: list[str]) -> None:
    named = '[[chain]]\nname = "chain"\nvia = ["ix", "jp-us", "landing"]\n'
    named += '[[chain]]\nname = "short"\nvia = ["ix", "us-nube"]\n'
    network = NETWORK.replace('from = "jp-nube"', 'provider = "nube-inc"\nfrom = "jp-nube"')
    config = load(file_of(tmp_path, f"{named}[[rule]]\n{rule}\n", network))
    assert left(config) == expected
    assert ("leaves no path of shanghai" in " ".join(config.warnings)) == (not expected)


def test_a_rule_that_says_nothing_of_paths_leaves_the_usual_ones(tmp_path: Path) -> None:
    config = load(file_of(tmp_path, '[[rule]]\nexit = "land-a"\n'))
    assert config.leaves(config.rules[0]) is None


def test_what_does_nothing_is_told(tmp_path: Path) -> None:
    more = '[[chain]]\nname = "unused"\nvia = ["ix", "us-nube"]\n[[rule]]\navoid = "spare"\n'
    network = NETWORK + '[line.spare]\nfrom = "land-a"\nto = "jp-dmit"\n'
    told = " | ".join(load(file_of(tmp_path, more, network)).warnings)
    assert 'chain unused: no rule says chain = "unused": it does nothing' in told
    assert "avoids spare, and no path touches that; take it out" in told


def test_names_and_restrictions_are_shown_as_they_were_understood(tmp_path: Path) -> None:
    more = '[[rule]]\nvia = ["ix", "us-nube"]\navoid = ["cross"]\nelse = "any"\n'
    file = file_of(tmp_path, GROUPS + more)
    shown = as_toml(read_file(file))
    assert 'name = "chain"\nvia = ["ix", "jp-us", "landing"]' in shown
    assert 'via = ["ix", "us-nube"]\navoid = ["cross"]\nelse = "any"' in shown
    file.write_text(shown)
    assert as_toml(read_file(file)) == shown


def test_each_ingress_has_its_own_of_a_chain(tmp_path: Path) -> None:
    more = '[ingress.beijing]\nlisten = "127.0.0.1:1081"\n[line.bj]\nfrom = "beijing"\nto = "jp-nube"\ngroup = "ix"\n'
    file = file_of(tmp_path, GROUPS + more)
    assert left(load(file, "beijing")) == ["bj/nube/n-a"]
    assert len(left(load(file, "shanghai"))) == 3


def test_what_is_named_is_kept_before_the_rest_is_cut() -> None:
    nodes = {name: Node(name, Address("a", 1), (), exit=name == "x") for name in ("j", "x")}
    lines = [Line(f"a{n}", "in", "j", Address("a", 1)) for n in range(3)]
    lines += [Line(f"b{n}", "j", "x", Address("a", 1)) for n in range(30)]
    network = Network(("in",), nodes, {line.name: line for line in lines})
    found = find(network, "in", [Chain("", ("a2", "b29"), "one")], [Chain("", ("a1", "b28"))])
    names = [path.name for path in found.paths.used]
    assert len(names) == MOST_PATHS and {"a2/b29", "a1/b28"} <= set(names)
    assert not {path.name for path in found.paths.spare} & set(names)
    assert len(found.paths.spare) == 90 - MOST_PATHS and found.usual is None
