"""What a stream asks of the choice, as rules and permits make it."""

import pytest

from ingress.choice.demand import Demand, Demands
from ingress.config import Rule

RULES = (Rule(ports=(22,)), Rule(hosts=("*.broker.example",), redundant=True), Rule(users=("ann",), redundant=True))


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
    assert Demands(RULES).make(host, port, "10.0.0.1", user, None).legs == legs
    assert Demands().make(host, port, "10.0.0.1", user, None).legs == 1


def test_the_rest_is_as_it_was_asked() -> None:
    made = Demands().make("www.example.co.jp", 80, "10.0.0.1", "ann", frozenset({"us", "eu"}))
    assert (made.host, made.port, made.site) == ("www.example.co.jp", 80, "example.co.jp")
    assert (made.client, made.user, made.exits) == ("10.0.0.1", "ann", frozenset({"us", "eu"}))
    assert repr(made) == "<Demand www.example.co.jp:80 by 10.0.0.1, eu, us, 1 legs>"


@pytest.mark.parametrize(("exits", "shown"), [(None, "any exit"), (frozenset(), "no exit")])
def test_it_shows_who_may_take_it(exits: frozenset[str] | None, shown: str) -> None:
    assert repr(Demand("a", 1, exits=exits)) == f"<Demand a:1 by nobody, {shown}, 1 legs>"
