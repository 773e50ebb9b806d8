"""What is read off the measurement, minute by minute: states, round trips, traffic, outages and why."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.history.outages import Outage
from ingress.history.record import MINUTE as SECONDS
from ingress.history.record import STAY, Record, Series
from ingress.history.watch import MOST_GAP, MOST_SERIES, MOST_WAITING, Watcher
from ingress.measure.traffic import Traffic
from relay.model.sent import Sent
from tests.ingress.history.bed import BEGIN, LINES, MINUTE, WatchBed

PATH, DIRECT = Series("path", "ix/pacific"), Series("path", "direct")


@pytest.fixture
def bed() -> WatchBed:
    return WatchBed()


def seconds(record: Record) -> tuple[float, ...]:
    return tuple(round(stay * STAY, 1) for stay in record.stays)


def ended(bed: WatchBed) -> list[Outage]:
    return [one for one in bed.watch.outages.take() if one.end is not None]


def test_a_quiet_minute_of_everything(bed: WatchBed) -> None:
    bed.run(130)
    minute = bed.minutes[MINUTE + 1]
    assert {(one.kind, one.name) for one in minute} == {
        *((kind, "direct") for kind in ("path", "line")),
        ("path", "ix/pacific"),
        ("line", "ix"),
        ("line", "pacific"),
        ("node", "jp"),
        ("node", "us"),
        ("ingress", "sh"),
    }
    assert all(sum(seconds(record)) == pytest.approx(60, abs=1.5) for record in minute.values())
    assert [minute[one].round_trip for one in (DIRECT, PATH)] == [pytest.approx(1000, abs=2), pytest.approx(700, abs=2)]
    assert minute[Series("node", "us")].round_trip == pytest.approx(700, abs=2)
    assert minute[Series("line", "ix")].round_trip == pytest.approx(100, abs=2)
    assert minute[Series("line", "pacific")].round_trip == pytest.approx(600, abs=5)
    assert minute[PATH].samples > 50 and minute[PATH].late == 0
    assert ended(bed) == [] and bed.asked == 0


def test_traffic_counts_for_the_path_its_lines_its_nodes_and_the_ingress(bed: WatchBed) -> None:
    bed.run(6)
    bed.traffic["ix/pacific"] = Traffic(streams=3, bytes_up=100, bytes_down=2000)
    bed.traffic["direct"] = Traffic(streams=1, bytes_up=1)
    bed.counted = {"ix/pacific": (5, 7)}
    bed.run(6)
    for series in (PATH, Series("line", "ix"), Series("line", "pacific"), Series("node", "jp")):
        record = bed.watch.present()[1][series]
        assert record[12:] == (100, 2000, 5, 7) and 0 < record.streams <= 3
    for kind, name in (("node", "us"), ("ingress", "sh")):
        assert bed.present(kind, name)[12:] == (101, 2000, 5, 7)


def test_an_outage_is_told_with_its_reason_and_its_length(bed: WatchBed) -> None:
    bed.run(70)
    bed.cut = {"ix"}
    bed.run(30)
    open_now = {one.series: one for one in bed.watch.outages.take()}
    assert set(open_now) == {PATH, Series("line", "ix"), Series("node", "jp")}
    assert all(one.end is None and "line ix or node jp" in one.why for one in open_now.values())
    bed.cut = set()
    bed.run(30)
    found = {one.series: one for one in ended(bed)}
    assert set(found) == set(open_now) and bed.watch.outages.open == {}
    assert found[PATH].state == "stalled" and found[PATH].start == open_now[PATH].start
    assert found[PATH].start - BEGIN == pytest.approx(71.5, abs=1)
    assert found[PATH].end is not None and found[PATH].end - BEGIN == pytest.approx(100.25, abs=0.5)
    assert bed.minutes[MINUTE + 1][Series("line", "ix")].in_third * STAY == pytest.approx(28, abs=2)
    whole = bed.minutes[MINUTE + 1][Series("ingress", "sh")]
    assert whole.in_first > 0 == whole.in_fourth


def test_who_is_blamed_for_a_moment_while_things_come_back_is_not_accused(bed: WatchBed) -> None:
    bed.run(70)
    bed.cut = {"ix"}
    bed.run(20)
    bed.cut = {"pacific"}  # as if ix were dialled first
    bed.run(2)
    bed.cut = set()
    bed.run(10)
    found = {one.series: one for one in ended(bed)}
    assert set(found) == {PATH, Series("line", "ix"), Series("node", "jp")}
    assert all("line ix or node jp" in one.why for one in found.values())
    bed.cut = {"pacific"}
    bed.run(20)
    bed.cut = set()
    bed.run(10)
    again = {one.series: one for one in ended(bed)}
    assert set(again) == {PATH, Series("line", "pacific")} and "line pacific" in again[PATH].why


def test_when_nothing_works_the_ingress_is_out(bed: WatchBed) -> None:
    bed.run(20)
    bed.cut = set(LINES)
    bed.run(20)
    outages = {one.series: one for one in bed.watch.outages.take()}
    assert outages[Series("ingress", "sh")].why.startswith("nothing answers, on any line")
    assert bed.present("ingress", "sh").in_fourth > 0
    asked = bed.asked
    bed.run(30)  # it goes on, and is looked at less often
    assert bed.asked - asked < 10


def test_a_path_that_was_never_tried_is_not_out(bed: WatchBed) -> None:
    bed.cut = set(LINES)
    bed.run(70)
    assert bed.watch.outages.take() == [] and bed.minutes == {}


def test_what_goes_is_written_and_over(bed: WatchBed) -> None:
    bed.run(20)
    bed.cut = {"ix"}
    bed.run(20)
    bed.plan("direct")
    bed.cut = set()
    bed.run(30)
    assert Series("line", "ix") not in bed.watch.series and DIRECT in bed.watch.series
    assert PATH in bed.minutes[MINUTE]
    assert {one.series for one in ended(bed)} >= {PATH, Series("line", "ix"), Series("node", "jp")}


def test_a_machine_that_slept_leaves_a_gap(bed: WatchBed) -> None:
    bed.run(61)
    bed.now += 3600
    bed.run(60)
    assert set(bed.minutes) == {MINUTE, MINUTE + 1, MINUTE + 61}
    assert sum(seconds(bed.minutes[MINUTE + 1][DIRECT])) < MOST_GAP


@pytest.mark.parametrize(("shift", "minutes"), [(-30, {0, 1}), (-86_400, {0, 1 - 1440}), (86_400, {0, 1, 1441, 1442})])
def test_a_clock_that_is_set_loses_no_more_than_a_minute(bed: WatchBed, shift: float, minutes: set[int]) -> None:
    bed.run(70)
    bed.shift += shift
    bed.run(110)
    assert {minute - MINUTE for minute in bed.minutes} >= minutes
    whole = sum(sum(seconds(records[DIRECT])) for records in bed.minutes.values())
    whole += sum(seconds(bed.present("path", "direct")))
    assert whole == pytest.approx(180, abs=2)


@given(steps=st.lists(st.tuples(st.floats(0, 100), st.floats(-200, 200)), max_size=12))
@settings(max_examples=25, deadline=None)
def test_whatever_the_clocks_do_no_time_is_counted_twice(steps: list[tuple[float, float]]) -> None:
    bed = WatchBed()
    bed.run(5)
    ran = 5.0
    for asleep, shift in steps:
        bed.now += asleep
        bed.shift += shift
        bed.run(3)
        ran += 3 + (asleep if asleep <= MOST_GAP else 0)
    records = [*bed.minutes.values(), bed.watch.present()[1]]
    assert sum(sum(seconds(one[DIRECT])) for one in records if DIRECT in one) <= ran + 1


def test_minutes_that_nobody_takes_are_bounded(bed: WatchBed) -> None:
    watch = bed.watch
    bed.run(5)
    for minute in range(MOST_WAITING + 5):
        bed.shift += SECONDS
        bed.now += 1
        watch.each_round(bed.now)
        assert minute or watch.dropped == 0
    assert len(watch.take()) == MOST_WAITING and watch.dropped > 0
    assert repr(watch) == "<Watcher of 8 series, 0 out>"


def test_losses_of_a_path_are_told_if_every_line_of_it_is_known(bed: WatchBed) -> None:
    directions = bed.network_monitor.directions
    bed.run(6)
    for at in range(100):
        for line, start in (("ix", "sh"), ("pacific", "jp"), ("pacific", "us")):
            directions.heard(line, start, Sent(at * 100_000, at * 1000, at * 10), bed.now + at * 3, is_told=True)
    directions.judge(bed.now + 300)
    bed.run(6)
    lost = bed.present("line", "ix").loss_up
    assert lost > 100
    assert bed.present("path", "ix/pacific").loss_up == pytest.approx(2 * lost, rel=0.05)
    assert bed.present("path", "ix/pacific").loss_down == 0xFFFF == bed.present("line", "direct").loss_up
    assert bed.present("line", "ix").in_second > 0  # it is poor


def test_more_than_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_SERIES > 200
    monkeypatch.setattr("ingress.history.watch.MOST_SERIES", 3)
    bed = WatchBed()
    bed.run(10)
    assert [one.kind for one in bed.watch.series] == ["ingress", "path", "path"]
    assert isinstance(bed.watch, Watcher)
