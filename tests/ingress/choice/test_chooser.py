"""Single choices: by target, client, rule; full lines; pairs; where to go when an open fails; how long it takes."""

import time

import pytest

from ingress.choice.affinity import FOLLOW
from ingress.choice.choice import Basis, Choice
from ingress.choice.chooser import Chooser
from ingress.choice.demand import Demand
from ingress.measure.health import PathState
from relay.model.cause import Cause
from tests.ingress.choice.figures import chooser, figure

REDUNDANT = "redundant by rule"
SINGLE = "redundant by rule, but no second path shares no line with it"


def choose(chooser: Chooser, demand: Demand, now: float = 1.0) -> Choice | None:
    """A choice whose stream is opened."""
    choice = chooser.decide(demand, now)
    if choice is not None:
        chooser.opened(choice, now)
    return choice


def chosen(chooser: Chooser, demand: Demand, now: float = 1.0) -> Choice:
    """The same, where there must be one."""
    choice = choose(chooser, demand, now)
    assert choice is not None
    return choice


def paths(chooser: Chooser, host: str = "example.com", now: float = 1.0, count: int = 1, client: str = "") -> list[str]:
    found = [choose(chooser, Demand(host, 443, client), now) for _ in range(count)]
    return [" + ".join(one.paths) if one is not None else "none" for one in found]


def test_no_path_is_no_choice() -> None:
    assert paths(Chooser(["us"])) == ["none"]
    assert paths(chooser(figure("a>us", 100, PathState.DOWN))) == ["none"]


@pytest.mark.parametrize("state", [PathState.HELD, PathState.STALLED])
def test_the_last_path_is_never_excluded(state: PathState) -> None:
    assert paths(chooser(figure("a>us", 100, state), figure("b>us", 1, PathState.DOWN))) == ["a"]


def test_the_best_path_is_taken_with_its_reason() -> None:
    made = chooser(figure("a>us", 150), figure("b>us", 130))
    found = chosen(made, Demand("example.com", 443), 1.0)
    assert (found.paths, found.exit, found.basis, found.reason) == (("b",), "us", Basis.BEST, "best path (best)")


def test_thin_streams_take_the_leader_however_many_they_are() -> None:
    made = chooser(figure("a>us", 130), figure("b>us", 131), figure("c>us", 131))
    assert paths(made, count=9) == ["a"] * 9


def test_a_full_line_gets_streams_only_when_it_must_and_what_is_as_good_shares_them() -> None:
    made = chooser(figure("a>us", 130, is_full=True), figure("b>us", 131), figure("c>us", 131), figure("d>us", 140))
    assert paths(made, count=4) == ["b", "c", "b", "c"]
    made.rank([figure("a>us", 130, is_full=True), figure("d>us", 140)], 1.0)
    assert paths(made) == ["a"]


def test_between_equals_money_decides_and_never_flaps() -> None:
    made, weather = Chooser(["us"]), (figure("a>us", 130, line={"cost": 1.0}), figure("b>us", 132))
    for round_ in range(400):
        made.rank(weather, round_ / 2)
    assert [(switch.old, switch.new) for switch in made.ranking.switches] == [("a", "b")]
    assert paths(made) == ["b"]


def test_noise_sends_no_new_client_to_another_exit_of_equal_ones() -> None:
    """Of two exits that take as long to the target, the one whose path leads, until the other is surely better."""

    def ranked(round_: int, other: float) -> None:
        made.rank([figure("a>us", 130, error=0.001), figure("b>eu", other, error=0.001)], round_ / 4)

    made = Chooser(["us", "eu"])
    ranked(0, 131)
    made.opened(chosen(made, Demand("example.com", 443, "first")), 0.0)
    for exit_ in ("us", "eu"):
        made.connect_times.connected("example.com", exit_, 0.02, 0.0)
    for round_ in range(1, 40):
        ranked(round_, 129 + 2 * (round_ % 2))
        assert paths(made, client=f"client {round_}") == ["a"]
    ranked(40, 120)
    assert paths(made, client="last") == ["b"]


def test_the_target_decides_between_exits() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    for exit_, took in (("us1", 0.060), ("us2", 0.002)):
        made.connect_times.used("www.example.com", 443, 0.0)
        made.connected(Demand("www.example.com", 443), exit_, took, 0.0)
    assert paths(made, "api.example.com") == ["b"]
    found = chosen(made, Demand("api.example.com", 443), 1.0)
    assert found.basis is Basis.SITE


def test_a_client_keeps_its_exit_for_a_site_while_it_is_good_enough() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    assert paths(made, client="10.0.0.1") == ["a"]
    made.rank([figure("a>us1", 130, PathState.DOWN), figure("b>us2", 150)], 1.0)
    assert paths(made, client="10.0.0.1") == ["b"]
    for half in range(4, 12):
        made.rank([figure("a>us1", 130), figure("b>us2", 150)], half / 2)
    found = chosen(made, Demand("www.example.com", 443, "10.0.0.1"), 5.5)
    assert (found.exit, found.basis) == ("us2", Basis.KEPT)
    assert paths(made, client="10.0.0.2") == ["a"]
    assert paths(made, "other.example", client="10.0.0.1") == ["a"]
    for half in range(12, 22):
        made.rank([figure("a>us1", 100), figure("b>us2", 150)], half / 2)
        assert paths(made, client="10.0.0.1", now=half / 2) == ["b"]
    made.rank([figure("a>us1", 100), figure("b>us2", 150)], 11.0)
    assert paths(made, client="10.0.0.1", now=11.0) == ["a"]


def test_f1_a_client_leaves_its_exit_while_that_reaches_no_targets() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    mine = Demand("www.example.com", 443, "10.0.0.1")
    assert chosen(made, mine, 0.0).exit == "us1"
    for site in ("one", "two", "three"):
        made.health.failed("us1", Demand(f"www.{site}.test", 443, "10.0.0.1"), Cause.CONNECT_TIMEOUT, 1.0)
        made.health.reached("us2", f"{site}.test", 1.0, probed=False)
    (change,) = made.look_at_exits(3.0)
    made.rank([figure("a>us1", 130), figure("b>us2", 150)], 3.0)
    found = made.decide(mine, 3.0)
    assert found is not None and change.exit == "us1"
    assert (found.exit, found.basis) == ("us2", Basis.LEFT)


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:200::7"])
def test_f4_an_address_goes_where_the_clients_last_stream_went(address: str) -> None:
    """Passive FTP: the control connection by name, the data connection by address, between two equal exits."""
    made = chooser(figure("a>us1", 130), figure("b>us2", 130))
    for round_ in range(18):
        control = chosen(made, Demand(f"ftp{round_}.example", 21, "c"), 60.0 * round_)
        data = chosen(made, Demand(address, 40000 + round_, "c"), 60.0 * round_ + 1)
        assert (data.exit, data.basis) == (control.exit, Basis.FOLLOWED)
        chosen(made, Demand("example.com", 443, "another"), 60.0 * round_ + 2)


def test_f4_an_address_follows_nobody_for_long_and_nowhere_worse() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    assert chosen(made, Demand("ftp.example", 21, "c"), 0.0).exit == "us1"
    made.rank([figure("a>us1", 180), figure("b>us2", 170)], 1.0)
    assert chosen(made, Demand("198.51.100.7", 443, "c"), 1.0).exit == "us1"  # 10 ms worse: not by the rule
    assert made.decide(Demand("198.51.100.8", 443, "c"), 1.0 + FOLLOW) is not None
    for now in (2.0, 6.0, 8.0):
        made.rank([figure("a>us1", 230), figure("b>us2", 150)], now)
    assert chosen(made, Demand("198.51.100.7", 443, "c"), 8.0).exit == "us2"
    chosen(made, Demand("example.com", 443, "d"), 8.0)
    late = made.decide(Demand("198.51.100.9", 443, "d"), 8.0 + FOLLOW)
    assert late is not None
    assert late.basis is Basis.BEST
    only = made.decide(Demand("192.168.7.9", 443, "d", exits=frozenset({"us1"})), 9.0)
    assert only is not None
    assert (only.exit, only.basis) == ("us1", Basis.PERMITTED)


def test_a_stalled_exit_is_left_for_one_stream_and_kept_for_the_next() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    assert paths(made, client="c") == ["a"]
    made.rank([figure("a>us1", 130, PathState.STALLED), figure("b>us2", 150)], 1.0)
    detour = chosen(made, Demand("example.com", 443, "c"), 1.1)
    assert (detour.exit, detour.basis) == ("us2", Basis.DETOUR)
    made.rank([figure("a>us1", 130), figure("b>us2", 150)], 1.5)
    assert paths(made, client="c", now=2.0) == ["a"]


@pytest.mark.parametrize("other", [{"line": {"backup": True}}, {"leaving": "us1 drains"}])
def test_an_exit_on_backup_lines_or_draining_is_not_kept(other: dict[str, object]) -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    assert paths(made, client="c") == ["a"]
    made.rank([figure("a>us1", 130, **other), figure("b>us2", 150)], 1.0)  # type: ignore[arg-type]
    assert paths(made, client="c") == ["b"]


def test_a_redundant_stream_takes_two_paths_without_a_common_line_or_provider() -> None:
    made = chooser(
        figure("ix/1>us", 130, line={"provider": "p"}),
        figure("ix/2>us", 131, line={"provider": "q"}),
        figure("c>us", 140, line={"provider": "p"}),
        figure("d>us", 150, line={"provider": "r"}),
        figure("e>hk", 10),
    )
    redundant = Demand("api.broker.example", 443, legs=2)
    found = chosen(made, redundant)
    assert found.why == SINGLE  # hk is best, and has one path
    made.rank([one.figures for one in made.ranking.order if one.exit == "us"], 1.0)
    found = chosen(made, redundant)
    assert (found.paths, found.why) == (("ix/2", "c"), REDUNDANT)  # 131 and 140 ms, not 130 and 150
    assert made.view(None).partner("ix/1") == "d"
    assert made.view(None).partner("c") == "ix/2"
    assert made.view(None).partner("gone") is None


def test_what_failed_to_open_is_tried_over_disjoint_paths_then_over_others_then_elsewhere() -> None:
    made = chooser(
        figure("ix/1>us", 100),
        figure("ix/2>us", 110),
        figure("c>us", 140),
        figure("d>us", 90, PathState.STALLED),
        figure("e>hk", 150),
        figure("f>tw", 160, PathState.DOWN),
    )
    found = chosen(made, Demand("example.com", 443), 1.0)
    assert found.paths == ("ix/1",)
    assert [one.paths for one in made.elsewhere_to_the_same_exit(found)] == [("c",), ("ix/2",)]
    assert [(one.paths, one.exit) for one in made.at_other_exits(found, 1.0)] == [(("e",), "hk")]


def test_what_is_opened_again_goes_only_where_it_may() -> None:
    made = chooser(figure("a>us", 100), figure("b>hk", 110), figure("c>tw", 120))
    found = chosen(made, Demand("192.168.7.9", 443, exits=frozenset({"us", "tw"})))
    assert [(one.paths, one.reason) for one in made.at_other_exits(found, 1.0)] == [
        (("c",), "another exit (costs 120 ms)")
    ]


def test_only_the_exits_that_may_dial_it_are_chosen() -> None:
    made = chooser(figure("a>us", 100), figure("b>hk", 110), figure("c>tw", 120, PathState.DOWN))
    found = chosen(made, Demand("192.168.7.9", 443, exits=frozenset({"hk"})))
    assert (found.paths, found.why) == (("b",), "best of the exits that may dial it")
    assert choose(made, Demand("192.168.7.9", 443, exits=frozenset({"tw"}))) is None
    assert choose(made, Demand("192.168.7.9", 443, exits=frozenset())) is None


def test_a_redundant_stream_keeps_two_legs_when_only_one_exit_may_dial_its_target() -> None:
    made = chooser(figure("a>us", 100), figure("ix/1>hk", 130), figure("iy/2>hk", 140))
    found = chosen(made, Demand("192.168.7.9", 443, exits=frozenset({"hk"}), legs=2))
    assert (found.exit, found.paths, found.why) == ("hk", ("ix/1", "iy/2"), REDUNDANT)
    made = chooser(figure("ix/1>us", 100), figure("iy/2>us", 110), figure("b>hk", 130))
    found = chosen(made, Demand("192.168.7.9", 443, exits=frozenset({"hk"}), legs=2))
    assert (found.exit, found.paths, found.why) == ("hk", ("b",), SINGLE)


def test_a_stream_that_waits_for_a_path_is_one_use_of_its_site() -> None:
    made, demand = Chooser(["us1", "us2"]), Demand("example.com", 443, "10.0.0.1")
    for round_ in range(20):
        assert made.decide(demand, round_ / 4) is None
    made.rank([figure("a>us1", 130)], 5.0)
    found = chosen(made, demand, 5.0)
    assert made.probes_wanted(5.0) == []
    for again in made.elsewhere_to_the_same_exit(found):
        made.opened(again, 5.0)
    assert made.probes_wanted(5.0) == []
    for _ in range(2):
        chosen(made, demand, 5.0)
    assert {probe.exit for probe in made.probes_wanted(5.0)} == {"us1", "us2"}


def test_a_client_goes_on_at_the_exit_that_took_its_stream() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 131))
    found = chosen(made, Demand("example.com", 443, "c"))
    assert found.exit == "us1"
    (again,) = made.at_other_exits(found, 1.0)
    made.opened(again, 1.0)
    assert paths(made, client="c") == ["b"]


def test_answers_follow_what_the_exits_said() -> None:
    made = chooser(figure("a>us", 100))
    ssh = Demand("example.com", 22)
    assert not made.may_answer_early(ssh, 0.0)
    made.connected(ssh, "us", 0.01, 0.0)
    assert made.may_answer_early(ssh, 1.0)
    made.failed(ssh, 2.0)
    assert not made.may_answer_early(ssh, 3.0)


def test_probes_teach_which_exit_is_near() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 135))
    for _ in range(3):
        chosen(made, Demand("example.com", 443), 0.0)
    for probe in made.probes_wanted(0.0):
        made.probed(probe, {"us1": Cause.REFUSED, "us2": 0.01}[probe.exit], 0.1)
    assert paths(made) == ["b"]


def test_an_exit_that_was_too_busy_to_be_timed_is_not_charged() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 135))
    for _ in range(3):
        chosen(made, Demand("example.com", 443), 0.0)
    for probe in made.probes_wanted(0.0):
        made.probed(probe, Cause.LIMIT, 0.1)
    assert made.connect_times.known("example.com") == {}


def test_an_unknown_exit_is_neither_preferred_nor_given_up_for_it() -> None:
    """A site 100 ms from each of four exits: the streams of one client stay together, and a login holds."""
    made = chooser(*(figure(f"l{at}>us{at}", 130) for at in range(4)))
    taken = set()
    for at in range(12):
        found = chosen(made, Demand("login.example", 443, "c"), float(at))
        made.connected(Demand("login.example", 443, "c"), found.exit, 0.1, float(at))
        taken.add(found.exit)
    assert len(taken) == 1


def test_a_reload_keeps_what_was_learned() -> None:
    made = chooser(figure("a>us", 100))
    ssh = Demand("example.com", 22)
    made.connected(ssh, "us", 0.01, 0.0)
    made.reload(["us", "hk"])
    assert made.may_answer_early(ssh, 1.0)
    found = chosen(made, Demand("api.broker.example", 443), 1.0)
    assert found.basis is Basis.BEST


def test_streams_leave_what_is_silent_for_where_it_is_sound() -> None:
    made = chooser(figure("a>us", 100), figure("b>us", 110), figure("c>hk", 90))
    assert made.view(None).rescue("gone") is None
    assert made.view(None).rescue("c") is None  # no other path to its exit
    made.rank([figure("a>us", 100, PathState.STALLED, streams=3), figure("b>us", 110), figure("c>hk", 90)], 1.0)
    assert made.view(None).rescue("a") == "b"
    assert [(move.old, move.new, move.is_planned) for move in made.moves(1.0)] == [("a", "b", False)]


def test_the_pair_of_an_exit_is_found_once_a_round() -> None:
    made = chooser(figure("ix/1>us", 100), figure("c>us", 110), figure("d>hk", 90))
    assert (made.view(None).pair("us"), made.view(None).pair("hk"), made.view(None).pair("gone")) == (
        ("ix/1", "c"),
        None,
        None,
    )
    made.rank([figure("ix/1>us", 100)], 1.0)
    assert made.view(None).pair("us") is None
    assert made.view(None).partner("ix/1") is None


def test_it_shows_itself() -> None:
    made = chooser(figure("a>us", 100))
    chosen(made, Demand("example.com", 443, "10.0.0.1"))
    assert repr(made) == "<Chooser 1 paths, 1 clients' sites>"


def best_of(times: int, call: object) -> float:
    assert callable(call)
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)
