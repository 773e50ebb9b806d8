"""What is asked for by hand: above the absence of rules, below what they say, and only as long as it works."""

import time

import pytest

from ingress.choice.choice import Basis
from ingress.choice.demand import Demands
from ingress.choice.rules import Rules
from ingress.choice.wishes import Wish, Wishes, read_wishes
from ingress.config.rule import Denial, Rule
from ingress.measure.health import PathState
from relay.errors import OperatorError
from relay.model.network import Address, Line, Network, Node
from relay.model.walk import find_paths
from tests.ingress.choice.figures import chooser, figure

AT = Address("a.test", 1)
LINES = (("ix", "sh", "jp", "ixs"), ("p1", "jp", "us", None), ("p2", "jp", "eu", None), ("direct", "sh", "us", None))


def network(*without: str) -> Network:
    nodes = {"jp": Node("jp", AT, ())}
    nodes |= {name: Node(name, AT, (), exit=True, group="all") for name in ("us", "eu")}
    lines = {name: Line(name, start, end, AT, group=group) for name, start, end, group in LINES if name not in without}
    return Network(("sh",), nodes, lines)


@pytest.fixture
def wishes() -> Wishes:
    made = Wishes()
    made.plan(network(), find_paths(network(), "sh").used)
    return made


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("us", {"direct", "ix/p1"}),
        ("all", {"direct", "ix/p1", "ix/p2"}),
        ("ix", {"ix/p1", "ix/p2"}),
        ("ixs", {"ix/p1", "ix/p2"}),
        ("jp", {"ix/p1", "ix/p2"}),
        ("ix/p1", {"ix/p1"}),
    ],
)
def test_it_may_be_an_exit_a_line_a_path_a_node_or_a_group(wishes: Wishes, use: str, expected: set[str]) -> None:
    wishes.put(Wish(use))
    wish = wishes.find("a.example", "10.0.0.1", "ann")
    assert wish is not None and wishes.paths_of(wish) == expected


@pytest.mark.parametrize(
    ("whom", "host"),
    [
        ("Example.COM.", "example.com"),
        ("example.com", "EXAMPLE.com."),
        ("bücher.example", "xn--bcher-kva.example"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
    ],
)
def test_a_host_is_itself_however_it_is_spelled(wishes: Wishes, whom: str, host: str) -> None:
    wishes.put(Wish("us", whom))
    assert wishes.find(host, "10.0.0.1", "ann") == Wish("us", whom)
    assert wishes.find("a." + host.strip(":"), "10.0.0.1", "ann") is None
    wishes.drop(host)
    assert not wishes


def test_users_are_told_apart_by_case_and_a_client_is_himself_however_spelled(wishes: Wishes) -> None:
    wishes.put(Wish("us", "Ann"))
    assert wishes.find("a.example", "10.0.0.1", "ann") is None
    assert wishes.find("a.example", "10.0.0.1", "Ann") == Wish("us", "Ann")
    wishes.put(Wish("eu", "2001:DB8:0::7"))
    assert wishes.find("a.example", "2001:db8::7", "bob") == Wish("eu", "2001:DB8:0::7")


def test_a_network_is_nobody(wishes: Wishes) -> None:
    with pytest.raises(OperatorError, match=r"10\.0\.0\.0/8 is a network, and a wish is for one address"):
        wishes.put(Wish("us", "10.0.0.0/8"))


def test_what_is_not_there_is_told_with_the_nearest(wishes: Wishes) -> None:
    with pytest.raises(OperatorError, match=r"no path goes over ixx: did you mean"):
        wishes.put(Wish("ixx"))
    with pytest.raises(OperatorError):
        Wishes().put(Wish("us"))
    assert not wishes


def test_the_most_particular_counts_until_it_is_over(wishes: Wishes) -> None:
    for use, whom in (("us", ""), ("eu", "ann"), ("ix", "10.0.0.1"), ("direct", "a.example")):
        wishes.put(Wish(use, whom))
    wishes.put(Wish("eu", "b.example", time.time() - 1))
    who = (("a.example", "10.0.0.1", "ann"), ("b.example", "10.0.0.1", "ann"), ("x", "10.0.0.1", ""), ("x", "", ""))
    found = [wishes.find(*one) for one in who]
    assert [wish and wish.use for wish in found] == ["direct", "eu", "ix", "us"]
    assert [wish.use for wish in wishes.in_force(time.time())] == ["us", "eu", "ix", "direct"]
    wishes.drop("")
    assert wishes.find("x", "", "") is None and bool(wishes)
    wishes.drop(None)
    assert not wishes


def test_it_is_kept_and_what_was_said_since_stands(wishes: Wishes) -> None:
    wishes.put(Wish("us", until=2e9))
    kept = wishes.write()
    assert kept == [("us", "", 2e9)] and str(Wish("us", "ann", 2e9)).startswith("us for ann until 2033-")
    again = Wishes()
    again.plan(network(), find_paths(network(), "sh").used)
    again.put(Wish("eu"))
    again.recall([*read_wishes([list(one) for one in kept]), Wish("ix", "ann")])
    assert {wish.whom: wish.use for wish in again.in_force(0.0)} == {"": "eu", "ann": "ix"}


@pytest.mark.parametrize("found", [None, {}, [1], [["us"]], [["us", "", "soon"]], [[1, "", None]]])
def test_what_is_none_is_refused(found: object) -> None:
    with pytest.raises(ValueError, match="no "):
        read_wishes(found)


def test_what_the_file_has_no_more_means_nothing_until_it_is_back(wishes: Wishes) -> None:
    wishes.put(Wish("ix"))
    wishes.plan(network("ix"), find_paths(network("ix"), "sh").used)
    assert wishes.find("x", "", "") is None
    wishes.plan(network(), find_paths(network(), "sh").used)
    assert wishes.find("x", "", "") is not None


# ---- what streams get


def test_it_is_taken_as_long_as_it_works(wishes: Wishes) -> None:
    wishes.put(Wish("direct"))
    demand = Demands(None, None, wishes).make("a.example", 443, "10.0.0.1", "", None)
    made = chooser(figure("ix/p1>us", 100), figure("direct>us", 170))
    choice = made.decide(demand, 0.0)
    assert choice is not None and (choice.paths, choice.basis) == (("direct",), Basis.WISHED)
    made.rank([figure("ix/p1>us", 100), figure("direct>us", 170, PathState.DOWN)], 1.0)
    choice = made.decide(demand, 1.0)
    assert choice is not None and (choice.paths, choice.basis) == (("ix/p1",), Basis.BEST)


@pytest.mark.parametrize(
    ("rule", "is_wished"),
    [
        (Rule(redundant=True), True),
        (Rule(exits=("us",), exit_nodes=frozenset({"us"})), False),
        (Rule(avoid=("ix",)), False),
        (Rule(direct=True), False),
        (Rule(deny=Denial.REFUSE), False),
    ],
)
def test_a_rule_that_says_where_to_go_stands_above_it(wishes: Wishes, rule: Rule, is_wished: bool) -> None:
    wishes.put(Wish("direct"))
    demands = Demands(Rules((rule,)), None, wishes)
    made = demands.make("a.example", 443, "10.0.0.1", "", None)
    assert ((made.wish is not None), demands.restrict_paths) == (is_wished, True)
    assert not is_wished or (made.legs == 2 and made.otherwise is not None and made.otherwise.match is made.match)


def test_the_chains_of_the_file_bound_it(wishes: Wishes) -> None:
    wishes.put(Wish("us"))
    made = Demands(None, frozenset({"ix/p1", "ix/p2"}), wishes).make("a", 1, "", "", None)
    assert made.paths == {"ix/p1"}
    wishes.drop(None)
    wishes.put(Wish("us", "ann"))
    assert Demands(None, None, wishes).make("a", 1, "", "eve", None).paths is None


def test_what_nobody_asked_for_is_not_taken_back_in_silence(wishes: Wishes) -> None:
    wishes.drop("ann")
    wishes.put(Wish("eu", "ann"))
    with pytest.raises(OperatorError, match=r"asked for without --for; in force: eu for ann; say --for WHO, or --all"):
        wishes.drop("")
    with pytest.raises(OperatorError, match="asked for --for bob; in force: eu for ann"):
        wishes.drop("bob")
    wishes.drop("ann")
    assert not wishes
