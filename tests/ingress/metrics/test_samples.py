"""What is told of a report: every name is in the table, with its labels; counters never go back."""

import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ingress.measure.histogram import OPEN_BOUNDS, PAUSE_BOUNDS, Histogram
from ingress.metrics.exposition import exposition
from ingress.metrics.facts import Facts
from ingress.metrics.ledger import MOST_WORDS, CounterLedger
from ingress.metrics.samples import samples
from ingress.metrics.table import METRICS, Metric, Sort
from ingress.report.rows import DatagramRow, HoldRow, NodeRow, Report, ToldRow
from relay.model.vitals import ConnectedIngress, InUse, Vitals
from tests.ingress.report.running import Running

ROOT = Path(__file__).parents[3]
VITALS = Vitals(9.0, 1.5, 0.2, 0.001, 0.02, 1 << 26, InUse(5, 10), InUse(7, 1024), 1.8e9)
TOLD = ToldRow(
    3.0, VITALS, (ConnectedIngress("sh", 1, 2, 3),), (), {}, {"limit": 4, "made_up": 9}, {"policy": 5, "x": 1}
)
NODES = [
    NodeRow("us1", True, "up", "0.1.0", told=TOLD, clock_offset=-0.5),
    NodeRow("jp1", False, "auth", None, told=ToldRow(1.0, None, (), (), {}, {}, {})),
    NodeRow("jp2", False, "down", draining=True, stale_config=True),
]
DATAGRAMS = DatagramRow(True, "", "primary", [], 0.1, 0.004, 0.01, None, 1200, 0.025, 7)


def facts(**more: object) -> Facts:
    found = Running().report(5.0)
    paths = [attrs.evolve(found.paths[0], datagrams=DATAGRAMS), *found.paths[1:]]
    holds = [HoldRow("ix2", 1.0, None, "ix2 is held")]
    report = attrs.evolve(found, nodes=NODES, paths=paths, holds=holds, counters={"strangers_evicted": 3})
    made = Facts(
        report,
        "0.1",
        Histogram(OPEN_BOUNDS),
        Histogram(PAUSE_BOUNDS),
        ["us1"],
        2e9,
        {"us1": 2.1e9},
        {"done": 1},
        {},
        True,
    )
    return attrs.evolve(made, **more)


def told(found: Facts, ledger: CounterLedger | None = None) -> dict[tuple[str, ...], float]:
    """By name and the values of labels."""
    return {(name, *labels): value for name, labels, value in samples(found, ledger or CounterLedger())}


def test_every_sample_is_in_the_table_once_with_its_labels() -> None:
    found = list(samples(facts(), CounterLedger()))
    assert len({(name, labels) for name, labels, _ in found}) == len(found)
    assert all(len(labels) == len(METRICS[name].labels) for name, labels, _ in found)


def test_what_is_known_is_told_in_base_units() -> None:
    found = told(facts())
    assert found["ingress_info", "sh", "0.1"] == 1
    assert found["ingress_path_round_trip_seconds", "ix1/j1u", "us1"] == pytest.approx(0.13)
    assert found["ingress_path_state", "ix1/j1u", "us1", "up"] == 1
    assert found["ingress_path_streams_lost_total", "ix1/j1u", "us1", "exit-lost"] == 1
    assert found["ingress_path_datagram_loss_ratio", "ix1/j1u", "us1", "up"] == 0.01
    assert ("ingress_path_datagram_loss_ratio", "ix1/j1u", "us1", "down") not in found
    assert found["ingress_line_held", "ix2"] == 1 and found["ingress_line_held", "ix1"] == 0
    assert found["ingress_line_bytes_total", "ix1", "down"] == found["ingress_line_bytes_total", "j1u", "down"] == 1000
    assert found["ingress_exit_sick", "us1"] == 1 and found["ingress_bound_reached_total", "strangers_evicted"] == 3


def test_what_nodes_tell_is_told_under_names_that_are_known() -> None:
    found = told(facts())
    assert found["ingress_node_state", "jp1", "refused"] == 1 and found["ingress_node_state", "jp2", "down"] == 1
    assert found["ingress_node_refusals_total", "us1", "limit"] == 4
    assert found["ingress_node_failures_total", "us1", "policy"] == 5
    assert not [key for key in found if {"made_up", "x"} & set(key)]
    assert found["ingress_node_clock_offset_seconds", "us1"] == -0.5
    assert found["ingress_node_certificate_expiry_timestamp_seconds", "us1"] == 2.1e9
    assert found["ingress_node_descriptors_limit", "us1"] == 1024 and found["ingress_node_streams", "us1"] == 3
    assert ("ingress_node_told_age_seconds", "jp2") not in found
    assert found["ingress_node_draining", "jp2"] == found["ingress_node_stale_config", "jp2"] == 1


def test_a_node_that_tells_ever_new_versions_makes_no_more_series() -> None:
    ledger, first = CounterLedger(), facts()
    for number in range(2 * MOST_WORDS):
        node = attrs.evolve(NODES[0], version=f"9.{number}")
        found = told(facts(report=attrs.evolve(first.report, nodes=[node])), ledger)
    assert found["ingress_node_info", "us1", "other", "exit"] == 1
    assert ledger.word("9.3") == "9.3"


def gone(report: Report, path: str) -> Report:
    """*report* without *path*."""
    return attrs.evolve(report, paths=[row for row in report.paths if row.path != path])


def test_a_path_that_leaves_and_returns_takes_nothing_back() -> None:
    ledger, first = CounterLedger(), facts()
    name = "ingress_line_bytes_total", "ix1", "down"
    assert told(first, ledger)[name] == 1000
    assert told(facts(report=gone(first.report, "ix1/j1u")), ledger)[name] == 1000
    paths = [attrs.evolve(row, bytes_down=30) if row.path == "ix1/j1u" else row for row in first.report.paths]
    again = told(facts(report=attrs.evolve(first.report, paths=paths)), ledger)
    assert again[name] == again["ingress_path_bytes_total", "ix1/j1u", "us1", "down"] == 1030


@given(st.lists(st.floats(0, 1e9)))
def test_a_counter_never_goes_back_and_counts_what_was_added(values: list[float]) -> None:
    ledger, so_far, last, whole = CounterLedger(), 0.0, 0.0, 0.0
    for value in values:
        whole += value - last if value >= last else value
        last = value
        stands = ledger.count("x_total", ("a",), value)
        assert stands >= so_far and stands == pytest.approx(whole)
        so_far = stands
    assert dict(ledger.totals("x_total")) == ({("a",): so_far} if values else {}) and not list(ledger.totals("y_total"))


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_each_in_its_bucket(values: list[float]) -> None:
    made = Histogram((1.0, 2.0, 5.0))
    for value in values:
        made.note(value)
    parts = [(-1.0, 1.0), (1.0, 2.0), (2.0, 5.0), (5.0, 1e9)]
    assert made.counts == [sum(low < value <= high for value in values) for low, high in parts]
    assert made.total == pytest.approx(sum(values)) and str(len(values)) in repr(made)


def test_the_text_is_what_prometheus_reads() -> None:
    opens = Histogram(OPEN_BOUNDS)
    for took in (0.02, 0.16, 99.0):
        opens.note(took)
    text = exposition(facts(opens=opens), CounterLedger()).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {_plain(METRICS[name]) for name in METRICS} >= set(families)
    buckets = {one.labels["le"]: one.value for one in families["ingress_open_seconds"].samples if "le" in one.labels}
    assert (buckets["0.025"], buckets["0.2"], buckets["+Inf"]) == (1, 2, 3)
    assert families["ingress_path_bytes"].type == "counter" and families["ingress_streams"].type == "gauge"


def _plain(metric: Metric) -> str:
    return metric.name.removesuffix("_total")


def test_names_are_as_prometheus_wants_them() -> None:
    for metric in METRICS.values():
        assert re.fullmatch(r"ingress_[a-z0-9_]+", metric.name) and metric.help
        assert metric.name.endswith("_total") == (metric.sort is Sort.COUNTER), metric.name
        assert not re.search(r"_(ms|kib|mb|percent|minutes)(_|$)", metric.name)
        assert not {"user", "client", "target", "host", "site"} & set(metric.labels), "bounded"


ROW = re.compile(r"^\| `(ingress_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", re.MULTILINE)


def test_the_table_of_the_documents_is_that_of_the_code() -> None:
    rows = ROW.findall((ROOT / "docs" / "metrics.md").read_text())
    said = [
        Metric(name, Sort(sort), tuple(re.findall(r"`(\w+)`", labels)), help_) for name, sort, labels, help_ in rows
    ]
    assert said == list(METRICS.values())


def named(file: str) -> Sequence[str]:
    """The metrics that the expressions of a *file* name."""
    found = set(re.findall(r"\bingress_[a-z0-9_]+", (ROOT / "deploy" / file).read_text()))
    return sorted({re.sub(r"_(bucket|sum|count)$", "", name) for name in found})


@pytest.mark.parametrize("file", ["prometheus-rules.yml", "grafana.json"])
def test_rules_and_dashboard_name_what_there_is(file: str) -> None:
    assert len(named(file)) > 10 and set(named(file)) <= set(METRICS)
