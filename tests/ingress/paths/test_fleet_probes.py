"""What exits are asked of targets: connect times, and when streams' first bytes came."""

import pytest

from ingress.choice.connect_times import USES
from ingress.choice.demand import Demand
from ingress.choice.first_bytes import LEAST
from relay.model.cause import Cause
from relay.session.acceptor import AcceptorStream
from relay.wire.codes import Feature
from tests.ingress.paths.fleet_bed import INGRESS, TWO_PATHS, Client, FleetBed, Lines, with_bed

DIRECT: Lines = TWO_PATHS[:1]
TWO_EXITS: Lines = (("direct", INGRESS, "us"), ("other", INGRESS, "eu"))


async def use_often(bed: FleetBed) -> None:
    """A site is used so often that all exits are asked for it."""
    for _ in range(USES):
        bed.fleet.chooser.opened(bed.choice("direct", host="www.example"), bed.loop.now)
    await bed.run(2.5)


@with_bed(TWO_EXITS, exits=("us", "eu"))
async def test_exits_are_asked_for_a_site_that_is_used_often(bed: FleetBed) -> None:
    await bed.up()
    bed.nodes["us"].connect_time = 0.2, 0
    bed.nodes["eu"].connect_time = 0.1, 0
    await use_often(bed)
    assert bed.nodes["us"].asked == bed.nodes["eu"].asked == [("www.example", 443)]
    known = bed.fleet.chooser.connect_times.known("www.example")
    assert {exit_: connect.time for exit_, connect in known.items()} == {"us": 0.2, "eu": 0.1}


def asks(client: Client) -> bool:
    """Whether its exit was asked for the target's first byte."""
    far = client.target.stream
    assert isinstance(far, AcceptorStream)
    return far.tells_first_byte


@with_bed(TWO_EXITS, exits=("us", "eu"))
async def test_streams_ask_when_their_targets_first_byte_came(bed: FleetBed) -> None:
    await bed.up()
    for live in bed.live.values():
        live.peer.session.go_by(Feature.START_WINDOWS)
    for _ in range(LEAST):
        client = bed.open("direct")
        await client.exchange()
        assert asks(client)
        client.target.stream.tell_first_byte(0.26)  # type: ignore[attr-defined]
        await bed.run(0.5)
    told = bed.fleet.chooser.first_bytes.worth(Demand("target.test", 443), "us")
    assert told == pytest.approx(0.25)  # what a connect takes is a round trip


@with_bed()
async def test_with_one_exit_none_asks_and_what_comes_before_the_connect_is_no_answer(bed: FleetBed) -> None:
    await bed.up()
    bed.live["direct"].peer.session.go_by(Feature.START_WINDOWS)
    client = bed.open("direct")
    assert not client.stream.is_connected
    bed.live["direct"].peer.session.on_first_byte(client.stream, 0.3)
    await client.exchange()
    assert not asks(client)


ANSWERS = [
    ((0.0, int(Cause.REFUSED)), {"us": 1.0}),  # avoided for this site
    ((0.0, int(Cause.LIMIT)), {}),  # it was too busy to try: that says nothing of the site
    (None, {}),
]


@pytest.mark.parametrize(("answer", "known"), ANSWERS)
@with_bed(DIRECT)
async def test_what_an_answer_says_of_the_site(
    bed: FleetBed, answer: tuple[float, int] | None, known: dict[str, float]
) -> None:
    await bed.up()
    bed.nodes["us"].connect_time = answer
    await use_often(bed)
    found = bed.fleet.chooser.connect_times.known("www.example")
    assert {exit_: connect.time for exit_, connect in found.items()} == known
    assert len(bed.nodes["us"].asked) == 1


@with_bed(TWO_EXITS, exits=("us", "eu"))
async def test_an_exit_without_a_path_is_not_asked(bed: FleetBed) -> None:
    await bed.up()
    bed.cut("other")
    bed.hold("other")
    await use_often(bed)
    assert bed.nodes["us"].asked and not bed.nodes["eu"].asked
