"""Labels, flows, heartbeats and moves, over a network of virtual lines that carry datagrams."""

import pytest

from ingress.paths.datagram_path import DatagramPath
from ingress.paths.dial import Opened
from ingress.paths.way import CALM, QUICK, SELDOM
from relay.wire.codes import Cipher, Verdict
from relay.wire.datagrams import answer_challenge, challenge, turned
from tests.ingress.paths.datagram_bed import TARGET, DatagramBed, Player, Weather
from tests.ingress.paths.fleet_bed import INGRESS, THREE_LINES, TWO_PATHS, with_bed

DISJOINT = (("a", INGRESS, "us"), ("b", INGRESS, "us"))
TWO_EXITS = (("a", INGRESS, "us"), ("b", INGRESS, "eu"))


@with_bed(DISJOINT, kind=DatagramBed)
async def test_u01_a_datagram_goes_and_comes_back(bed: DatagramBed) -> None:
    await bed.up()
    assert bed.datagrams.exits() == {"us"} and bed.datagrams.may_carry
    player = Player(bed)
    for _ in range(3):
        player.send()
    await bed.run(0.2)
    assert player.numbers == [1, 2, 3]
    assert bed.far["us"].payloads == [b"1", b"2", b"3"]


@with_bed(DISJOINT, kind=DatagramBed)
async def test_the_best_path_is_primary_and_the_other_spare(bed: DatagramBed) -> None:
    await bed.up()
    Player(bed).send()
    await bed.run(0.5)
    assert bed.route() == ("a", "b")


@with_bed(DISJOINT, kind=DatagramBed)
async def test_u14_u16_a_path_dies_while_a_game_runs(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(3.0)
    bed.hold("a")
    died = bed.loop.now
    await bed.run(2.0)
    player.is_playing = False
    await bed.run(0.5)
    assert bed.route()[0] == "b"
    assert player.longest_gap(died - 0.1) <= 0.25
    assert len(player.numbers) == len(set(player.numbers)), "each once"
    assert player.numbers == sorted(player.numbers)


@pytest.mark.parametrize("way", ["up", "down"])
def test_u23_one_direction_dies(way: str) -> None:
    @with_bed(DISJOINT, kind=DatagramBed)
    async def run(bed: DatagramBed) -> None:
        await bed.up()
        player = Player(bed)
        player.play()
        await bed.run(3.0)
        bed.spoil("a", **{way: 1.0})
        died = bed.loop.now
        await bed.run(2.0)
        assert bed.route()[0] == "b"
        assert player.longest_gap(died - 0.1) <= 0.25

    run()


@with_bed(DISJOINT, kind=DatagramBed)
async def test_u24_a_lost_carrier_costs_no_datagram(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(5.0)
    said = bed.far["us"].labels_said
    bed.cut("a")
    await bed.run(5.0)
    player.is_playing = False
    await bed.run(0.5)
    assert player.numbers == list(range(1, player.sent + 1))
    assert bed.far["us"].labels_said == said + 1, "the next carrier brings new keys"


@with_bed(TWO_EXITS, exits=("us", "eu"), kind=DatagramBed)
async def test_u25_the_exit_dies(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(5.0)
    bed.hold("a")
    died = bed.loop.now
    await bed.run(2.0)
    assert player.flow is not None and player.flow.way.exit == "eu"
    assert player.longest_gap(died - 0.1) <= 1.0


@with_bed(DISJOINT, kind=DatagramBed)
async def test_how_often_paths_are_asked(bed: DatagramBed) -> None:
    await bed.up()
    player, beats = Player(bed), bed.far["us"].beats

    async def count(seconds: float) -> float:
        beats.clear()
        await bed.run(seconds)
        return len(beats) / seconds

    assert await count(10 * SELDOM) == pytest.approx(2 / SELDOM, rel=0.2)
    player.play()
    await bed.run(1.0)
    assert await count(2.0) == pytest.approx(2 / QUICK, rel=0.1)
    player.is_playing = False
    await bed.run(2.0)
    assert await count(4.0) == pytest.approx(2 / CALM, rel=0.15)
    await bed.run(30.0)
    assert await count(10 * SELDOM) == pytest.approx(2 / SELDOM, rel=0.2)


@with_bed(TWO_PATHS, kind=DatagramBed)
async def test_u31_an_old_relay_is_named_and_its_paths_carry_none(bed: DatagramBed) -> None:
    bed.takes = None
    await bed.up()
    paths = bed.datagrams.ways["us"].paths
    assert paths["ix/pacific"].why == "no UDP: update jp"
    assert paths["direct"].carries
    assert bed.live["ix/pacific"].thin is not None


@with_bed(TWO_PATHS, kind=DatagramBed)
async def test_a_relay_or_exit_that_takes_no_label_says_why(bed: DatagramBed) -> None:
    bed.takes = Verdict.FULL
    await bed.up()
    assert bed.datagrams.ways["us"].paths["ix/pacific"].why == "jp: it has too many labels"


@with_bed(DISJOINT, kind=DatagramBed)
async def test_where_no_exit_takes_datagrams_nothing_may_be_carried(bed: DatagramBed) -> None:
    bed.features &= 0
    assert bed.datagrams.may_carry, "nobody has said no yet"
    await bed.up()
    assert bed.datagrams.exits() == frozenset() and not bed.datagrams.may_carry
    assert bed.datagrams.ways["us"].paths["a"].why == "no UDP: update us"


@with_bed(THREE_LINES, kind=DatagramBed)
async def test_u30_a_removed_line_is_left_before_it_goes(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(3.0)
    assert bed.route()[0] == "a"
    bed.replan(THREE_LINES[1:])
    await bed.run(3.0)
    player.is_playing = False
    await bed.run(0.5)
    assert bed.route()[0] == "b"
    assert sorted(player.numbers) == list(range(1, player.sent + 1))


@with_bed((("ix", INGRESS, "jp"), ("pacific", "jp", "us"), ("b", INGRESS, "us")), kind=DatagramBed)
async def test_a_relay_that_drains_is_left_without_a_gap(bed: DatagramBed) -> None:
    bed.lines["b"].delay = 0.06
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(3.0)
    assert bed.route()[0] == "ix/pacific"
    bed.nodes["jp"].drain()
    await bed.run(0.1)
    bed.spoil("ix", up=1.0, down=1.0)
    await bed.run(1.0)
    player.is_playing = False
    await bed.run(0.5)
    assert bed.route()[0] == "b"
    assert len(player.numbers) >= player.sent - 6, "but for what was under way"


@with_bed(TWO_EXITS, exits=("us", "eu"), kind=DatagramBed)
async def test_an_exit_that_drains_gets_no_new_associations(bed: DatagramBed) -> None:
    await bed.up()
    assert bed.datagrams.exits() == {"us", "eu"}
    bed.nodes["us"].drain()
    await bed.run(0.5)
    assert bed.datagrams.exits() == {"eu"}
    bed.nodes["eu"].drain()
    await bed.run(0.1)
    assert bed.datagrams.exits() != frozenset()


@with_bed(DISJOINT, kind=DatagramBed)
async def test_an_exit_that_was_restarted_has_other_labels(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.send()
    await bed.run(0.5)
    before = {path.labeling.label for path in bed.datagrams.ways["us"].paths.values()}
    bed.nodes["us"].restart()
    await bed.until(lambda: player.flow is None)
    await bed.up()
    player.send()
    await bed.run(0.5)
    after = {path.labeling.label for path in bed.datagrams.ways["us"].paths.values()}
    assert player.numbers == [1, 2] and not before & after


@with_bed(DISJOINT, kind=DatagramBed)
async def test_what_is_closed_is_told_to_the_exit(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.send()
    await bed.run(0.5)
    assert player.flow is not None
    player.flow.close()
    player.flow.close()
    await bed.run(0.5)
    assert bed.far["us"].ended == [player.flow.id]
    assert bed.datagrams.flows == {}


@with_bed(DISJOINT, kind=DatagramBed)
async def test_u28_keys_are_renewed_while_datagrams_flow(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.play()
    await bed.run(2.0)
    said = bed.far["us"].labels_said
    for path in bed.datagrams.ways["us"].paths.values():
        path.renewed_at -= 3600
    await bed.run(2.0)
    player.is_playing = False
    await bed.run(0.5)
    assert bed.far["us"].labels_said == said + 2
    assert player.numbers == list(range(1, player.sent + 1))


@with_bed(DISJOINT, kind=DatagramBed)
async def test_u34_copies_hide_losses(bed: DatagramBed) -> None:
    await bed.up()
    for line in ("a", "b"):
        bed.spoil(line, up=0.05, down=0.05)
    player = Player(bed)
    player.play()
    await bed.run(15.0)
    player.is_playing = False
    await bed.run(0.5)
    assert len(player.numbers) == len(set(player.numbers))
    assert 1 - len(player.numbers) / player.sent <= 0.02


@with_bed(DISJOINT, kind=DatagramBed)
async def test_what_nobody_knows_is_dropped(bed: DatagramBed) -> None:
    await bed.up()
    label = next(iter(bed.datagrams._by_label))
    for data in (b"short", bytes(100), label + bytes(8), label + bytes(50)):
        bed.datagrams.on_datagrams(memoryview(data), len(data), ("10.0.0.9", 9), b"")
    found = bed.datagrams.statistics()
    assert found.strange == 2 and found.forged == 2


@with_bed(DISJOINT, kind=DatagramBed)
async def test_u12_what_does_not_fit_is_sent_in_pieces(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    assert player.flow is not None
    player.flow.send(TARGET, [bytes(9000)])
    await bed.run(0.2)
    assert sum(len(one) - 2 for one in bed.far["us"].payloads) == pytest.approx(9000, abs=200)


@pytest.mark.parametrize(("most", "size"), [(65_507, 1472), (1460, 1452), (1232, 1232)])
def test_u12_how_much_fits_is_found_out_and_is_no_loss(most: int, size: int) -> None:
    @with_bed(DISJOINT, kind=DatagramBed)
    async def run(bed: DatagramBed) -> None:
        for line in ("a", "b"):
            bed.weather[line] = Weather(most=most)
        await bed.up()
        await bed.run(10 * SELDOM)
        paths = bed.datagrams.ways["us"].paths.values()
        assert {path.size for path in paths} == {size}
        assert all(path.gauge.loss == 0 and path.gauge.is_calm(bed.loop.now) for path in paths)
        player = Player(bed)
        player.play()
        await bed.run(1.0)
        player.is_playing = False
        await bed.run(0.2)
        assert player.flow is not None
        player.flow.send(TARGET, [bytes(3000)])
        await bed.run(0.2)
        assert len(bed.far["us"].payloads) == player.sent + -(-3000 // (size - 42 - 2 - len(TARGET)))

    run()


@with_bed(DISJOINT, kind=DatagramBed)
async def test_keys_that_were_not_answered_are_said_again_on_the_next_carrier(bed: DatagramBed) -> None:
    await bed.up()
    path = bed.datagrams.ways["us"].paths["a"]
    player = Player(bed)
    player.play()
    await bed.run(2.0)
    path.say_label(bed.loop.now)
    await bed.run(0.04)  # it has arrived, and its answer not yet
    bed.cut("a")
    await bed.run(3.0)
    player.is_playing = False
    await bed.run(0.5)
    assert player.numbers == list(range(1, player.sent + 1))


@with_bed(DISJOINT, kind=DatagramBed)
async def test_an_exit_that_refuses_new_keys_is_not_sent_by_that_path_any_more(bed: DatagramBed) -> None:
    await bed.up()
    path = bed.datagrams.ways["us"].paths["a"]
    bed.far["us"].verdict = Verdict.FULL
    path.say_label(bed.loop.now)
    await bed.run(0.5)
    assert path.why == "us: it has too many labels" and not path.carries
    assert path.why in repr(path)
    player = Player(bed)
    player.send()
    await bed.run(0.5)
    assert bed.route() == ("b", None) and player.numbers == [1]


@with_bed(DISJOINT, kind=DatagramBed)
async def test_no_keys_are_said_while_the_carrier_is_lost(bed: DatagramBed) -> None:
    await bed.up()
    path, said = bed.datagrams.ways["us"].paths["a"], bed.far["us"].labels_said
    bed.hold("a")
    bed.cut("a")
    await bed.until(lambda: path.is_bare)
    path.say_label(bed.loop.now)
    path.renewed_at -= 3600
    await bed.run(1.0)
    assert path.is_bare and bed.far["us"].labels_said == said
    assert not path.wants_renewal(bed.loop.now)


@with_bed(TWO_PATHS, kind=DatagramBed)
async def test_what_relays_and_exit_say_of_a_label_decides_whether_one_is_asked_for(bed: DatagramBed) -> None:
    await bed.up()
    known = bed.datagrams.ways["us"].paths["ix/pacific"]
    now = bed.loop.now
    path = DatagramPath(known.live, known.labeling, Cipher.AES_128_GCM, now, bed.datagrams)
    assert path.is_untold and not path.needs_carrier(now)
    assert path.set_up(known.native, ("jp", "us"), (Verdict.NO_DATAGRAMS,), knows=True)
    assert not path.needs_carrier(now), "it has no keys yet"
    path.say_label(now)
    assert not path.labeled(0, Verdict.TAKEN, "us", now), "of other keys than were said"
    assert not path.set_up(None, ("jp", "us"), (Verdict.NOT_YOURS,), knows=True)
    assert path.why == "jp: its label is another ingress's"
    assert not path.set_up(None, ("jp", "us"), (Verdict.TAKEN,), knows=False)
    assert path.why == "no UDP: update us"


@with_bed(DISJOINT, kind=DatagramBed)
async def test_what_a_carrier_brings_must_have_its_paths_label(bed: DatagramBed) -> None:
    await bed.up()
    paths = bed.datagrams.ways["us"].paths
    other = turned(paths["b"].labeling.label)
    for data in (b"", b"short", other + bytes(50)):
        bed.datagrams.carried(paths["a"], data)
    assert bed.datagrams.statistics().strange == 3
    bed.datagrams.carried(paths["a"], turned(paths["a"].labeling.label) + bytes(50))
    assert (bed.datagrams.statistics().strange, bed.datagrams.statistics().forged) == (3, 1)


@with_bed(DISJOINT, kind=DatagramBed)
async def test_only_who_is_sent_to_may_ask_whether_this_address_is_ours(bed: DatagramBed) -> None:
    await bed.up()
    path = bed.datagrams.ways["us"].paths["a"]
    native = path.native
    assert native is not None and native.address is not None
    asked, answers = challenge(path.labeling.label + bytes(8), b"question"), list[bytes]()
    bed.carry = lambda lines, part, way, arrive: answers.append(bytes(part))  # type: ignore[method-assign]
    bed.datagrams.on_datagrams(memoryview(asked), len(asked), ("10.0.0.9", 9), b"")
    assert answers == []
    bed.datagrams.on_datagrams(memoryview(asked), len(asked), native.address, b"")
    assert answers == [answer_challenge(asked)]
    assert bed.datagrams.statistics().strange == 0


@with_bed(DISJOINT, kind=DatagramBed)
async def test_a_file_without_datagrams_ends_them(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.send()
    await bed.run(0.2)
    bed.datagrams.use(None)
    assert player.flow is None and not bed.datagrams.may_carry and bed.datagrams.exits() == frozenset()
    assert bed.datagrams.labeling(bed.live["a"]) is None
    bed.datagrams.session_over("elsewhere")  # nobody knows it
    bed.datagrams.thin_up(bed.live["a"], Opened(bed.live["a"].thin, bed.live["a"].peer.welcome, {}))  # type: ignore[arg-type]
    await bed.run(1.0)
    assert bed.datagrams.exits() == frozenset()


@with_bed(DISJOINT, kind=DatagramBed)
async def test_u26_after_half_an_hour_of_silence_the_target_speaks(bed: DatagramBed) -> None:
    await bed.up()
    player = Player(bed)
    player.send()
    await bed.run(1800.0)
    assert player.numbers == [1] and player.flow is not None
    bed.far["us"].speak(player.flow.id, b"2")
    await bed.run(0.2)
    assert player.numbers == [1, 2]
