"""The answer to `why`."""

import math

import pytest

from ingress.choice.chooser import Chooser
from ingress.choice.cost import TOLD_APART
from ingress.choice.demand import Demand
from ingress.choice.ranking import ENOUGH, FOR_A_SECOND, PLAIN
from ingress.choice.rules import Match
from ingress.config.rule import Denial, Rule
from ingress.measure.capacity import Capacities, Way
from ingress.measure.figures import Source
from ingress.measure.health import PathState
from ingress.report.rows import BulkRow, OfferRow
from ingress.report.why import NO_PATH
from relay.model.families import Families
from tests.ingress.choice.figures import chooser, figure
from tests.ingress.report.running import Running, explained

HOST = Demand("example.com", 443)


def test_why_adds_up() -> None:
    running = Running()
    running.chooser.connect_times.used("www.example.com", 443, 4.0)
    demand = Demand("www.example.com", 443, "10.0.0.1")
    running.chooser.connected(demand, "us1", 0.004, 4.0)
    choice = running.chooser.decide(demand, 4.0)
    assert choice is not None
    running.chooser.opened(choice, 4.0)
    told = explained(running.chooser, Demand("www.example.com", 443), 6.0)
    assert (told.target, told.site, told.paths, told.exit) == ("www.example.com:443", "example.com", ["ix1/j1u"], "us1")
    assert told.reason == "best for this site (best)"
    first, second = told.candidates
    assert [(term.name, term.source) for term in first.terms] == [
        ("round trip", "measured"),
        ("2 x deviation", "measured"),
        ("late", "measured"),
        ("lost", "measured"),
        ("exit to target", "used"),
        ("first byte", "used"),
    ]
    for candidate in told.candidates:
        assert candidate.cost == pytest.approx(sum(term.value for term in candidate.terms))
    assert second.cost - first.cost == pytest.approx(0.02, abs=0.001)
    assert told.would_switch[0].startswith(
        f"ix2/j2u takes over when it was cheaper by {FOR_A_SECOND * 1000:.0f} ms for a second, or by"
    )
    assert told.would_switch[0].endswith("ms of doubt: now it is 20.2 ms dearer")
    assert told.would_switch[1] == "at once when ix1/j1u stalls or dies: to ix2/j2u"
    assert (told.margin, told.kept, told.answers_early) == (pytest.approx(0.003), {"us1": 1}, True)


def test_why_counts_up_to_a_switch_and_remembers_it() -> None:
    gain = 0.003  # far more than the doubt: it counts whole
    each = gain * max(1.0, gain / PLAIN) / 2  # of what half a second is worth
    enough = math.ceil(ENOUGH / each)
    made = chooser(figure("a>us", 130), figure("b>us", 140))
    for half in range(1, 9):
        made.rank([figure("a>us", 130), figure("b>us", 127)], half / 2)
    said = explained(made, Demand("::1", 22), 4.0)
    assert said.would_switch[0].endswith(
        f"not counting {TOLD_APART * 1000:.1f} ms of doubt: now it is 3.0 ms cheaper; "
        f"it is {8 * each / ENOUGH:.0%} of the way"
    )
    assert (said.target, said.answers_early) == ("[::1]:22", False)
    for half in range(9, enough + 2):
        made.rank([figure("a>us", 130), figure("b>us", 127)], half / 2)
    (switch,) = explained(made, HOST, enough / 2 + 4.0).switches
    assert (switch.age, switch.old, switch.new, switch.reason) == (4.0, "a", "b", "3.0 ms cheaper")


def test_why_says_that_what_is_assumed_waits_for_its_own_round_trip() -> None:
    told = explained(chooser(figure("a>us", 130), figure("b>us", 50, source=Source.ASSUMED)), HOST, 1.0)
    assert told.would_switch[0] == "b takes over only once its own round trip was measured"


def test_why_asks_without_leaving_a_trace() -> None:
    running = Running()
    explained(running.chooser, Demand("example.com", 443), 5.0)
    assert len(running.chooser.affinity) == 0
    assert [entry.given for entry in running.chooser.ranking.order] == [0, 0]


def test_why_with_no_path_says_so() -> None:
    told = explained(Chooser(["us1"]), Demand("example.com", 443), 0.0)
    assert (told.paths, told.exit, told.reason, told.candidates) == ([], None, NO_PATH, [])


def test_why_with_one_path_that_works_says_that_nothing_takes_over() -> None:
    told = explained(chooser(figure("a>us", 100), figure("b>us", 90, PathState.DOWN)), HOST, 1.0)
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
    told = explained(chooser(figure("a>us", 100), rival), HOST, 1.0)
    assert told.would_switch[:2] == [
        f"b takes over when nothing better works: {reason}",
        "at once when a stalls or dies: to b",
    ]


def test_why_of_a_demand_that_only_one_exit_may_take() -> None:
    made = chooser(figure("a>us", 100), figure("b>hk", 130))
    told = explained(made, Demand("192.168.7.9", 443, exits=frozenset({"hk"})), 1.0)
    assert (told.paths, told.exit, told.reason) == (["b"], "hk", "best of the exits that may dial it (costs 130 ms)")
    assert [row.path for row in told.candidates] == ["a", "b"]


def test_f2_an_exit_without_the_targets_family_says_so() -> None:
    made = chooser(figure("a>us", 100), figure("b>eu", 150))
    made.families.tell({"us": Families.IPV4})
    told = explained(made, Demand("2001:4860:4860::8888", 443), 1.0)
    assert (told.exit, [row.reason for row in told.candidates]) == (
        "eu",
        ["us has no way into the world by IPv6", "costs 150 ms"],
    )


def test_why_says_where_bulk_would_go() -> None:
    capacities = Capacities()
    for line, speed in {"a": 2.5e6, "b": 25e6}.items():
        capacities.saw((line, Way.DOWN), speed, 1.0)
    made = chooser(figure("a>us", 130), figure("b>us", 140), figure("c>us", 120, PathState.DOWN))
    capacities.held_to(("a", Way.DOWN), 2.5e6, 1.0)
    capacities.held_to(("b", Way.DOWN), 25e6, 1.0)
    told = explained(made, HOST, 1.0, capacities)
    assert told.paths == ["a"]
    assert told.bulk == [
        BulkRow("down", "b", 25e6, False, "the fastest that is known"),
        BulkRow("up", "a", 0.0, True, "to see what it carries"),
    ]
    assert told.candidates[1].offers == [OfferRow("down", 25e6, 25e6), OfferRow("up", 0.0, None)]
    assert explained(made, Demand("example.com", 443, legs=2), 1.0, capacities).bulk == []


@pytest.mark.parametrize(
    ("rule", "exits", "exit_", "reason", "does"),
    [
        (
            Rule(name="lan", direct=True),
            None,
            "direct",
            "dialled from this machine: no line carries it",
            "direct, from this machine",
        ),
        (Rule(name="ads", deny=Denial.REFUSE), None, None, "denied by rule: rule ads", "denied"),
        (Rule(name="bugs", deny=Denial.DROP), None, None, "dropped by rule: rule bugs", "dropped without a word"),
        (
            Rule(name="bank", exits=("hk", "tw"), exit_nodes=frozenset({"hk", "tw"})),
            frozenset({"hk", "tw"}),
            None,
            "no path that rule bank allows is up; a new stream waits a few seconds for one",
            "exit hk or tw",
        ),
    ],
)
def test_why_says_what_a_rule_does(
    rule: Rule, exits: frozenset[str] | None, exit_: str | None, reason: str, does: str
) -> None:
    made = chooser(figure("a>us", 100))
    demand = Demand("www.example.com", 443, exits=exits, match=Match(rule, "www.example.com"))
    told = explained(made, demand, 1.0)
    assert (told.paths, told.exit, told.reason) == ([], exit_, reason)
    assert told.rule is not None
    assert (told.rule.title, told.rule.because, told.rule.does) == (rule.title, "www.example.com", does)
