"""One association at the ingress: what becomes of a datagram that nothing leads on, and when copies go."""

import resource

from ingress.paths.datagram_carriers import DatagramCarrier
from ingress.paths.datagram_flow import LATER
from ingress.paths.datagram_path import NATIVE_AGAIN
from ingress.paths.datagrams import Datagrams
from relay.model.cause import Cause
from relay.wire import bodies
from relay.wire.datagrams import DATA, PART, inner_head
from tests.ingress.paths.datagram_bed import TAG, TARGET, DatagramBed, Player
from tests.ingress.paths.fleet_bed import INGRESS, FleetBed, with_bed

ONE = (("a", INGRESS, "us"),)
DISJOINT = (("a", INGRESS, "us"), ("b", INGRESS, "us"))


@with_bed(DISJOINT, kind=DatagramBed)
async def test_it_says_where_it_leads(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    flow = player.flow
    assert flow is not None
    player.send()
    await bed.run(0.2)
    assert (flow.exit, flow.is_direct, flow.goes_in_tcp) == ("us", False, False)
    assert repr(flow) == f"<DatagramFlow {flow.id} to us, 1 out, 1 in>"
    assert repr(flow.way) == "<ExitWay to us by a, spare b>"
    assert " carries, " in repr(flow.way.primary)


@with_bed(DISJOINT, kind=DatagramBed)
async def test_without_a_path_datagrams_are_dropped_and_counted_also_after_the_end(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    flow = player.flow
    assert flow is not None
    for live in list(bed.live.values()):
        bed.datagrams.removed(live)
        bed.datagrams.removed(live)  # harmless when repeated
    player.send()
    flow.send(TARGET, [bytes(9000)])
    assert flow.dropped == bed.datagrams.statistics().unrouted == 2
    assert not flow.goes_in_tcp
    flow.close()
    await bed.run(0.5)
    assert bed.datagrams.statistics().unrouted == 2
    assert bed.far["us"].ended == [] and player.numbers == [], "no path was left to tell the exit by"


@with_bed(DISJOINT, kind=DatagramBed)
async def test_what_would_be_too_many_pieces_is_dropped(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    assert player.flow is not None
    player.flow.send(TARGET, [bytes(1 << 20)])
    assert player.flow.dropped == 1


@with_bed(DISJOINT, kind=DatagramBed)
async def test_pieces_go_over_the_spare_as_well_while_the_primary_is_suspect(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(2.0)
    player.is_playing = False
    flow = player.flow
    assert flow is not None and bed.route() == ("a", "b")
    bed.spoil("a", up=1.0, down=1.0)
    await bed.until(lambda: flow.way.is_suspect)
    assert bed.route() == ("a", "b"), "it has not moved yet"
    before = len(bed.far["us"].payloads)
    flow.send(TARGET, [bytes(3000)])
    await bed.run(0.3)
    assert len(bed.far["us"].payloads) == before + 3


@with_bed(DISJOINT, kind=DatagramBed)
async def test_a_thick_flow_is_not_copied_though_its_path_is_suspect(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    flow = player.flow
    assert flow is not None
    player.play()
    await bed.run(2.0)
    player.is_playing = False
    bed.spoil("a", up=1.0, down=1.0)
    await bed.until(lambda: flow.way.is_suspect)
    before = len(bed.far["us"].payloads)
    for _ in range(2000):
        flow.send(TARGET, [bytes(1000)])
    await bed.run(0.05)
    assert len(bed.far["us"].payloads) - before < 1000


@with_bed(ONE, kind=DatagramBed)
async def test_where_no_spare_is_the_copy_follows_a_little_later(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    flow = player.flow
    assert flow is not None and bed.route() == ("a", None)
    bed.spoil("a", up=1.0)
    flow.send(TARGET, [b"1"], redundant=True)
    await bed.run(LATER / 2)
    bed.spoil("a")
    await bed.run(0.3)
    assert bed.far["us"].payloads == [b"1"] and player.numbers == [1]
    flow.send(TARGET, [b"2"], redundant=True)
    await bed.run(0.3)
    assert bed.far["us"].payloads == [b"1", b"2"] and player.numbers == [1, 2], "each once"


@with_bed(ONE, kind=DatagramBed)
async def test_no_copy_follows_of_a_flow_that_was_closed(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    flow = player.flow
    assert flow is not None
    bed.spoil("a", up=1.0)
    flow.send(TARGET, [b"1"], redundant=True)
    flow.close()
    bed.spoil("a")
    await bed.run(0.3)
    assert bed.far["us"].payloads == []


@with_bed(DISJOINT, kind=DatagramBed)
async def test_an_exit_that_has_lost_an_association_says_so(bed: DatagramBed) -> None:
    await bed.up()
    player, other = Player(bed), Player(bed)
    lost, kept = player.flow, other.flow
    assert lost is not None and kept is not None
    player.send()
    await bed.run(0.2)
    for link in bed.nodes["us"].links[:2]:  # the second time it is known already
        link.end.send(bodies.assoc_gone(lost.id, Cause.EXIT_LOST))
    await bed.run(0.2)
    assert player.flow is None and other.flow is kept
    player.send()
    await bed.run(0.2)
    assert player.numbers == [1, 2], "by another flow"
    lost.gone(Cause.EXIT_LOST)  # its owner hears of it once
    assert player.flow is not None


@with_bed((("a", INGRESS, "us"), ("b", INGRESS, "eu")), exits=("us", "eu"), kind=DatagramBed)
async def test_an_exit_says_nothing_of_another_ones_associations(bed: DatagramBed) -> None:
    await bed.up()
    player, other = Player(bed, "us"), Player(bed, "eu")
    ours, flow = player.flow, other.flow
    assert ours is not None and flow is not None
    player.send()
    other.send()
    await bed.run(0.2)
    bed.nodes["us"].links[0].end.send(bodies.assoc_gone(flow.id, Cause.EXIT_LOST))
    (label,) = bed.far["us"].labels.values()
    for number, inner in ((flow.id, b"7"), (ours.id, b"8"), (1 << 31, b"9")):
        label.back(label.end.seal(inner_head(DATA, 0, number, 50) + TARGET + inner))
    await bed.run(0.2)
    assert other.flow is flow and other.numbers == [1]
    assert player.numbers == [1, 8]


@with_bed(ONE, kind=DatagramBed)
async def test_what_is_neither_a_datagram_nor_a_piece_is_not_delivered(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    flow = player.flow
    assert flow is not None
    player.send()
    await bed.run(0.2)
    (label,) = bed.far["us"].labels.values()
    label.back(label.end.seal(inner_head(PART, 0, flow.id, 51) + b"\x00\x02"))
    label.back(label.end.seal(inner_head(DATA, 0, flow.id, 52) + b"\xff"))  # of no address
    label.back(label.end.seal(inner_head(DATA, 0, flow.id, 53)[:8]))
    await bed.run(0.2)
    assert player.numbers == [1] and player.flow is flow


@with_bed(ONE)
async def test_without_descriptors_for_a_socket_nothing_leads_on_which_is_told_once(bed: FleetBed) -> None:
    datagrams = Datagrams(bed.loop, TAG, bed.fleet.datagrams._carriers)
    sockets = datagrams._sockets
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        found = [sockets.out(("127.0.0.1", 9), TAG) for _ in range(2)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == [None, None] and sockets.out(None, TAG) is None
    assert [fields["error"] for fields in bed.logged("datagram-socket-failed")] == ["Too many open files"]
    assert datagrams.statistics().unsent == 0


@with_bed(DISJOINT, kind=DatagramBed)
async def test_a_carrier_that_was_left_changes_nothing_when_it_comes_up_late(bed: DatagramBed) -> None:
    await bed.up()
    path, now = bed.datagrams.ways["us"].paths["a"], bed.loop.now
    late = DatagramCarrier(bed.loop, bed.options, path.live, 1, path)
    path.carrier_up(late, now)
    path.carrier_refused(late)
    path.ride_further(bed.datagrams._carriers, now)
    assert path.carrier is None and path.out is path.native and not path.is_stuck and path.in_tcp == ()
    path.leave_carrier(now)
    assert path.out is path.native and path.all_unsent == late.dropped == 0
    path.set_up(None, path.live.path.nodes, (), knows=True)
    path.beat((), is_active=True, now=now)  # to nobody
    assert not path.carries and path.needs_carrier(now + NATIVE_AGAIN) and not path.needs_carrier(now)
    assert repr(late) == "<DatagramCarrier a down>"
