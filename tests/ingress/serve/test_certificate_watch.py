"""A certificate that comes near its end is told once, and once more when another is in its place."""

from collections.abc import Callable, Iterator

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from ingress.history.said import names_in, sentence
from ingress.serve.certificate_watch import EVERY, CertificateWatch
from ingress.serve.running import Running
from relay import log
from relay.identity import EXPIRY_WARNING
from tests.world import INGRESS, Journal, World

DAY = 86400.0
NOW = 1.8e9
SOON, RENEWED = "certificate-ends-soon", "certificate-renewed"
Told = list[tuple[str, object, object]]


@pytest.fixture
def told() -> Iterator[Told]:
    heard: Told = []
    end = log.subscribe((SOON, RENEWED), lambda event, _, fields: heard.append((event, fields["name"], fields["ends"])))
    yield heard
    end()


def test_the_end_is_told_once_and_a_new_one_too(told: Told) -> None:
    wall, ends = NOW, {"us": NOW + EXPIRY_WARNING + DAY, "jp": NOW + 300 * DAY}
    watch = CertificateWatch(lambda: ends, lambda: wall)
    watch.look()
    assert told == []
    wall += DAY + 1
    for _ in range(3):
        watch.look()
    assert told == [(SOON, "us", "2027-02-15")]
    us = ends.pop("us")
    watch.look()
    ends["us"] = us  # it was away, and has the one that it had
    watch.look()
    assert len(told) == 1
    ends["us"] = NOW + 400 * DAY
    watch.look()
    watch.look()
    assert told[1:] == [(RENEWED, "us", "2028-02-19")]


def test_one_that_is_renewed_for_a_week_is_told_to_end_as_well(told: Told) -> None:
    ends = {"us": NOW - DAY}
    watch = CertificateWatch(lambda: ends, lambda: NOW)
    watch.look()
    ends["us"] = NOW + 7 * DAY
    watch.look()
    assert [event for event, *_ in told] == [SOON, RENEWED, SOON]


async def test_it_is_looked_once_a_minute(told: Told, nursery: trio.Nursery, mock_clock: MockClock) -> None:
    ends = {"us": NOW + 300 * DAY}
    nursery.start_soon(CertificateWatch(lambda: ends, lambda: NOW).watch)
    await wait_all_tasks_blocked()
    ends["us"] = NOW + DAY
    await wait_all_tasks_blocked()
    assert told == []
    mock_clock.jump(EVERY)
    await wait_all_tasks_blocked()
    assert told == [(SOON, "us", "2027-01-16")]
    nursery.cancel_scope.cancel()


async def test_that_of_the_ingress_itself_is_looked_at(
    make_running: Callable[..., tuple[World, Running]], journal: Journal
) -> None:
    running = make_running()[1]
    running.identity = attrs.evolve(running.identity, expires=NOW - 900 * DAY)
    running.certificates.look()
    assert [fields["name"] for fields in journal.of(SOON)] == [INGRESS]


def test_it_is_kept_with_whose_it_is() -> None:
    fields = {"name": "us", "ends": "2027-02-15"}
    assert names_in(SOON, fields) == ("us", "")
    assert sentence(SOON, fields).startswith("the certificate of us is good until 2027-02-15: run `ingress keys")
    assert sentence(RENEWED, fields, "zh") == "us 的证书已续期，有效期到 2027-02-15"
