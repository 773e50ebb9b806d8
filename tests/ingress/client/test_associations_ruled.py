"""What flows while other rules come into force: it keeps what it may, and leaves what is forbidden."""

import attrs
import pytest

from ingress.choice.wishes import Wish, Wishes
from ingress.client import associations as module
from ingress.config import IngressConfig
from ingress.config.rule import Denial, PortRange, Rule
from ingress.doors.datagram import PREFIX, address_bytes
from tests.ingress.client.association_bed import TARGET, Make, counted, heard
from tests.ingress.client.client_bed import TWO_EXITS, make_config


class Ruled:
    """A client that has sent something to port 53, and then to 123, and what becomes of that."""

    def __init__(self, make: Make, *rules: Rule, **config: object) -> None:
        self.wishes = Wishes()
        self.bed = make(rules=rules, wishes=self.wishes, **config)
        self.association = self.bed.begin()
        self.client = self.bed.client(self.association)

    async def ask(self, port: int = 53) -> None:
        self.client.send(PREFIX + address_bytes("9.9.9.9", port) + b"x")
        assert (await heard(self.client)).endswith(b"x")

    def use(self, *rules: Rule) -> None:
        """As a reload does."""
        self.bed.all.use(make_config(TWO_EXITS, rules=rules))
        self.bed.all.rule_anew()

    @property
    def flows(self) -> list[tuple[str, frozenset[str] | None, int, bool]]:
        return [(flow.exit, flow.within, len(flow.sent), flow.is_closed) for flow in self.bed.network.flows]


AT_EU = Rule(exits=("eu",), exit_nodes=frozenset({"eu"}))
NTP_AT_EU = attrs.evolve(AT_EU, ports=(PortRange(123, 123),))
ONLY_A, ONLY_B = frozenset("a"), frozenset("b")


async def test_what_may_stay_at_its_exit_keeps_its_port_there(make: Make) -> None:
    ruled = Ruled(make)
    await ruled.ask()
    ruled.use(Rule(exits=("us",), exit_nodes=frozenset({"us"})))
    await ruled.ask()
    ruled.use()
    await ruled.ask()
    assert ruled.flows == [("us", None, 3, False)]


async def test_an_exit_that_is_forbidden_now_is_left_at_once(make: Make) -> None:
    ruled = Ruled(make)
    await ruled.ask()
    ruled.use(AT_EU)
    assert ruled.flows == [("us", None, 1, True)]
    await ruled.ask()
    assert ruled.flows[1] == ("eu", None, 1, False)


async def test_a_target_that_a_rule_takes_leaves_those_that_it_does_not(make: Make) -> None:
    ruled = Ruled(make)
    await ruled.ask(123)
    await ruled.ask(53)
    ruled.use(NTP_AT_EU)
    await ruled.ask(123)
    await ruled.ask(53)
    assert ruled.flows == [("us", None, 3, False), ("eu", None, 1, False)]


async def test_paths_that_are_forbidden_are_left_where_the_exit_stays(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ruled = Ruled(make)
    await ruled.ask()
    for paths, expected in ((ONLY_A, ONLY_A), (None, None)):
        monkeypatch.setattr(IngressConfig, "leaves", lambda config, rule, paths=paths: paths)
        ruled.use(Rule(avoid=("b",)) if paths else Rule(redundant=True))
        assert ruled.flows == [("us", expected, 1, False)]
    monkeypatch.setattr(IngressConfig, "leaves", lambda config, rule: ONLY_B)
    ruled.use(Rule(avoid=("a",)))
    await ruled.ask()
    assert ruled.flows == [("us", None, 1, True), ("eu", ONLY_B, 1, False)]


async def test_what_is_denied_now_is_dropped_and_what_was_denied_is_judged_again(make: Make) -> None:
    ruled = Ruled(make)
    await ruled.ask()
    ruled.use(Rule(deny=Denial.REFUSE))
    ruled.client.send(PREFIX + TARGET + b"nobody hears this")
    await counted(lambda: ruled.bed.all.statistics().refused == 1)
    assert ruled.flows == [("us", None, 1, True)]
    ruled.use()
    await ruled.ask()
    assert ruled.flows[1:] == [("us", None, 1, False)]


async def test_a_wish_moves_what_flows_and_what_falls_through_stays(make: Make) -> None:
    ruled = Ruled(make)
    await ruled.ask()
    ruled.wishes._wishes[""] = Wish("b")
    ruled.wishes._paths = {"": ONLY_B}
    ruled.bed.network.reached = frozenset({"us"})
    ruled.bed.all.rule_anew()
    await ruled.ask()
    await ruled.ask(123)
    assert ruled.flows == [("us", None, 3, False)]  # nothing of what is wished for can be reached
    ruled.bed.network.reached = frozenset({"us", "eu"})
    ruled.bed.all.rule_anew()
    await ruled.ask()
    assert ruled.flows == [("us", None, 3, True), ("eu", ONLY_B, 1, False)]
    ruled.wishes.drop(None)
    ruled.bed.all.rule_anew()
    await ruled.ask()
    assert ruled.flows[1:] == [("eu", None, 2, False)]


async def test_when_nothing_can_be_reached_it_stays_if_it_may(make: Make) -> None:
    ruled = Ruled(make)
    await ruled.ask()
    ruled.bed.network.reached = frozenset()
    ruled.bed.all.rule_anew()
    assert ruled.flows == [("us", None, 1, False)]
    ruled.use(attrs.evolve(AT_EU, falls_through=True))
    assert ruled.flows == [("us", None, 1, False)]
    ruled.use(AT_EU)
    assert ruled.flows == [("us", None, 1, True)]


async def test_many_are_judged_in_several_turns(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 1)
    bed = make()
    clients = [bed.client(bed.begin(user=str(number))) for number in range(3)]
    for client in clients:
        client.send(PREFIX + TARGET + b"x")
        await heard(client)
    bed.all.use(make_config(TWO_EXITS, rules=(AT_EU,)))
    bed.all.rule_anew()
    assert sum(flow.is_closed for flow in bed.network.flows) < 3
    await counted(lambda: sum(flow.is_closed for flow in bed.network.flows) == 3)
