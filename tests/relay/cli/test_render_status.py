"""`relay status` as text: what is old says how old, what is empty says so."""

from typing import Any

from relay.cli.render_status import status_text

VITALS = {
    "up": 93_600.0, "cpu": 12.34, "load": 0.5, "lag": 0.0004, "worst_lag": 0.0123, "resident": 61_000_000,
    "memory": {"used": 1_200_000, "limit": 268_000_000}, "descriptors": {"used": 40, "limit": 1024},
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "version": 1, "node": "jp", "program": "0.1.0", "exit": False, "draining": False, "serial": 5, "digest": "0011",
    "certificate_ends": "2027-01-02T03:04:05+00:00", "vitals": VITALS, "lines": [], "connected": [], "refusals": {},
    "failures": {}, "counters": {"accepted": 0}, "datagrams": {
        "addresses": ["0.0.0.0:48350", "[::]:48350"], "labels": 3, "associations": 2, "received": 10, "sent": 9,
        "segments": True, "buffer": 4 << 20,
    },
}  # fmt: skip
LINE = {
    "line": "ix", "dial": None, "error": None, "age": None, "carriers": 2, "bytes_in": 52_000_000, "bytes_out": 0,
    "sent": None,
}  # fmt: skip


def test_a_node_that_was_just_started() -> None:
    assert status_text(ANSWER).splitlines() == [
        "jp: a relay, up for 1d, program 0.1.0",
        "file 5 (0011), certificate until 2027-01-02",
        "memory 61M, of which streams hold 1.2M of 268M; descriptors 40 of 1024",
        "processor 12.3 s used, load 0.50; late by 0.4 ms now, 12.3 in the last minutes",
        "datagrams at 0.0.0.0:48350, [::]:48350: 3 labels, 2 associations, 10 in, 9 out",
        "",
        "no ingress is connected",
        "",
        "no line leads here or starts here",
        "",
        "refused carriers: none",
        "targets not reached: none",
        "counted: none",
    ]


def test_a_node_at_work() -> None:
    shanghai = {"ingress": "shanghai", "sessions": 1, "carriers": 4, "streams": 17, "passed_on": 0}
    sent = {"segments": 20_000, "retransmitted": 45, "needless": 20}
    pacific = {**LINE, "line": "pacific", "dial": 0.1003, "age": 31.0, "sent": sent}
    coast = {
        **LINE,
        "line": "coast",
        "error": "Connection refused",
        "age": 4.0,
        "carriers": 0,
        "sent": {**sent, "segments": 9_999},
    }
    more = {
        "draining": True, "exit": True, "connected": [shanghai], "lines": [LINE, pacific, coast],
        "refusals": {"unknown_line": 3}, "failures": {"timed_out": 2, "policy": 1}, "counters": {"accepted": 7},
    }  # fmt: skip
    lines = status_text({**ANSWER, **more}).splitlines()
    assert lines[0].startswith("jp: an exit, draining, up for 1d")
    assert lines[6:] == [
        "ingress   sessions  carriers  streams  passed on",
        "shanghai         1         4       17          0",
        "",
        "line     carriers   in  out   lost  dial ms   ago",
        "ix              2  52M    0      -        -     -",
        "pacific         2  52M    0  0.12%    100.3   31s",
        "coast           0  52M    0      -        -  4.0s  Connection refused",
        "",
        "refused carriers: unknown line 3",
        "targets not reached: timed out 2, policy 1",
        "counted: accepted 7",
    ]


def test_u29_what_datagrams_do_without_is_said() -> None:
    told = {**ANSWER["datagrams"], "segments": False, "buffer": 212_992}
    text = " ".join(status_text({**ANSWER, "datagrams": told}).split())
    assert "sent one by one, since a device takes none together" in text
    assert "only 213k may wait to be read: let net.core.rmem_max be 4194304 (see deploy/)" in text
    none = {**ANSWER["datagrams"], "addresses": []}
    assert "datagrams: none, since no UDP port could be had" in status_text({**ANSWER, "datagrams": none})
