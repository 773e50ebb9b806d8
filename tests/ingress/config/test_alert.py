"""`[[alert]]` as it stands in the file."""

import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.config import read_file
from ingress.config.alert import KINDS, UNASKED, Alert, Quiet
from ingress.config.show import as_toml
from relay.config.mistakes import ConfigError

NETWORK = """
version = 1
[ingress.shanghai]
listen = "127.0.0.1:1080"
[node.us]
address = "198.51.100.1:443"
exit = true
[line.a]
from = "shanghai"
to = "us"
"""


def read(tmp_path: Path, alert: str) -> Alert:
    file = tmp_path / "paths.toml"
    file.write_text(f"{NETWORK}\n[[alert]]\n{alert}\n")
    found = read_file(file)
    again = tmp_path / "again.toml"
    again.write_text(as_toml(found))
    assert read_file(again).alerts == found.alerts
    return found.alerts[0]


def test_what_is_told_if_nothing_is_said(tmp_path: Path) -> None:
    alert = read(tmp_path, 'to = "json://host/"')
    assert set(alert.when) == UNASKED
    assert (alert.language, alert.quiet) == ("en", None)
    assert [(one.url, one.secret, one.is_webhook) for one in alert.to] == [("json://host/", None, False)]


def test_all_that_can_be_said(tmp_path: Path) -> None:
    alert = read(
        tmp_path,
        'to = [{ file = "a.url" }, { env = "B" }, "mailto://host"]\nwebhook = { file = "c.url" }\n'
        'command = ["tell", "me"]\nwhen = { line = "5m", config = "1s" }\nlang = "zh"\n'
        'quiet = { from = "23:00", to = "07:30", zone = "Asia/Shanghai" }',
    )
    assert alert.when == {"line": 300.0, "config": 1.0}
    assert alert.quiet == Quiet(23 * 60, 7 * 60 + 30, "Asia/Shanghai")
    assert [one.place.partition(", ")[2] for one in alert.to] == ["to 1", "to 2", "to 3", "webhook", "command"]
    assert alert.to[0].secret is not None
    assert alert.to[0].secret.file == str(tmp_path / "a.url")
    assert alert.to[3].is_webhook
    assert alert.to[4].command == ("tell", "me")


def test_kinds_in_a_list_take_their_time(tmp_path: Path) -> None:
    assert read(tmp_path, 'to = "json://host"\nwhen = ["path", "exit"]').when == {"path": 60.0, "exit": 60.0}
    assert read(tmp_path, 'to = "json://host"\nwhen = "down"').when == {"down": KINDS["down"]}


@pytest.mark.parametrize(
    ("alert", "said"),
    [
        ('lang = "zh"', "it does not say who is told"),
        ('to = "host"', "is not a URL"),
        ('to = "http://[::1"', "is not a URL"),
        ('to = { files = "x" }', "not one of file and env"),
        ('webhook = "ftp://host/"', "is no web address"),
        ('to = "json://h"\nwhen = ["lines"]', "is nothing that is told"),
        ('to = "json://h"\nwhen = []', "it names nothing"),
        ('to = "json://h"\nwhen = { line = 5 }', "when"),
        ('to = "json://h"\nlang = "fr"', "lang"),
        ('to = "json://h"\nquiet = "night"', "is not a time of the day"),
        ('to = "json://h"\nquiet = { from = "25:00", to = "07:00" }', "is no time of the day"),
        ('to = "json://h"\nquiet = { from = "07:00", to = "07:00" }', "begins when it ends"),
        ('to = "json://h"\nquiet = { from = "23:00", to = "07:00", zone = "Mars/Base" }', "is no time zone"),
        ('to = "json://h"\nsound = true', "sound"),
        (f"to = {['json://h'] * 17}", "are too many"),
    ],
)
def test_mistakes(tmp_path: Path, alert: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, alert)


DAY = 1_700_000_000


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_quiet_hours_go_over_midnight(start: int, end: int, minute: int) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    wall = datetime.datetime(2026, 3, 3, minute // 60, minute % 60, tzinfo=zone).timestamp()
    expected = (minute - start) % 1440 < (end - start) % 1440
    assert Quiet(start, end, "Asia/Shanghai").holds(wall) is expected


def test_without_a_zone_it_is_this_machine_s() -> None:
    clock = datetime.datetime.fromtimestamp(DAY)
    minute = 60 * clock.hour + clock.minute
    assert Quiet(minute, (minute + 1) % 1440).holds(DAY)
