"""An ingress in the words of Clash, as values."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.clash.connections import connections
from ingress.clash.delays import KEPT, OFTEN, Delays, delay, moment
from ingress.clash.proxies import AUTO, GLOBAL, ExitGroup, delays, groups_of, proxies
from ingress.clash.traffic import OLD, Speeds
from ingress.report.rows import PathRow
from tests.ingress.report.running import Running
from tests.ingress.report.test_stream_rows import row

PATHS = [found for found in Running().report(5.0).paths if found.rank is not None]


def path(name: str, trip: float | None = 0.1, state: str = "up", exit_: str = "us1") -> PathRow:
    return attrs.evolve(PATHS[0], path=name, round_trip=trip, state=state, exit=exit_)


@pytest.mark.parametrize(
    ("trip", "state", "told"),
    [
        (0.1304, "up", 130),
        (0.1, "held", 100),
        (0.0001, "up", 1),
        (0.1, "stalled", 0),
        (0.1, "down", 0),
        (None, "up", 0),
    ],
)
def test_delays_are_whole_milliseconds(trip: float | None, state: str, told: int) -> None:
    assert delay(path("a", trip, state)) == told


def test_the_last_delays_are_kept_and_no_more_often_than_is_of_use() -> None:
    kept = Delays()
    for now in range(100):
        kept.note([path("a")], float(now))
    assert len(kept.bars()["a"]) == 100 // OFTEN
    for now in range(100, 1000):
        kept.note([path("a")], float(now))
    assert len(kept.bars()["a"]) == KEPT
    kept.note([path("a", state="down")], 1000.0)  # a change is told at once
    assert kept.bars()["a"][-1] == {"time": moment(1000.0), "delay": 0}
    kept.note([], 1001.0)
    assert kept.bars() == {}
    assert moment(0.5) == "1970-01-01T00:00:00.500Z"


def test_groups_are_those_of_exits() -> None:
    rows = [path("a", exit_="us1"), path("b", exit_="us2"), path("c", exit_="eu")]
    exits = {"us1": "us", "us2": "us", "eu": None, "auto": "auto", "clash": "c"}
    assert groups_of(exits, rows) == [ExitGroup("us", ("a", "b"))]


@pytest.mark.parametrize(
    ("fixed", "now", "group_now", "group_fixed"),
    [("", "b", "b", ""), ("a", "a", "a", "a"), ("us", "us", "b", ""), ("jp-dmit", "b", "b", "")],
)
def test_what_is_taken_now(fixed: str, now: str, group_now: str, group_fixed: str) -> None:
    rows = [path("a", state="down"), path("b")]
    found = proxies(rows, [ExitGroup("us", ("a", "b"))], fixed, {})
    assert found[AUTO]["now"] == now and found["us"]["now"] == group_now and found["us"]["fixed"] == group_fixed
    assert found[GLOBAL]["all"] == [AUTO, "us", "a", "b"] and found[GLOBAL]["now"] == AUTO
    assert (found["a"]["alive"], found["b"]["alive"]) == (False, True)
    assert delays(rows, ("a", "b", "us")) == {"b": 100}


def test_without_any_path_there_is_still_an_answer() -> None:
    found = proxies([], [ExitGroup("us", ())], "", {})
    assert found[AUTO]["now"] == "" and found["us"]["all"] == [] and found[AUTO]["alive"] is False


def test_speeds_are_of_the_last_second() -> None:
    speeds = Speeds()
    assert speeds.look((100, 200), 0.0) == {"up": 0, "down": 0, "upTotal": 100, "downTotal": 200}
    assert speeds.look((150, 1200), 1.0) == {"up": 50, "down": 1000, "upTotal": 150, "downTotal": 1200}
    assert speeds.look((150, 1000), 2.0)["down"] == 0  # a path went, and what it carried with it
    assert speeds.look((9000, 9000), 3.0 + OLD)["up"] == 0


@given(target=st.text(max_size=30), rule=st.text(max_size=5))
def test_any_stream_has_its_row(target: str, rule: str) -> None:
    told = connections([row(1, target=target, rule=rule)], (3, 4), {"us": "usa"}, 5, 100.0)
    (one,) = told["connections"]
    assert (told["uploadTotal"], told["downloadTotal"], told["memory"]) == (3, 4, 5)
    assert one["id"] == "1" and one["rule"] == (rule or "Match") and one["chains"] == ["p", "usa", AUTO]
    meta = one["metadata"]
    assert not (meta["host"] and meta["destinationIP"])


def test_chains_of_what_waits_and_of_what_leaves_from_here() -> None:
    told = connections(
        [row(1, path=""), row(2, exit="direct"), row(3, exit="eu", target="[2001:db8::1]:53")], (0, 0), {}, 0, 0.0
    )
    assert [one["chains"] for one in told["connections"]] == [[AUTO], ["DIRECT"], ["p", AUTO]]
    assert told["connections"][2]["metadata"]["destinationIP"] == "2001:db8::1"
