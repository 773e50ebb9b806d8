"""Paths that are written down: exactly those that follow a chain, and a word about every one that nothing follows."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.config import load, read_file
from ingress.config.chains import Chain, follow, walks
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
