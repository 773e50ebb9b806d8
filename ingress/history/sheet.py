"""Records as bytes: a *sheet* has those of everything in one span, a *strip* those of one series in a day's quarters.

Sheet: version (1 byte), a zero, how many (2 bytes), their ids in rising order (4 bytes each), their records (40 bytes
each). Strip: version (1 byte), then, compressed by zlib, column behind column, each of 96 values of two bytes: all
their low bytes, then all high ones. Everything is little-endian. What cannot be read is a ValueError, never anything
else.

What was moved is a float of four bytes in a sheet and of two in a strip, the upper half of the four: right to 0.4 %.
The other half would be noise, and half of the file.
"""

import struct
import zlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final

from ingress.history.record import DAY, EMPTY, MOST_STREAMS, QUARTER, Record

SHEET_VERSION: Final = 1
STRIP_VERSION: Final = 1
IN_A_DAY: Final = DAY // QUARTER
WHOLE: Final = 11
"""Columns that are whole numbers of two bytes; the others are floats, of two bytes and of four."""
RECORD: Final = struct.Struct(f"<{WHOLE}He4f")
HEAD: Final = struct.Struct("<BxH")
COLUMNS: Final = "H" * WHOLE + "e" + "f" * 4
LENGTH: Final = 2 * len(COLUMNS) * IN_A_DAY
MOST_WHOLE: Final = 0xFFFF
MOST_FLOAT: Final = 3e38


def pack_sheet(records: Mapping[int, Record]) -> bytes:
    """The sheet of *records* by the id of their series."""
    ids = sorted(records)
    rows = b"".join(RECORD.pack(*_fitting(records[one])) for one in ids)
    return HEAD.pack(SHEET_VERSION, len(ids)) + struct.pack(f"<{len(ids)}I", *ids) + rows


def _fitting(record: Record) -> list[float]:
    values: list[float] = [min(MOST_WHOLE, value) for value in record[:WHOLE]]
    values.append(min(MOST_STREAMS, record.streams))
    return values + [min(MOST_FLOAT, value) for value in record[WHOLE + 1 :]]


def ids_in_sheet(sheet: bytes) -> tuple[int, ...]:
    """Of which series it has records."""
    if len(sheet) < HEAD.size:
        raise ValueError("a sheet that is too short")
    version, count = HEAD.unpack_from(sheet)
    if version != SHEET_VERSION:
        raise ValueError(f"a sheet of version {version}")
    if len(sheet) != HEAD.size + count * (4 + RECORD.size):
        raise ValueError("a sheet that was cut")
    return struct.unpack_from(f"<{count}I", sheet, HEAD.size)


def unpack_sheet(sheet: bytes) -> dict[int, Record]:
    """All that stands in it."""
    ids = ids_in_sheet(sheet)
    rows = RECORD.iter_unpack(memoryview(sheet)[HEAD.size + 4 * len(ids) :])
    return dict(zip(ids, map(Record._make, rows), strict=True))


def find_in_sheet(sheet: bytes, series: int) -> Record | None:
    """The record of one series: 3 microseconds."""
    ids = ids_in_sheet(sheet)
    at = bisect_left(ids, series)
    if at == len(ids) or ids[at] != series:
        return None
    return Record._make(RECORD.unpack_from(sheet, HEAD.size + 4 * len(ids) + at * RECORD.size))


def pack_strip(records: Mapping[int, Record]) -> bytes:
    """The strip of *records* by the number of their quarter in the day, from 0 to 95; the others are EMPTY."""
    rows = [_fitting(records.get(number, EMPTY)) for number in range(IN_A_DAY)]
    columns = zip(*rows, strict=True)
    packed = b"".join(_planes(column, code) for column, code in zip(columns, COLUMNS, strict=True))
    return bytes([STRIP_VERSION]) + zlib.compress(packed)


def _planes(column: Sequence[float], code: str) -> bytes:
    """All low bytes, then all high ones: what is alike stands together."""
    data = struct.pack(f"<{IN_A_DAY}{code}", *column)
    if code == "f":
        upper = [(value + 0x8000) >> 16 for value in struct.unpack(f"<{IN_A_DAY}I", data)]
        data = struct.pack(f"<{IN_A_DAY}H", *upper)
    return data[::2] + data[1::2]


def unpack_strip(strip: bytes) -> dict[int, Record]:
    """The reverse of `pack_strip`."""
    if not strip or strip[0] != STRIP_VERSION:
        raise ValueError(f"a strip of version {strip[:1].hex() or 'none'}")
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(strip[1:], LENGTH + 1)
    except zlib.error as error:
        raise ValueError(f"a strip that is broken: {error}") from error
    if len(data) != LENGTH or not unpacker.eof:
        raise ValueError("a strip of another length")
    size = 2 * IN_A_DAY
    columns = [_column(data[at * size : (at + 1) * size], code) for at, code in enumerate(COLUMNS)]
    records = map(Record._make, zip(*columns, strict=True))
    return {number: record for number, record in enumerate(records) if not record.is_empty}


def _column(planes: bytes, code: str) -> tuple[float, ...]:
    data = bytearray(len(planes))
    data[::2], data[1::2] = planes[:IN_A_DAY], planes[IN_A_DAY:]
    if code == "f":
        upper = struct.unpack(f"<{IN_A_DAY}H", data)
        return struct.unpack(f"<{IN_A_DAY}f", struct.pack(f"<{IN_A_DAY}I", *(value << 16 for value in upper)))
    return struct.unpack(f"<{IN_A_DAY}{code}", data)
