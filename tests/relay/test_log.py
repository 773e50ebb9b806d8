import io
import json
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.log import LINES_AT_ONCE, LINES_BACK, MINUTE, MOST_BYTES, MOST_TALLIES, Log

VALUES = st.one_of(st.text(), st.binary(), st.none(), st.booleans(), st.integers(), st.floats())


def written(format: str, *, level: str = "info", **fields: object) -> str:
    stream = io.StringIO()
    log = Log(lambda: 0.0)
    log.configure(format, "debug", stream)
    log.event("carrier-lost", level=level, **fields)
    return stream.getvalue()


def test_text_is_time_name_and_pairs() -> None:
    _, rest = written("text", line="ix", rtt=0.12345678, streams=3, peer=None, spare=False).split(" ", 1)
    assert rest == "carrier-lost line=ix rtt=0.123457 streams=3 peer=null spare=false\n"


def test_a_level_other_than_info_is_shown() -> None:
    assert "carrier-lost level=warning line=ix" in written("text", level="warning", line="ix")


@pytest.mark.parametrize("forged", ["a\nb", "a b", 'a"b', "a=b", "", "a\x1b[2Jb", "a\u2028b", "a\udc80b"])
def test_a_value_stays_one_word(forged: str) -> None:
    line = written("text", target=forged)
    assert line.count("\n") == 1
    assert line.rstrip("\n").isprintable()
    assert json.loads(line.split("target=", 1)[1]) == forged


def test_json_holds_the_fields_and_our_own_win() -> None:
    record = json.loads(written("json", time="forged", event="forged", error=OSError(), data=b"\xff", far=float("inf")))
    assert record["event"] == "carrier-lost"
    assert record["time"].endswith("+00:00")
    assert (record["error"], record["data"], record["far"]) == ("OSError", "\\xff", "inf")


@given(st.sampled_from(["text", "json"]), VALUES, VALUES)
def test_any_value_makes_one_line(format: str, one: object, other: object) -> None:
    line = written(format, one=one, other=other)
    assert line.endswith("\n")
    assert len(line.splitlines()) == 1


def test_what_is_below_the_level_is_not_written() -> None:
    stream = io.StringIO()
    log = Log(lambda: 0.0)
    log.configure("text", "warning", stream)
    log.event("stream-opened", level="info")
    log.event("stream-opened", level="debug")
    log.event("line-lost", level="error")
    assert stream.getvalue().count("\n") == 1


def test_a_full_pipe_loses_lines_counts_them_and_says_so_later() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as source, os.fdopen(writer, "w") as stream:
        log = Log(lambda: 0.0)
        log.configure("json", "debug", stream)
        while log.dropped() < 3:
            log.event("path-ranked", level="debug", text="x" * 400)
        source.read(1 << 20)
        log.event("path-ranked")
        assert json.loads(source.read(MOST_BYTES))["lost_lines"] == 3
        log.event("path-ranked")
        assert "lost_lines" not in json.loads(source.read(MOST_BYTES))


@pytest.mark.parametrize("room", [0, 1, 20])
def test_a_line_that_a_full_disk_tears_is_lost_and_swallows_no_other(tmp_path: Path, room: int) -> None:
    """RLIMIT_FSIZE is the disk: a write that passes it is short, and the next one fails."""
    path, limits = tmp_path / "log", resource.getrlimit(resource.RLIMIT_FSIZE)
    with path.open("a") as stream:
        log = Log(lambda: 0.0)
        log.configure("json", "info", stream)
        log.event("path-up")
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, limits[1]))
            log.event("path-dead")
            log.event("path-dead")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        log.event("path-ranked")
        log.event("path-ranked")
    first, *torn, back, last = path.read_text().splitlines()
    assert [len(text) for text in torn] == ([room] if room else [])
    assert json.loads(first)["event"] == "path-up"
    assert (json.loads(back)["event"], json.loads(back)["lost_lines"], log.dropped()) == ("path-ranked", 2, 2)
    assert "lost_lines" not in json.loads(last)


def test_a_reader_that_left_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        log = Log(lambda: 0.0)
        log.configure("text", "info", stream)
        log.event("path-ranked")
        assert log.dropped() == 1


def test_a_closed_stream_and_a_value_that_cannot_be_shown_are_no_error() -> None:
    class Unspeakable:
        def __str__(self) -> str:
            raise RuntimeError

    stream = io.StringIO()
    log = Log(lambda: 0.0)
    log.configure("text", "info", stream)
    log.event("path-ranked", value=Unspeakable())
    stream.close()
    log.event("path-ranked")
    assert log.dropped() == 2


def test_a_line_never_outgrows_what_a_pipe_takes_at_once() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as source, os.fdopen(writer, "w") as stream:
        log = Log(lambda: 0.0)
        log.configure("json", "info", stream)
        log.event("path-ranked", **{f"field{count}": "\U0001f600" * 500 for count in range(5)})
        line = source.read(1 << 20)
        assert 0 < len(line) <= MOST_BYTES
        assert json.loads(line)["field4"].endswith("…")


class Written:
    """A log that a test reads, and whose clock it moves."""

    def __init__(self, level: str = "info") -> None:
        self.now = 1000.0
        self._stream = io.StringIO()
        self.log = Log(lambda: self.now)
        self.log.configure("json", level, self._stream)

    def take(self) -> list[dict[str, object]]:
        """What was written since it was asked last."""
        lines = self._stream.getvalue().splitlines()
        self._stream.seek(0)
        self._stream.truncate()
        return [json.loads(line) for line in lines]


def test_c3_a_flood_of_one_event_is_counted_not_written() -> None:
    written = Written()
    for _ in range(300_000):
        written.log.event("node-draining", node="us")
    assert len(written.take()) == LINES_AT_ONCE
    assert written.log.left_out() == 300_000 - LINES_AT_ONCE
    written.now += MINUTE - 0.1
    written.log.tell_left_out()
    assert not written.take()
    written.now += 0.1
    written.log.tell_left_out()
    (told,) = written.take()
    assert (told["event"], told["of"], told["count"]) == ("lines-left-out", "node-draining", 300_000 - LINES_AT_ONCE)


def test_a_flood_that_goes_on_writes_two_lines_a_minute_until_minutes_were_quiet() -> None:
    written = Written()
    for _ in range(3):
        for _ in range(100):
            written.log.event("node-draining", node="us")
        written.take()
        written.now += MINUTE
    written.log.event("node-draining", node="us")
    assert [line["event"] for line in written.take()] == ["lines-left-out", "node-draining"]
    for minutes in (1, LINES_AT_ONCE / LINES_BACK, 1_000_000):
        written.now += minutes * MINUTE
        written.log.tell_left_out()
        written.take()
        for _ in range(100):
            written.log.event("node-draining", node="us")
        assert len(written.take()) == min(minutes * LINES_BACK, LINES_AT_ONCE)
        written.now += MINUTE
        written.log.event("node-draining", node="us")


STRANGERS = {
    # what they can cause at the levels that are written by default, with values as long as they can be
    "an ingress": [
        (
            "client-refused",
            "",
            {"client": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "why": "address not in clients of the forward"},
        ),
        ("password-wrong", "", {"client": "2001:db8:ffff:ffff:ffff::/64", "refused_for": 123.5}),
        ("accept-paused", "", {"reason": "Too many open files in system", "accepted": 10**12}),
    ],
    "a node": [
        ("set-up-failed", "", {"peer": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff:65535", "why": "x" * 120}),
        ("set-up-failed", "certificates", {"peer": "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff:65535", "why": "x" * 120}),
        ("accept-paused", "", {"reason": "Too many open files in system", "accepted": 10**12}),
    ],
}


PACES = [(LINES_BACK,), (LINES_AT_ONCE,), (300,), (300, 0), (300, 1, 0, 0)]
"""Lines of each kind in a minute, and in the next ones, over and over."""


@pytest.mark.parametrize("where", STRANGERS)
@pytest.mark.parametrize("pace", PACES)
def test_d3_an_hour_of_strangers_is_less_than_a_megabyte_of_log(where: str, pace: tuple[int, ...]) -> None:
    """However fast they come, and also if they keep just below what is left out."""
    written, size = Written(), 0
    for minute in range(60):
        for name, about, fields in STRANGERS[where]:
            for _ in range(pace[minute % len(pace)]):
                written.log.event(name, level="warning", about=about, **fields)
        size += sum(len(json.dumps(line)) + 1 for line in written.take())
        written.now += MINUTE
    assert 10_000 < size < 600_000


def test_what_one_thing_causes_does_not_silence_another() -> None:
    written = Written()
    for _ in range(100):
        written.log.event("carrier-lost", about="ix", path="ix")
    written.take()
    written.log.event("carrier-lost", about="direct", path="direct")
    written.log.event("path-dead", about="ix", path="ix")
    assert [line["path"] for line in written.take()] == ["direct", "ix"]
    written.now += MINUTE
    written.log.tell_left_out()
    assert [line["about"] for line in written.take()] == ["ix"]


def test_things_without_end_share_a_tally() -> None:
    written = Written()
    for number in range(10 * MOST_TALLIES):
        written.log.event("carrier-lost", about=str(number))
    assert len(written.take()) == MOST_TALLIES + LINES_AT_ONCE
    written.now += MINUTE
    written.log.tell_left_out()
    assert [line["count"] for line in written.take()] == [9 * MOST_TALLIES - LINES_AT_ONCE]


def test_d3_whoever_holds_a_node_s_key_fills_no_disk_either_and_hides_no_other_news() -> None:
    written, size = Written(), 0
    for minute in range(60):
        for event in ("carrier-up", "carrier-lost", "carrier-failed", "opening-hedged"):
            for path in range(16):
                for _ in range(LINES_BACK):
                    written.log.event(event, about=str(path), path=f"ix-dmit/pacific-dmit/{path}", why="x" * 80)
        written.log.event("exit-lost", level="warning", node="us-dmit", streams=minute)
        lines = written.take()
        assert [line["streams"] for line in lines if line["event"] == "exit-lost"] == [minute]
        size += sum(len(json.dumps(line)) + 1 for line in lines)
        written.now += MINUTE
    assert 100_000 < size < 1_100_000


def test_at_debug_everything_is_written() -> None:
    written = Written("debug")
    for _ in range(100):
        written.log.event("stream-opened", level="debug")
    assert len(written.take()) == 100
    assert written.log.left_out() == 0


def test_a_subscriber_hears_what_it_asked_for_be_it_written_or_not() -> None:
    log, heard = Log(lambda: 0.0), []
    log.configure("text", "error", io.StringIO())
    end = log.subscribe({"path-dead"}, lambda *told: heard.append(told))
    other = log.subscribe({"path-dead"}, lambda *told: 1 / 0)
    for _ in range(2 * LINES_AT_ONCE):
        log.event("path-dead", path="a", error=ValueError(), more=b"\xff" * 2)
    log.event("path-up", path="a")
    log.event("path-dead", level="debug", path="a")
    assert len(heard) == 2 * LINES_AT_ONCE
    assert heard[0] == ("path-dead", "info", {"path": "a", "error": "ValueError", "more": "\\xff\\xff"})
    assert log.dropped() == 2 * LINES_AT_ONCE  # of whoever fails
    end()
    end()
    other()
    log.event("path-dead", path="b")
    assert len(heard) == 2 * LINES_AT_ONCE
