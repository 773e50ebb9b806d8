"""The answer to `why`."""

import pytest

from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.measure.health import PathState
from ingress.report.why import NO_PATH, explain
from relay.model.families import Families
from tests.ingress.choice.figures import chooser, figure
from tests.ingress.report.running import Running

HOST = Demand("example.com", 443)


def test_why_adds_up() -> None:
    running = Running()
    running.chooser.connect_times.used("www.example.com", 443, 4.0)
    demand = Demand("www.example.com", 443, "10.0.0.1")
    running.chooser.connected(demand, "us1", 0.004, 4.0)
    choice = running.chooser.decide(demand, 4.0)
    assert choice is not None
    running.chooser.opened(choice, 4.0)
    told = explain(running.chooser, Demand("www.example.com", 443), 6.0)
    assert (told.target, told.site, told.paths, told.exit) == ("www.example.com:443", "example.com", ["ix1/j1u"], "us1")
    assert told.reason == "best for this site (best)"
    first, second = told.candidates
    assert [(term.name, term.source) for term in first.terms] == [
        ("round trip", "measured"),
        ("2 x deviation", "measured"),
        ("late", "measured"),
        ("exit to target", "used"),
    ]
    for candidate in told.candidates:
        assert candidate.cost == pytest.approx(sum(term.value for term in candidate.terms))
    assert second.cost - first.cost == pytest.approx(0.02, abs=0.001)
    assert (
        told.would_switch[0] == "ix2/j2u takes over when it is 3.0 ms cheaper for 3 s on end (now it is 20.0 ms dearer)"
    )
    assert told.would_switch[1] == "at once when ix1/j1u stalls or dies: to ix2/j2u"
    assert (told.margin, told.kept, told.answers_early) == (pytest.approx(0.003), {"us1": 1}, True)


def test_why_counts_down_to_a_switch_and_remembers_it() -> None:
    running = Running()
    running.answer("ix2/j2u", 0.11, -55.0, 120)  # long enough for the change itself to be forgotten
    for now in (6.0, 7.5, 9.5, 10.0):
        running.rank(now)
        if now == 7.5:
            said = explain(running.chooser, Demand("::1", 22), now)
            assert said.would_switch[0] == "ix2/j2u is 20.0 ms cheaper for 1.5 s: it takes over after 3 s"
            assert (said.target, said.answers_early) == ("[::1]:22", False)
    (switch,) = explain(running.chooser, Demand("example.com", 443), 12.0).switches
    assert (switch.age, switch.old, switch.new) == (2.5, "ix1/j1u", "ix2/j2u")


def test_why_asks_without_leaving_a_trace() -> None:
    running = Running()
    explain(running.chooser, Demand("example.com", 443), 5.0)
    assert len(running.chooser.affinity) == 0
    assert [entry.given for entry in running.chooser.ranking.order] == [0, 0]


def test_why_with_no_path_says_so() -> None:
    told = explain(Chooser(["us1"]), Demand("example.com", 443), 0.0)
    assert (told.paths, told.exit, told.reason, told.candidates) == ([], None, NO_PATH, [])


def test_why_with_one_path_that_works_says_that_nothing_takes_over() -> None:
    told = explain(chooser(figure("a>us", 100), figure("b>us", 90, PathState.DOWN)), HOST, 1.0)
    assert told.would_switch[0] == "nothing: no other path works beside a"
    assert len(told.would_switch) == 2  # and when a client leaves its exit
    assert told.margin == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("rival", "reason"),
    [
        (figure("b>us", 50, line={"backup": True}), "backup: only when nothing else is up"),
        (figure("b>us", 50, PathState.HELD, reason="on trial for 3 s more"), "on trial for 3 s more"),
        (figure("b>us", 50, leaving="node us drains"), "node us drains"),
    ],
)
def test_why_says_what_keeps_a_cheaper_path_behind(rival, reason: str) -> None:
    told = explain(chooser(figure("a>us", 100), rival), HOST, 1.0)
    assert told.would_switch[:2] == [
        f"b takes over when nothing better works: {reason}",
        "at once when a stalls or dies: to b",
    ]


def test_why_tells_a_cheaper_one_within_the_margin() -> None:
    made = chooser(figure("a>us", 100), figure("b>us", 101))
    made.rank([figure("a>us", 101), figure("b>us", 100)], 1.0)
    assert (
        explain(made, HOST, 1.0).would_switch[0]
        == "b takes over when it is 3.0 ms cheaper for 3 s on end (now it is 1.0 ms cheaper)"
    )


def test_why_of_a_demand_that_only_one_exit_may_take() -> None:
    made = chooser(figure("a>us", 100), figure("b>hk", 130))
    told = explain(made, Demand("192.168.7.9", 443, exits=frozenset({"hk"})), 1.0)
    assert (told.paths, told.exit, told.reason) == (["b"], "hk", "best of the exits that may dial it (costs 130 ms)")
    assert [row.path for row in told.candidates] == ["a", "b"]


def test_f2_an_exit_without_the_targets_family_says_so() -> None:
    made = chooser(figure("a>us", 100), figure("b>eu", 150))
    made.families.tell({"us": Families.IPV4})
    told = explain(made, Demand("2001:4860:4860::8888", 443), 1.0)
    assert (told.exit, [row.reason for row in told.candidates]) == (
        "eu",
        ["us has no way into the world by IPv6", "costs 150 ms"],
    )
