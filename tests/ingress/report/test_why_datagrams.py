"""Why datagrams would go where they would go."""

import attrs
import pytest

from ingress.choice.demand import Demand
from ingress.choice.rules import Match
from ingress.config.rule import Rule
from ingress.report.rows import WhyDatagrams
from ingress.report.why_datagrams import NOWHERE, explain_datagrams
from relay.model.cause import Cause
from tests.ingress.paths.datagram_bed import DatagramBed, Player
from tests.ingress.paths.fleet_bed import INGRESS, with_bed

LINES = (("a", INGRESS, "us"), ("b", INGRESS, "us"), ("ix", INGRESS, "jp"), ("pacific", "jp", "us"))
GAME = Demand("game.example", 3074, "10.0.0.1")
PICKED = ("us", "by the exit of the best path")


def why(bed: DatagramBed, demand: Demand = GAME) -> WhyDatagrams:
    return explain_datagrams(demand, None, PICKED, bed.datagrams.ways)


@with_bed(LINES, kind=DatagramBed)
async def test_primary_spare_and_what_would_change_that(bed: DatagramBed) -> None:
    bed.takes = None
    await bed.up()
    Player(bed).send()
    await bed.run(1.0)
    told = why(bed)
    assert (told.target, told.exit, told.reason, told.protocol) == ("game.example:3074/udp", *PICKED, "udp")
    assert told.paths == ["a", "b"]
    assert [row.path for row in told.candidates] == ["a", "b", "ix/pacific"]
    assert [row.datagrams.role for row in told.candidates] == ["primary", "spare", ""]
    first, _, old = told.candidates
    assert first.cost == pytest.approx(0.06, abs=0.005) and old.cost is None
    assert told.copies == "one copy only, but in the first 2 s of an association"
    assert told.would_switch[0].startswith("when nothing is heard on a for ") and told.would_switch[0].endswith("to b")
    assert told.would_switch[1] == "to one whose cost was lower for 5 s, by 5 ms or 10%, whichever is more"


@with_bed(LINES[:2], kind=DatagramBed)
async def test_when_datagrams_go_in_copies(bed: DatagramBed) -> None:
    await bed.up()
    way = bed.datagrams.ways["us"]
    way.copies = True
    assert why(bed).copies.startswith("two copies of each of a thin flow: ")
    way.is_suspect = True
    assert why(bed).copies == "two copies of each until the primary is heard again"
    way.is_suspect = way.copies = False
    way.route = attrs.evolve(way.route, is_near=False, is_disjoint=False)
    assert why(bed).copies == "one copy only: the spare is more than 40 ms farther"
    assert why(bed).would_switch[-1].startswith("primary and spare share a line: ")
    for redundant, said in ((True, "two copies of each, by rule games"), (False, "one copy only, by rule games")):
        match = Match(Rule(name="games", redundant=redundant), "")
        assert why(bed, Demand("game.example", 3074, match=match)).copies == said


@with_bed(LINES[:2], kind=DatagramBed)
async def test_of_the_paths_that_a_rule_leaves_nothing_is_chosen_before_something_is_sent(bed: DatagramBed) -> None:
    await bed.up()
    within = frozenset({"b"})
    told = explain_datagrams(GAME, None, PICKED, bed.datagrams.ways, within)
    assert [row.path for row in told.candidates] == ["b"]
    assert (told.paths, told.copies, told.would_switch) == ([], "", [])
    bed.datagrams.ways["us"].bound(within, bed.loop.now)
    told = explain_datagrams(GAME, None, PICKED, bed.datagrams.ways, within)
    assert told.paths == ["b"] and told.copies == "one copy only: there is no spare"


@with_bed(LINES[:1], kind=DatagramBed)
async def test_one_path_alone_and_none(bed: DatagramBed) -> None:
    await bed.up()
    told = why(bed)
    assert (told.paths, told.copies) == (["a"], "one copy only: there is no spare")
    assert told.would_switch[0].endswith("there is no other that carries datagrams") and len(told.would_switch) == 1
    bed.datagrams.use(None)
    way = bed.datagrams.ways["us"]
    way.choose(bed.loop.now)
    assert (why(bed).paths, why(bed).would_switch) == ([], [])


def test_where_nothing_goes() -> None:
    rule = Match(Rule(name="landing", exit_nodes=frozenset({"us"})), "")
    bound = Demand("game.example", 3074, match=rule)
    assert explain_datagrams(GAME, Cause.POLICY, None, {}).reason == Cause.POLICY.word.replace("-", " ")
    assert explain_datagrams(GAME, None, None, {}).reason == NOWHERE
    assert explain_datagrams(bound, None, None, {}).reason == "no exit that rule landing allows takes datagrams now"
    here = Demand("game.example", 3074, match=Match(Rule(name="near", direct=True), ""))
    told = explain_datagrams(here, None, None, {})
    assert (told.exit, told.paths, told.candidates, told.copies) == ("direct", [], [], "")
