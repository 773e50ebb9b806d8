"""What a stream asks of the choice, as rules and permits make it."""

import pytest

from ingress.choice.demand import Demand, Demands
from ingress.choice.rules import Rules
from ingress.config.rule import Denial, NamePattern, PortRange, Rule
from ingress.lists.entries import Scope
from relay.model.cause import Cause

RULES = (
    Rule(ports=(PortRange(22, 22),)),
    Rule(hosts=(NamePattern(Scope.BELOW, "broker.example"),), redundant=True),
    Rule(users=("ann",), redundant=True),
)


@pytest.mark.parametrize(
    ("host", "port", "user", "legs"),
    [
        ("api.broker.example", 443, "", 2),
        ("api.broker.example", 22, "", 1),  # the first rule that matches wins, and says nothing of legs
        ("broker.example", 443, "", 1),
        ("x.example", 443, "ann", 2),
        ("x.example", 443, "eve", 1),
    ],
)
def test_the_rules_make_the_legs(host: str, port: int, user: str, legs: int) -> None:
    assert Demands(Rules(RULES)).make(host, port, "10.0.0.1", user, None).legs == legs
    assert Demands().make(host, port, "10.0.0.1", user, None).legs == 1


def test_the_rest_is_as_it_was_asked() -> None:
    made = Demands().make("www.example.co.jp", 80, "10.0.0.1", "ann", frozenset({"us", "eu"}))
    assert (made.host, made.port, made.site) == ("www.example.co.jp", 80, "example.co.jp")
    assert (made.client, made.user, made.exits) == ("10.0.0.1", "ann", frozenset({"us", "eu"}))
    assert repr(made) == "<Demand www.example.co.jp:80 by 10.0.0.1, eu, us, 1 legs>"


@pytest.mark.parametrize(("exits", "shown"), [(None, "any exit"), (frozenset(), "no exit")])
def test_it_shows_who_may_take_it(exits: frozenset[str] | None, shown: str) -> None:
    assert repr(Demand("a", 1, exits=exits)) == f"<Demand a:1 by nobody, {shown}, 1 legs>"


def made_by(*rules: Rule, exits: frozenset[str] | None = None) -> Demand:
    return Demands(Rules(rules)).make("a.example", 443, "10.0.0.1", "", exits)


def test_a_rule_bounds_the_exits_and_never_widens_what_may_dial() -> None:
    rule = Rule(exits=("us",), exit_nodes=frozenset({"us1", "us2"}), name="broker")
    assert made_by(rule).exits == frozenset({"us1", "us2"})
    assert made_by(rule, exits=frozenset({"us2", "eu"})).exits == frozenset({"us2"})
    assert made_by(rule).ruled == "rule broker"
    assert made_by(rule).otherwise is None


def test_one_that_falls_through_asks_again_without_its_exits() -> None:
    rule = Rule(exits=("us1",), exit_nodes=frozenset({"us1"}), falls_through=True)
    made = made_by(rule, exits=frozenset({"us1", "eu"}))
    assert made.exits == frozenset({"us1"})
    assert made.otherwise is not None
    assert made.otherwise.exits == frozenset({"us1", "eu"})


@pytest.mark.parametrize(("deny", "cause"), [(Denial.REFUSE, Cause.DENIED), (Denial.DROP, Cause.DROPPED), (None, None)])
def test_what_is_denied_has_a_cause(deny: Denial | None, cause: Cause | None) -> None:
    made = made_by(Rule(deny=deny, place="rule 3 (line 9)"))
    assert made.refusal is cause
    assert made.ruled == ("rule 3 (line 9)" if deny else "")
