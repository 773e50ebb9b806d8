"""The text that Prometheus reads. The library is imported by who serves it, not by every command."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from ingress.measure.histogram import Histogram
from ingress.metrics.facts import Facts
from ingress.metrics.ledger import CounterLedger
from ingress.metrics.samples import Sample, samples
from ingress.metrics.table import METRICS, Metric, Sort

__all__ = ["CONTENT_TYPE_LATEST", "exposition"]


class FactsCollector(Collector):
    """Gives what it was made of, once."""

    def __init__(self, found: Iterable[Sample], histograms: Sequence[tuple[str, Histogram]]) -> None:
        self._found = found
        self._histograms = histograms

    def collect(self) -> Iterator[Family]:
        """All families of the table that have samples, in its order."""
        families = {name: _family(metric) for name, metric in METRICS.items() if metric.sort is not Sort.HISTOGRAM}
        for name, labels, value in self._found:
            families[name].add_metric(labels, value)
        yield from (family for family in families.values() if family.samples)
        for name, histogram in self._histograms:
            yield _histogram(METRICS[name], histogram)


def exposition(facts: Facts, ledger: CounterLedger) -> bytes:
    """*facts* as text; counters go on from where *ledger* has them."""
    registry = CollectorRegistry(auto_describe=False)
    histograms = (("ingress_open_seconds", facts.opens), ("ingress_pause_seconds", facts.pauses))
    registry.register(FactsCollector(samples(facts, ledger), histograms))
    return generate_latest(registry)


def _family(metric: Metric) -> GaugeMetricFamily | CounterMetricFamily:
    made = CounterMetricFamily if metric.sort is Sort.COUNTER else GaugeMetricFamily
    return made(metric.name, metric.help, labels=metric.labels)


def _histogram(metric: Metric, one: Histogram) -> HistogramMetricFamily:
    so_far, buckets = 0, []
    for bound, count in zip((*map(str, one.bounds), "+Inf"), one.counts, strict=True):
        so_far += count
        buckets.append((bound, so_far))
    return HistogramMetricFamily(metric.name, metric.help, buckets=buckets, sum_value=one.total)
