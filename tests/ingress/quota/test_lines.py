"""Lines with a quota: which are near it, which have used it, and what they are told."""

import datetime

import attrs

from ingress.quota.lines import LineQuotas, effect
from ingress.quota.tallies import KeptTallies
from relay.model.network import Address, Line
from relay.model.quota import Counts, Quota

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC).timestamp()
PLAIN = Line("plain", "sh", "us", Address("x", 1))
QUOTA = Quota(amount=1000, day=5, zone="UTC", stops=True, shares=(("sh", 0.5), ("bj", 0.5)))
STOPS = attrs.evolve(PLAIN, name="stops", quota=QUOTA)
LASTS = attrs.evolve(PLAIN, name="lasts", quota=Quota(amount=1000, zone="UTC"))
RATED = attrs.evolve(PLAIN, name="rated", quota=Quota(counts=Counts.P95, amount=1.0, zone="UTC"))


def test_a_line_is_a_backup_near_its_quota_and_closed_if_that_is_to_stop_it() -> None:
    quotas = LineQuotas("sh", KeptTallies(lambda: NOW))
    quotas.plan([PLAIN, STOPS, LASTS])
    assert list(quotas.tallies) == ["stops", "lasts"]
    quotas.add("plain", 10**9, 0)
    assert quotas.look() == [] and quotas.stand_in() == quotas.closed() == {}
    quotas.add("stops", 450, 0)
    quotas.add("lasts", 900, 300)
    assert [(one.line, one.state) for one in quotas.look()] == [("stops", "near"), ("lasts", "used")]
    assert quotas.look() == []
    assert quotas.stand_in() == {
        "stops": "the quota of line stops is nearly used, until 2026-12-05",
        "lasts": "the quota of line lasts is used, until 2026-12-01",
    }
    assert quotas.closed() == {}
    quotas.add("stops", 50, 0)
    assert [(one.line, one.state) for one in quotas.look()] == [("stops", "used")]
    assert quotas.closed() == {"stops": "the quota of line stops is used, until 2026-12-05"}
    assert list(quotas.stand_in()) == ["lasts"]


def test_a_new_period_lifts_it_and_a_reload_keeps_what_was_counted() -> None:
    now = NOW
    quotas = LineQuotas("sh", KeptTallies(lambda: now))
    quotas.plan([STOPS])
    quotas.add("stops", 500, 0)
    quotas.look()
    quotas.plan([STOPS, LASTS])
    assert quotas.look() == [] and list(quotas.closed()) == ["stops"]
    quotas.plan([attrs.evolve(STOPS, quota=attrs.evolve(QUOTA, amount=1100))])
    assert [one.state for one in quotas.look()] == ["near"]
    now += 20 * 86400
    assert [one.state for one in quotas.look()] == ["fresh"]
    assert quotas.stand_in() == quotas.closed() == {}


def test_a_percentile_makes_no_backup_and_has_no_sum_to_set() -> None:
    now = NOW
    quotas = LineQuotas("sh", KeptTallies(lambda: now))
    quotas.plan([RATED, STOPS])
    tally = quotas.tallies["rated"]
    now = tally.running.start + 10
    quotas.add("rated", 10**9, 0)
    now += 300
    assert [one.state for one in quotas.look()] == ["used"]
    assert effect(tally) == "none" and quotas.stand_in() == quotas.closed() == {}
    assert quotas.set("rated", 1) is None and quotas.set("plain", 1) is None
    found = quotas.set("stops", 800)
    assert found is not None and found.used == 400
