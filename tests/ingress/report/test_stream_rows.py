"""Rows of what is open: their order, what is left out, and rates between two looks."""

from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.demand import Demand
from ingress.client.client_accounts import Relayed
from ingress.client.client_stream import ClientStream
from ingress.client.flows import AssociationClient
from ingress.report.stream_rows import OFTEN, OLD, SORTS, StreamList, StreamQuestion, StreamRow


@attrs.define(eq=False)
class Relay:
    """An association that somebody may look at."""

    up: int = 0
    down: int = 0

    def count(self) -> None:
        raise AssertionError("a look counts nothing")

    def look(self) -> Relayed:
        return Relayed(AssociationClient("10.0.0.9", "bob"), "", 0, "", None, 0.0, self.up, self.down)

    def end(self) -> None:
        raise AssertionError("a look ends nothing")


class Open:
    """Streams that wait for a path, and associations."""

    def __init__(self, hosts: list[str], relays: list[Relay]) -> None:
        made = [ClientStream(None, None, Demand(host, 443, f"10.0.0.{at}"), float(at)) for at, host in enumerate(hosts)]  # type: ignore[arg-type]
        self.numbered: Mapping[ClientStream, int] = {stream: at + 1 for at, stream in enumerate(made)}
        self.associations = {relay: at + 100 for at, relay in enumerate(relays)}


def row(number: int, **others: object) -> StreamRow:
    usual: dict[str, object] = {"protocol": "tcp", "client": "c", "user": "", "target": "t:1", "rule": "", "path": "p",
                                "exit": "us", "age": 1.0, "up": 0, "down": 0, "moves": 0, "rate_up": None,
                                "rate_down": None}  # fmt: skip
    return StreamRow(id=number, **{**usual, **others})  # type: ignore[arg-type]


def test_rates_are_of_what_passed_between_two_looks() -> None:
    relay = Relay()
    streams = StreamList(Open([], [relay]), lambda stream: "")

    def rates(now: float) -> tuple[int | None, int | None]:
        (found,) = streams.rows(now)
        return found.rate_up, found.rate_down

    assert rates(0.0) == (None, None)
    relay.up, relay.down = 1000, 4000
    assert rates(2.0) == (500, 2000)
    relay.up = 9000
    assert rates(2.0 + OFTEN / 2) == (500, 2000)  # too soon: those of the last look
    assert rates(6.0) == (2000, 0)
    assert rates(7.0 + OLD) == (None, None)


def test_what_is_open_is_told_with_how_much_of_it_matches() -> None:
    streams = StreamList(Open(["a.example", "b.example", "2001:db8::1"], [Relay()]), lambda stream: "")
    answer = streams.answer(StreamQuestion(match="example", limit=1), 10.0)
    assert (answer["total"], answer["matched"]) == (4, 2)
    (shown,) = answer["streams"]
    assert (shown["target"], shown["client"], shown["age"], shown["exit"]) == (
        "b.example:443",
        "10.0.0.1",
        9.0,
        "direct",
    )
    (address,) = streams.answer(StreamQuestion(match="[2001"), 10.0)["streams"]
    assert address["target"] == "[2001:db8::1]:443"
    (relayed,) = streams.answer(StreamQuestion(match="bob"), 10.0)["streams"]
    assert (relayed["protocol"], relayed["target"], relayed["exit"]) == ("udp", "", "")


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("age", [3, 2, 1]),
        ("-age", [1, 2, 3]),
        ("rate", [2, 3, 1]),
        ("bytes", [2, 1, 3]),
        ("moves", [3, 1, 2]),
        ("client", [2, 1, 3]),
        ("user", [3, 1, 2]),
    ],
)
def test_orders(sort: str, order: list[int]) -> None:
    rows = [
        row(1, age=9.0, up=5, moves=1, client="b", user="x"),
        row(2, age=5.0, down=7, rate_down=10, client="a", user="y"),
        row(3, age=1.0, rate_up=4, moves=2, client="c", user=""),
    ]
    assert [each.id for each in sorted(rows, key=SORTS[sort])] == order


@given(sort=st.sampled_from(sorted(SORTS)), match=st.text(max_size=3), limit=st.integers(1, 5))
def test_any_question_is_answered(sort: str, match: str, limit: int) -> None:
    streams = StreamList(Open(["a.example", "b.example"], [Relay(), Relay()]), lambda stream: "ix/pacific")
    answer = streams.answer(StreamQuestion(sort, match.lower(), limit), 1.0)
    assert len(answer["streams"]) == min(limit, answer["matched"]) and answer["matched"] <= answer["total"] == 4
