"""What lines carry is what the kernel counted on our own carriers, those that are gone included; probes stand apart."""

from ingress.paths.line_meter import PING, PONG
from relay.engine import Tls
from relay.model.moved import Moved
from tests.ingress.paths.fleet_bed import TWO_PATHS, FleetBed, with_bed

BYTES = 10**6
Sums = tuple[int, ...]


def counted(bed: FleetBed) -> dict[str, Sums]:
    """By line, what was counted since the last time."""
    bed.fleet.line_meter.sweep()
    rows = bed.usage.lines.give()
    bed.usage.lines.written()
    return {str(row[1]): tuple(amount for amount in row[2:] if isinstance(amount, int)) for row in rows}


@with_bed()
async def test_all_that_is_carried_counts_on_every_line_of_the_way(bed: FleetBed) -> None:
    bed.patch.setattr(Tls, "moved", lambda self: Moved(3 * BYTES, 5 * BYTES, 300, 500))
    await bed.up()
    assert set(counted(bed)) == {"direct", "ix", "pacific"}
    await bed.run(5.0)
    assert counted(bed)["direct"] == (0,) * 8  # whatever was asked, TCP moved nothing
    bed.patch.setattr(Tls, "moved", lambda self: Moved(4 * BYTES, 7 * BYTES, 400, 700))
    before = {name: bed.live[name].carried.pings(bed.live[name].links) for name in bed.live}
    await bed.run(1.0)
    links = {name: len(list(live.links)) for name, live in bed.live.items()}
    found = counted(bed)
    probes = PING * (bed.live["direct"].carried.pings(bed.live["direct"].links) - before["direct"])
    up, down, _, _, probes_up, probes_down, packets_up, packets_down = found["direct"]
    assert up + probes_up == links["direct"] * BYTES and down + probes_down == links["direct"] * 2 * BYTES
    assert 0 < probes <= probes_up and probes_down == probes_up // PING * PONG
    assert (packets_up, packets_down) == (100 * links["direct"], 200 * links["direct"])
    assert found["pacific"][0] < found["ix"][0]  # the prefix ends before it


@with_bed()
async def test_a_carrier_that_is_gone_and_a_path_that_is_removed_are_counted_to_their_end(bed: FleetBed) -> None:
    bed.patch.setattr(Tls, "moved", lambda self: Moved(BYTES, BYTES, 1, 1) if self.closed else Moved(1000, 1000, 1, 1))
    await bed.up()
    links = len(list(bed.live["direct"].links))
    counted(bed)
    bed.cut("direct")
    await bed.until(lambda: bed.live["direct"].thin is not None)
    up, _, _, _, probes, *_ = counted(bed)["direct"]
    assert links * (BYTES - 1000) <= up + probes <= links * BYTES + 10_000
    bed.replan(TWO_PATHS[1:])
    await bed.run(5.0)
    up, _, _, _, probes, *_ = counted(bed)["direct"]
    assert up + probes >= BYTES - 1000 and counted(bed).get("direct") is None


@with_bed()
async def test_what_went_as_datagrams_stands_beside_it(bed: FleetBed) -> None:
    await bed.up()
    counted(bed)
    carried = bed.live["direct"].carried.datagrams
    carried.bytes_out, carried.bytes_in, carried.datagrams_out, carried.datagrams_in = 700, 500, 7, 5
    carried.probes_out, carried.probes_in = 60, 40
    (_, _, up, down, probes_up, probes_down, packets_up, packets_down) = counted(bed)["direct"]
    assert (up, down, probes_up, probes_down, packets_up, packets_down) == (700, 500, 60, 40, 7, 5)
    assert repr(carried) == "<DatagramsCarried 700 bytes out, 500 in>"
