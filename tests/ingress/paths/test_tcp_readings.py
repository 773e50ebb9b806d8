"""What TCP knows of lines: our own carriers, those that are gone included, and what nodes tell of what they send."""

import pytest

from ingress.choice.cost import HEARSAY_MOST
from ingress.measure.directions import Direction
from ingress.paths.path_carried import PathCarried
from ingress.paths.tcp_readings import EVERY, sent_by_line
from relay.engine import Tls
from relay.model.sent import Sent
from relay.model.vitals import LineReport
from relay.wire.status import Status, status
from tests.ingress.paths.fleet_bed import INGRESS, FleetBed, with_bed


def tells(bed: FleetBed, node: str, line: str, sent: Sent) -> None:
    bed.nodes[node].say(status(Status(bytes(8), 0, (LineReport(line, sent=sent),))))


async def keep_telling(bed: FleetBed, node: str, line: str, share: float, times: int = 4) -> None:
    """*node* says that so much of what it sends over *line* is lost, in thousands of segments."""
    for count in range(times):
        segments = 10_000 * count + 1
        tells(bed, node, line, Sent(segments, round(segments * share), 0, 1000 * segments))
        await bed.run(float(EVERY))


def known(bed: FleetBed, line: str) -> list[Direction]:
    return bed.fleet.network_monitor.directions.of(line)


@with_bed()
async def test_what_a_node_tells_of_its_line_is_read_once_and_concluded(bed: FleetBed) -> None:
    await bed.up()
    await keep_telling(bed, "us", "pacific", 0.01)
    (one,) = known(bed, "pacific")
    assert (one.start, one.end, one.is_told, one.loss.segments) == ("us", "jp", True, 30_000)
    assert one.loss.share == pytest.approx(0.01, abs=0.001) and one.is_lossy
    await bed.run(2.0 * EVERY)  # the same words again are no news
    assert known(bed, "pacific")[0].loss.segments == 30_000


@with_bed()
async def test_c7_a_node_is_heard_of_its_own_lines_only(bed: FleetBed) -> None:
    await bed.up()
    await keep_telling(bed, "jp", "direct", 0.5)
    assert known(bed, "direct") == []
    await keep_telling(bed, "jp", "ix", 0.5)
    assert [one.start for one in known(bed, "ix")] == ["jp"]  # what we send over it, we know ourselves


@with_bed()
async def test_c7_a_relay_that_lies_worsens_its_own_lines_a_little_and_betters_none(bed: FleetBed) -> None:
    """It says that all it sends is lost; and of another's line, that nothing is."""
    await bed.up()
    await bed.run(2.0)
    before = {entry.name: entry.cost for entry in bed.fleet.chooser.ranking.order}
    for line in ("ix", "pacific", "direct"):
        await keep_telling(bed, "jp", line, 1.0)
    after = {entry.name: entry.cost for entry in bed.fleet.chooser.ranking.order}
    assert after["direct"] == pytest.approx(before["direct"], abs=0.002)
    assert before["ix/pacific"] + 0.04 < after["ix/pacific"] <= before["ix/pacific"] + 2 * HEARSAY_MOST + 0.002
    await keep_telling(bed, "jp", "ix", 0.0, times=20)
    await keep_telling(bed, "jp", "pacific", 0.0, times=20)
    best = {entry.name: entry.cost for entry in bed.fleet.chooser.ranking.order}
    assert best["ix/pacific"] >= before["ix/pacific"] - 0.002


@with_bed()
async def test_what_we_send_is_counted_by_line_and_stays_when_carriers_end(
    bed: FleetBed,
) -> None:
    bed.patch.setattr(Tls, "sent", lambda self: Sent(1000, 10, 1, 10**6, None if self.closed else 5e5))
    await bed.up()
    spares = {name: len(list(live.links)) for name, live in bed.live.items()}
    found = sent_by_line(bed.live.values())
    assert set(found) == {"direct", "ix"}
    assert found["ix"].segments == 1000 * sum(count for name, count in spares.items() if name.startswith("ix"))
    before = bed.live["direct"].carried.sent(bed.live["direct"].links)
    bed.cut("direct")
    await bed.until(lambda: bed.live["direct"].thin is not None)
    after = bed.live["direct"].carried.sent(bed.live["direct"].links)
    assert after.segments > before.segments and after.rate == 5e5


@with_bed()
async def test_our_own_direction_is_measured_not_told(bed: FleetBed) -> None:
    segments = 0

    def sent(self: PathCarried, links: object) -> Sent:
        return Sent(segments, segments // 50, 0, segments * 1000)

    bed.patch.setattr(PathCarried, "sent", sent)
    await bed.up()
    for _ in range(4):
        segments += 10_000
        await bed.run(float(EVERY))
    (one,) = known(bed, "direct")
    assert (one.start, one.end, one.is_told) == (INGRESS, "us", False)
    assert one.loss.share == pytest.approx(0.02, abs=0.001)
