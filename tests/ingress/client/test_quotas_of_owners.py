"""Who has used a quota by an allowance may open nothing, and is slow whatever its rate, until there is room again."""

from collections.abc import Iterator
from typing import Any

import pytest

from ingress.client.allowances import Allowances
from ingress.client.owner import SLOW
from ingress.config.allowance import Allowance, RateBounds
from ingress.quota.tallies import KeptTallies
from relay.engine import Loop
from relay.model.quota import Each, Quota

QUOTA = Quota(amount=1000, each=Each.DAY, zone="UTC")
DAY = 86400.0


Told = list[dict[str, Any]]


class Clock:
    def __init__(self) -> None:
        self.now = 1.8e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    events: Told = []
    monkeypatch.setattr("relay.log.event", lambda name, /, **fields: events.append(fields))
    return events


async def test_a_quota_that_is_used_refuses_and_slows_down(loop: Loop, told: Told) -> None:
    clock = Clock()
    allowances = Allowances(loop, KeptTallies(clock))
    allowances.use((Allowance(users=("*",), rate=RateBounds(None, 1e6), quota=QUOTA),))
    ann, bob = allowances.find("ann", "10.0.0.1"), allowances.find("bob", "10.0.0.1")
    assert ann is not None and bob is not None and ann.buckets is not None and ann.buckets.up is None
    allowances.used("ann", "10.0.0.1", 400, 599)
    assert allowances.heed_quotas() == set() and allowances.may_open(ann)
    allowances.used("ann", "10.0.0.9", 1, 0)
    assert allowances.heed_quotas() == {ann}
    for is_association in (False, True):
        assert not allowances.may_open(ann, is_association=is_association) and allowances.may_open(bob)
    assert [one["what"] for one in told] == ["quota"]
    assert ann.buckets is not None and ann.buckets.up is not None and ann.buckets.down is not None
    assert ann.buckets.up.rate == ann.buckets.down.rate == SLOW
    assert [(tally.used, name) for tally, name, _ in allowances.quotas()] == [(1000, "ann"), (0, "bob")]
    clock.now += DAY
    assert allowances.heed_quotas() == {ann} and allowances.may_open(ann)
    assert ann.buckets.up is None and ann.buckets.down is not None and ann.buckets.down.rate == 1e6


async def test_a_rate_that_is_slower_still_stays(loop: Loop, told: Told) -> None:
    allowances = Allowances(loop, KeptTallies(Clock()))
    allowances.use((Allowance(users=("*",), rate=RateBounds(500.0, 1e6), quota=QUOTA),))
    allowances.used("ann", "10.0.0.1", 1000, 0)
    ann = allowances.find("ann", "10.0.0.1")
    allowances.heed_quotas()
    assert ann is not None and ann.buckets is not None and ann.buckets.up is not None and ann.buckets.down is not None
    assert (ann.buckets.up.rate, ann.buckets.down.rate) == (500.0, SLOW)


async def test_a_reload_keeps_what_was_used_wherever_it_stands(loop: Loop, told: Told) -> None:
    allowances = Allowances(loop, KeptTallies(Clock()))
    whole = Allowance(users=("*",), quota=QUOTA)
    allowances.use((whole,))
    allowances.used("ann", "10.0.0.1", 2000, 0)
    allowances.use((Allowance(users=("eve",), streams=1), whole))
    ann = allowances.find("ann", "10.0.0.1")
    assert ann is not None and ann.is_slow and allowances.heed_quotas() == set()
    allowances.use((Allowance(users=("*",), streams=1),))
    allowances.used("ann", "10.0.0.1", 1, 0)
    assert not allowances.has_quotas and allowances.heed_quotas() == set() and allowances.quotas() == []
    assert not told


async def test_who_shares_one_uses_one(loop: Loop, told: Told) -> None:
    allowances = Allowances(loop, KeptTallies(Clock()))
    allowances.use((Allowance(users=("ann", "bob"), together=True, quota=QUOTA), Allowance(users=("*",), streams=9)))
    assert Allowance(users=("ann", "bob"), together=True).subject == "ann bob together"
    allowances.used("ann", "10.0.0.1", 500, 0)
    allowances.used("bob", "10.0.0.1", 500, 0)
    allowances.used("eve", "10.0.0.1", 500, 0)
    allowances.used("", "10.0.0.1", 500, 0)
    (owner,) = allowances.heed_quotas()
    assert owner.name == "an allowance"


async def test_where_nothing_is_counted_a_quota_bounds_nothing(loop: Loop) -> None:
    allowances = Allowances(loop)
    allowances.use((Allowance(users=("*",), quota=QUOTA),))
    ann = allowances.find("ann", "10.0.0.1")
    assert ann is not None and ann.tally is None and ann.buckets is None and not allowances.has_quotas
    assert allowances.near(0.0, 9) == []


def near(allowances: Allowances, most: int = 9) -> list[tuple[float, str]]:
    return [(tally.fraction, name) for tally, name, _ in allowances.near(0.8, most)]


async def test_who_is_near_is_known_also_after_a_restart_before_he_comes_again(loop: Loop, told: Told) -> None:
    clock = Clock()
    before = KeptTallies(clock)
    allowances, whole = Allowances(loop, before), Allowance(users=("*",), quota=QUOTA)
    allowances.use((whole,))
    for user, used in (("ann", 1000), ("bob", 799), ("eve", 800)):
        allowances.used(user, "10.0.0.1", used, 0)
    assert near(allowances) == [(1.0, "ann"), (0.8, "eve")] and near(allowances, 1) == [(1.0, "ann")]
    after = KeptTallies(clock)
    allowances = Allowances(loop, after)
    allowances.use((whole,))
    assert near(allowances) == []
    after.recall(dict(before.everything()), {})
    assert near(allowances) == [(1.0, "ann"), (0.8, "eve")] and len(allowances) == 0
    clock.now += DAY
    assert near(allowances) == []


async def test_who_falls_under_another_allowance_now_is_not_near_that_one(loop: Loop, told: Told) -> None:
    allowances, whole = Allowances(loop, KeptTallies(Clock())), Allowance(users=("*",), quota=QUOTA)
    allowances.use((whole,))
    for user in ("ann", "bob"):
        allowances.used(user, "10.0.0.1", 900, 0)
    together = Allowance(users=("eve", "joe"), together=True, quota=QUOTA, place="allowance 2")
    allowances.use((Allowance(users=("ann",), streams=9), together, whole))
    allowances.used("eve", "10.0.0.1", 950, 0)
    assert near(allowances) == [(0.95, "allowance 2"), (0.9, "bob")]
