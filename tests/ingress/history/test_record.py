"""What is kept of a span: packed and read again it is the same, whatever the bytes, and spans join to longer ones."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.history.record import EMPTY, MOST, SHARE, TICK, UNKNOWN, Record, combine, units, value_of
from ingress.history.sheet import (
    IN_A_DAY,
    MOST_STREAMS,
    find_in_sheet,
    ids_in_sheet,
    pack_sheet,
    pack_strip,
    unpack_sheet,
    unpack_strip,
)

WHOLE = st.integers(0, 0xFFFF)
HALF = st.floats(0, 64_992, width=16)
FLOAT = st.floats(0, 2.0**100, width=32, allow_subnormal=False)
RECORDS = st.builds(Record, *[WHOLE] * 11, HALF, *[FLOAT] * 4)
SHEETS = st.dictionaries(st.integers(0, 2**32 - 1), RECORDS, max_size=20)
DAYS = st.dictionaries(st.integers(0, IN_A_DAY - 1), RECORDS, max_size=20)
CALM = EMPTY._replace(samples=10, round_trip=1500, p95=1600, deviation=20, late=0, in_first=3000, up=5.0)


@given(records=SHEETS)
def test_a_sheet_is_read_as_it_was_packed(records: dict[int, Record]) -> None:
    sheet = pack_sheet(records)
    assert unpack_sheet(sheet) == records
    assert ids_in_sheet(sheet) == tuple(sorted(records))
    assert all(find_in_sheet(sheet, one) == record for one, record in records.items())
    assert find_in_sheet(sheet, 2**32) is None


@given(records=DAYS)
def test_a_strip_is_read_as_it_was_packed(records: dict[int, Record]) -> None:
    found = unpack_strip(pack_strip(records))
    assert found.keys() == {number for number, record in records.items() if not record.is_empty}
    for number, record in found.items():
        assert record[:12] == records[number][:12]
        assert record[12:] == pytest.approx(records[number][12:], rel=0.004, abs=1e-37)
        assert pack_strip({number: record}) == pack_strip({number: records[number]})


@given(data=st.binary(max_size=300), version=st.integers(0, 2))
def test_any_bytes_are_a_sheet_or_an_error(data: bytes, version: int) -> None:
    for sheet in (data, bytes([version]) + data, struct.pack("<BxH", 1, len(data) // 44) + data):
        try:
            found = unpack_sheet(sheet)
        except ValueError:
            continue
        assert len(found) <= len(sheet) // 44


@given(records=DAYS, at=st.integers(0), change=st.integers(1, 255), cut=st.integers(0, 20))
def test_a_strip_that_was_changed_is_a_strip_or_an_error(
    records: dict[int, Record], at: int, change: int, cut: int
) -> None:
    strip = bytearray(pack_strip(records))
    strip[at % len(strip)] ^= change
    try:
        found = unpack_strip(bytes(strip[: len(strip) - cut]))
    except ValueError:
        return
    assert found.keys() <= set(range(IN_A_DAY))


@pytest.mark.parametrize("strip", [b"", b"\x02abc", b"\x01abc", b"\x01" + b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_is_no_strip(strip: bytes) -> None:
    with pytest.raises(ValueError, match="a strip"):
        unpack_strip(strip)


def test_what_is_too_much_for_a_sheet_is_the_most_it_takes() -> None:
    huge = CALM._replace(samples=10**9, streams=1e9, up=1e300)
    (found,) = unpack_sheet(pack_sheet({1: huge})).values()
    assert (found.samples, found.streams) == (0xFFFF, pytest.approx(MOST_STREAMS, rel=0.01))
    assert found.up == pytest.approx(3e38)


def test_units_have_an_end_at_both_sides_and_a_word_for_nothing() -> None:
    assert [units(value, TICK) for value in (None, -1.0, 0.0, 0.15, 100.0)] == [UNKNOWN, 0, 0, 1500, MOST]
    assert value_of(UNKNOWN, TICK) is None and value_of(1500, TICK) == pytest.approx(0.15)
    assert value_of(units(0.25, 1 / SHARE), 1 / SHARE) == pytest.approx(0.25)


def test_medians_are_weighed_by_their_pings() -> None:
    whole = combine([CALM, CALM, CALM._replace(samples=100, round_trip=1800, p95=1900)])
    assert (whole.samples, whole.round_trip, whole.p95) == (120, 1800, 1900)
    assert (whole.in_first, whole.up) == (9000, 15.0)


def test_one_bad_minute_of_fifteen_is_seen_in_the_p95_and_not_in_the_median() -> None:
    bad = CALM._replace(round_trip=3000, p95=3300, late=SHARE // 2)
    whole = combine([*[CALM] * 14, bad])
    assert (whole.round_trip, whole.p95) == (1500, 3000)
    assert whole.late == pytest.approx(SHARE / 30, abs=1)


def test_what_is_not_known_counts_for_nothing() -> None:
    silent = EMPTY._replace(samples=10, late=SHARE, in_fourth=3000)
    whole = combine([CALM, silent, silent._replace(loss_up=40)])
    assert (whole.round_trip, whole.deviation, whole.loss_up, whole.loss_down) == (1500, 20, 40, UNKNOWN)
    assert (whole.late, whole.stays) == (round(SHARE * 20 / 30), (3000, 0, 0, 6000))
    assert combine([silent, silent]).round_trip == UNKNOWN


@given(records=st.lists(RECORDS, min_size=1, max_size=30))
def test_what_is_joined_lies_between_its_parts(records: list[Record]) -> None:
    whole = combine(records)
    known = [one.round_trip for one in records if one.round_trip != UNKNOWN and one.samples]
    assert whole.round_trip == UNKNOWN or len(records) == 1 or min(known) <= whole.round_trip <= max(known)
    assert whole.stays == tuple(sum(one.stays[at] for one in records) for at in range(4))
    assert whole.samples == sum(one.samples for one in records)
