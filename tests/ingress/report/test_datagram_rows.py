"""What is told of datagrams, path by path."""

import attrs
import pytest

from ingress.measure.network_monitor import NetworkMonitor
from ingress.report.datagram_rows import datagram_row
from ingress.report.rows import DatagramRow
from ingress.report.snapshot import Snapshot
from tests.ingress.paths.datagram_bed import DatagramBed, Player
from tests.ingress.paths.fleet_bed import INGRESS, with_bed

LINES = (("a", INGRESS, "us"), ("b", INGRESS, "us"), ("ix", INGRESS, "jp"), ("pacific", "jp", "us"))


def rows(bed: DatagramBed) -> dict[str, DatagramRow | None]:
    monitor = NetworkMonitor((), (), bed.loop.now)
    snapshot = Snapshot("sh", "now", bed.loop.now, monitor, bed.fleet.chooser.ranking, (), ways=bed.datagrams.ways)
    return {path.name: datagram_row(snapshot, path) for path in bed.found.used}


@with_bed(LINES, kind=DatagramBed)
async def test_who_is_primary_what_it_measures_and_who_carries_none(bed: DatagramBed) -> None:
    bed.takes = None
    await bed.up()
    player = Player(bed)
    for _ in range(3):
        player.send()
        await bed.run(0.5)
    found = rows(bed)
    primary, spare, old = found["a"], found["b"], found["ix/pacific"]
    assert primary is not None and spare is not None and old is not None
    assert (primary.role, primary.carries, primary.why, primary.sent, primary.in_tcp) == ("primary", True, "", 3, [])
    assert primary.round_trip == pytest.approx(0.06, abs=0.001) and primary.interval is not None
    assert (primary.loss_up, primary.loss_down, primary.jitter) == (0, 0, pytest.approx(0, abs=0.001))
    assert (spare.role, spare.sent) == ("spare", 0), "copies are none of its own"
    assert (old.role, old.carries, old.why) == ("", False, "no UDP: update jp")
    assert old.round_trip is old.jitter is old.loss_up is old.interval is None
    assert set(attrs.asdict(primary)) == {field.name for field in attrs.fields(DatagramRow)}


@with_bed(LINES[:1], kind=DatagramBed)
async def test_what_is_never_answered_goes_in_tcp(bed: DatagramBed) -> None:
    bed.spoil("a", up=1.0)
    await bed.up()
    await bed.run(2.0)
    found = rows(bed)["a"]
    assert found is not None and found.carries and found.in_tcp == ["a"]


@with_bed(LINES[:1], kind=DatagramBed)
async def test_without_datagrams_there_is_none(bed: DatagramBed) -> None:
    bed.fleet.datagrams.use(None)
    await bed.up()
    bed.datagrams.ways.clear()
    assert rows(bed) == {"a": None}
