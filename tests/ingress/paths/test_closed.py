"""A line that carries nothing new, in a whole fleet: streams and datagrams leave it, its carriers stay."""

from ingress.choice.demand import Demand
from tests.ingress.paths.datagram_bed import DatagramBed, Player
from tests.ingress.paths.fleet_bed import INGRESS, TWO_PATHS, FleetBed, with_bed

WHY = {"a": "line a is held by hand"}


def close(bed: FleetBed, why: dict[str, str]) -> None:
    bed.fleet.standings.close("hold", why)


@with_bed(TWO_PATHS)
async def test_streams_leave_it_by_plan_and_its_carriers_stay_measured(bed: FleetBed) -> None:
    await bed.up()
    client = bed.open("ix/pacific")
    await client.exchange()
    close(bed, {"ix": "line ix is held by hand"})
    await bed.until(lambda: client.paths == ["direct"])
    live = bed.live["ix/pacific"]
    assert (live.counters.moves, live.counters.resumes) == (1, 0)
    assert [told["why"] for told in bed.logged("streams-moved")] == ["line ix is held by hand"]
    await client.exchange()
    await bed.run(60.0)
    assert live.thin is not None and live.monitor.pings.answered_sent is not None
    assert bed.loop.now - live.monitor.pings.answered_sent < 10.0
    bed.hold("direct")
    await bed.until(lambda: bed.fleet.chooser.ranking.exits["us"].order[0].figures.state.value != "up")
    found = bed.fleet.chooser.decide(Demand("target.test", 443), bed.loop.now)
    assert found is None or found.paths == ("direct",)
    await bed.run(10.0)
    assert client.paths != ["ix/pacific"], "it waits: the line is closed to what is not on it"
    close(bed, {})
    await bed.until(lambda: client.paths == ["ix/pacific"])
    await client.exchange()


@with_bed((("a", INGRESS, "us"), ("b", INGRESS, "us")), kind=DatagramBed)
async def test_datagrams_leave_it_and_it_is_not_even_a_spare(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(3.0)
    assert bed.route() == ("a", "b")
    close(bed, WHY)
    await bed.run(6.0)
    assert bed.route() == ("b", None) and bed.datagrams.exits() == {"us"}
    close(bed, {})
    await bed.run(1.0)
    assert bed.route()[1] == "a"
    player.is_playing = False
    await bed.run(0.5)
    assert sorted(player.numbers) == list(range(1, player.sent + 1))


@with_bed((("a", INGRESS, "us"), ("b", INGRESS, "eu")), exits=("us", "eu"), kind=DatagramBed)
async def test_an_association_without_another_way_stays_and_no_new_one_comes(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed, exit_="us")
    player.play()
    await bed.run(1.0)
    close(bed, WHY | {"b": "and the other as well"})
    await bed.run(5.0)
    assert bed.datagrams.exits() == frozenset() and bed.route()[0] == "a"
    close(bed, WHY)
    await bed.run(1.0)
    assert bed.datagrams.exits() == {"eu"}
    player.is_playing = False
    await bed.run(0.5)
    assert sorted(player.numbers) == list(range(1, player.sent + 1))
