"""The lines that other programs are given: the same as ours, and for some with a port that asks nothing."""

from pathlib import Path

from bench.survive.peers.rival import CHAINS, LINES, PlainNetwork
from ingress.demo.network import DemoNetwork


def test_a_plain_line_leads_to_the_node_at_its_end_and_is_otherwise_the_same(tmp_path: Path) -> None:
    network = PlainNetwork(tmp_path, LINES)
    plain, usual = network.emulated_lines(), DemoNetwork.emulated_lines(network)
    leads_to = {line: conditions.pop("node") for line, conditions in plain.items()}
    ends = {line: node for first, relay, second, exit_ in CHAINS for line, node in ((first, relay), (second, exit_))}
    assert leads_to == {line: network.ports[node] for line, node in ends.items()}
    assert plain == usual
