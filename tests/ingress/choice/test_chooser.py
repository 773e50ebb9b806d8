"""Single choices: by target, client, rule; spreading; pairs; where to go when an open fails; how long it takes."""

import itertools
import time

import attrs
import pytest

from ingress.choice.chooser import BEST, DETOUR, KEPT, REDUNDANT, SINGLE, SITE, Chooser
from ingress.measure.figures import PathFigures
from ingress.measure.health import State
from relay.model.network import Address, IpNetwork, Line
from relay.model.walk import Hop, Path

HERE = Address("x", 1)


def path(name: str, **more: object) -> Path:
    """`ix/j1>us`: lines and the exit; *more* is for every line."""
    lines, _, end = name.partition(">")
    names = lines.split("/")
    nodes = ["sh", *(f"after-{one}" for one in names[:-1]), end]
    made = [Line(one, nodes[at], nodes[at + 1], HERE, **more) for at, one in enumerate(names)]  # type: ignore[arg-type]
    return Path(tuple(Hop(line, line.start, line.end, HERE) for line in made))


def figure(
    name: str, ms: float, state: State = State.UP, line: dict[str, object] | None = None, **more: object
) -> PathFigures:
    return attrs.evolve(PathFigures(path(name, **(line or {})), state, round_trip=ms / 1000), **more)


@attrs.frozen
class Redundant:
    hosts: tuple[str, ...] = ("*.broker.example",)
    cidrs: tuple[IpNetwork, ...] = ()
    ports: tuple[int, ...] = ()
    users: tuple[str, ...] = ()
    redundant: bool = True


def chooser(*figures: PathFigures, now: float = 0.0) -> Chooser:
    made = Chooser({one.exit for one in figures}, [Redundant()])
    made.rank(figures, now)
    return made


def paths(chooser: Chooser, host: str = "example.com", now: float = 1.0, count: int = 1, client: str = "") -> list[str]:
    chosen = [chooser.choose(host, 443, now, client=client) for _ in range(count)]
    return [" + ".join(one.paths) if one is not None else "none" for one in chosen]


def test_no_path_is_no_choice() -> None:
    assert paths(Chooser(["us"])) == ["none"]
    assert paths(chooser(figure("a>us", 100, State.DOWN))) == ["none"]


@pytest.mark.parametrize("state", [State.HELD, State.STALLED])
def test_the_last_path_is_never_excluded(state: State) -> None:
    assert paths(chooser(figure("a>us", 100, state), figure("b>us", 1, State.DOWN))) == ["a"]


def test_the_best_path_is_taken_with_its_reason() -> None:
    made = chooser(figure("a>us", 150), figure("b>us", 130))
    chosen = made.choose("example.com", 443, 1.0)
    assert chosen is not None
    assert (chosen.paths, chosen.exit, chosen.why, chosen.reason) == (("b",), "us", BEST, "best path (best)")


def test_equal_paths_share_streams_by_their_number_then_by_money() -> None:
    made = chooser(figure("a>us", 130, line={"cost": 1.0}), figure("b>us", 131, streams=2), figure("c>us", 131))
    assert paths(made, count=9) == ["c", "a", "c", "a", "b", "c", "a", "b", "c"]


def test_equal_paths_share_streams_by_the_rate_that_is_free() -> None:
    made = chooser(figure("a>us", 130, free=100.0), figure("b>us", 131, free=300.0), figure("c>us", 131, free=0.0))
    taken = paths(made, count=8)
    assert (taken.count("a"), taken.count("b"), taken.count("c")) == (2, 6, 0)


def test_a_full_line_gets_streams_only_when_it_must() -> None:
    made = chooser(figure("a>us", 130, is_full=True), figure("b>us", 131, streams=50))
    assert paths(made, count=2) == ["b", "b"]


def test_the_target_decides_between_exits() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    for exit_, took in (("us1", 0.060), ("us2", 0.002)):
        made.targets.used("www.example.com", 443, 0.0)
        made.connected("www.example.com", 443, exit_, took, 0.0)
    assert paths(made, "api.example.com") == ["b"]
    chosen = made.choose("api.example.com", 443, 1.0)
    assert chosen is not None and chosen.why == SITE


def test_a_client_keeps_its_exit_for_a_site_while_it_is_good_enough() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    assert paths(made, client="10.0.0.1") == ["a"]
    made.rank([figure("a>us1", 130, State.DOWN), figure("b>us2", 150)], 1.0)
    assert paths(made, client="10.0.0.1") == ["b"]
    for now in (2.0, 5.0):
        made.rank([figure("a>us1", 130), figure("b>us2", 150)], now)
    chosen = made.choose("www.example.com", 443, 5.0, client="10.0.0.1")
    assert chosen is not None and (chosen.exit, chosen.why) == ("us2", KEPT)
    assert paths(made, client="10.0.0.2") == ["a"]
    assert paths(made, "other.example", client="10.0.0.1") == ["a"]
    made.rank([figure("a>us1", 100), figure("b>us2", 150)], 6.0)
    assert paths(made, client="10.0.0.1") == ["a"]


def test_a_stalled_exit_is_left_for_one_stream_and_kept_for_the_next() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 150))
    assert paths(made, client="c") == ["a"]
    made.rank([figure("a>us1", 130, State.STALLED), figure("b>us2", 150)], 1.0)
    detour = made.choose("example.com", 443, 1.1, client="c")
    assert detour is not None and (detour.exit, detour.why) == ("us2", DETOUR)
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
    chosen = made.choose("api.broker.example", 443, 1.0)
    assert chosen is not None and chosen.why == SINGLE  # hk is best, and has one path
    made.rank([one.figures for one in made.ranking.order if one.exit == "us"], 1.0)
    chosen = made.choose("api.broker.example", 443, 1.0)
    assert chosen is not None and (chosen.paths, chosen.why) == (("ix/1", "d"), REDUNDANT)
    assert made.partner("ix/1") == "d"
    assert made.partner("c") == "ix/2"
    assert made.partner("gone") is None


def test_what_failed_to_open_is_tried_over_disjoint_paths_then_over_others_then_elsewhere() -> None:
    made = chooser(
        figure("ix/1>us", 100),
        figure("ix/2>us", 110),
        figure("c>us", 140),
        figure("d>us", 90, State.STALLED),
        figure("e>hk", 150),
        figure("f>tw", 160, State.DOWN),
    )
    chosen = made.choose("example.com", 443, 1.0)
    assert chosen is not None and chosen.paths == ("ix/1",)
    assert [(one.paths, one.exit) for one in made.alternatives(chosen)] == [
        (("c",), "us"),
        (("ix/2",), "us"),
        (("e",), "hk"),
    ]


def test_answers_follow_what_the_exits_said() -> None:
    made = chooser(figure("a>us", 100))
    assert not made.may_answer_early("example.com", 22, 0.0)
    made.connected("example.com", 22, "us", 0.01, 0.0)
    assert made.may_answer_early("example.com", 22, 1.0)
    made.failed("example.com", 22, 2.0)
    assert not made.may_answer_early("example.com", 22, 3.0)


def test_probes_teach_which_exit_is_near() -> None:
    made = chooser(figure("a>us1", 130), figure("b>us2", 135))
    for _ in range(3):
        made.choose("example.com", 443, 0.0)
    for probe in made.probes_wanted(0.0):
        made.probed(probe, {"us1": None, "us2": 0.01}[probe.exit], 0.1)
    assert paths(made) == ["b"]


def test_a_reload_keeps_what_was_learned() -> None:
    made = chooser(figure("a>us", 100))
    made.connected("example.com", 22, "us", 0.01, 0.0)
    made.reload(["us", "hk"], [])
    assert made.may_answer_early("example.com", 22, 1.0)
    chosen = made.choose("api.broker.example", 443, 1.0)
    assert chosen is not None and chosen.why == BEST


def best_of(times: int, call: object) -> float:
    assert callable(call)
    took = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        took.append(time.perf_counter() - start)
    return min(took)


def test_a_ranking_of_64_paths_and_a_choice_are_cheap() -> None:
    figures = [figure(f"l{at}/m{at}>us{at % 4}", 100 + at, deviation=0.001) for at in range(64)]
    made = chooser(*figures)
    clients = itertools.cycle([f"10.0.0.{at}" for at in range(100)])
    for exit_ in ("us0", "us1", "us2", "us3"):
        made.targets.used("example.com", 443, 0.0)
        made.connected("example.com", 443, exit_, 0.01, 0.0)
    assert best_of(30, lambda: made.rank(figures, 1.0)) < 0.002
    hundred = best_of(30, lambda: [made.choose("example.com", 443, 1.0, client=next(clients)) for _ in range(100)])
    assert hundred < 100 * 0.000_03  # thrice the figure to reach: this machine may be slow, and busy
