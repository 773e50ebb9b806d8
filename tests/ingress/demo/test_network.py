"""The demo's files: read by the very readers of the public commands."""

import json
from pathlib import Path

from ingress.config import load
from ingress.demo.network import EXITS, INGRESS, REFERENCE, TARGET_NAME, DemoLine, DemoNetwork


def test_paths_toml_is_a_file_without_mistakes(tmp_path: Path) -> None:
    demo = DemoNetwork(tmp_path)
    demo.write()
    config = load(demo.config)
    assert (config.name, config.warnings) == (INGRESS, ())
    assert set(config.network.lines) == {line.name for line in REFERENCE}
    assert [node.name for node in config.network.nodes.values() if node.exit] == list(EXITS)
    assert all(str(line.proxy and line.proxy.address.port) == str(demo.ports[name])
               for name, line in config.network.lines.items())  # fmt: skip
    assert len(config.paths.used) == 12


def test_each_exit_knows_the_target_by_an_address_of_its_own(tmp_path: Path) -> None:
    demo = DemoNetwork(tmp_path)
    demo.write()
    hosts = {load(demo.config).network.nodes[name].hosts for name in EXITS}
    texts = {Path(str(file)).read_text() for file in hosts}
    assert texts == {f"127.0.1.{number} {TARGET_NAME}\n" for number in (1, 2)}


def test_a_smaller_network_has_the_nodes_of_its_lines(tmp_path: Path) -> None:
    lines = (DemoLine("a", INGRESS, "one", 0.01), DemoLine("b", "one", "two", 0.02, loss=0.5))
    demo = DemoNetwork(tmp_path, lines, exits=("two",))
    demo.write()
    assert (demo.nodes, demo.exits) == (("one", "two"), ("two",))
    emulated = json.loads(demo.emulator_config.read_text())["lines"]
    conditions = {"round_trip": 0.02, "jitter": 0.0, "loss": 0.5}
    assert emulated["b"] == {"port": demo.ports["b"], "datagrams": demo.ports["two"], **conditions}


def test_no_port_is_used_twice(tmp_path: Path) -> None:
    ports = DemoNetwork(tmp_path).ports
    assert len(set(ports.values())) == len(ports)
