"""Where bulk goes: to what is known to be fastest, or to what is worth a trial; and who moves."""

from itertools import pairwise

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ingress.choice.offers import Bulk, Offers
from ingress.choice.placing import DISAPPOINTED, HELD_FOR, REST, TRIED, BulkMove, Place, Placing
from ingress.choice.ranking import Ranking, rank
from ingress.measure.capacity import Capacities, Way, routes_of
from ingress.measure.figures import PathFigures
from ingress.measure.health import PathState
from tests.ingress.choice.figures import figure
from tests.ingress.choice.test_offers import rider

DOWN = Way.DOWN
MB = 1e6


class Bed:
    """Paths, and what is known of them; riders have what they say."""

    def __init__(self, *figures: PathFigures, **seen: float) -> None:
        self.figures = figures or (figure("a>us", 138), figure("b>us", 146), figure("c>us", 150))
        self.ranking = rank(Ranking(), self.figures, 0.0)
        self.capacities = Capacities()
        self.placing = Placing()
        self.riders: list[Bulk] = []
        self.shut: set[str] = set()
        for line, speed in seen.items():
            self.know(line, speed)

    def know(self, line: str, speed: float) -> None:
        self.capacities.saw((line, DOWN), speed, 0.0)
        self.capacities.held_to((line, DOWN), speed, 0.0)

    def offers(self) -> Offers:
        routes = routes_of([one.path for one in self.figures])
        used: dict[tuple[str, Way], float] = {}
        for one in self.riders:
            for line, _ in routes[one.path, DOWN]:
                used[line] = used.get(line, 0.0) + one.speed
        return Offers(routes, self.capacities, used, self.riders, 0.0)

    def place(self, now: float = 0.0) -> Place | None:
        """The next one."""
        order = self.ranking.exits["us"].order
        return self.placing.place(order, DOWN, self.offers(), lambda name: name not in self.shut, now)

    def put(self, now: float = 0.0) -> str:
        """Place the next one, and say where."""
        place = self.place(now)
        assert place is not None
        self.placing.placed(place, DOWN, now)
        number = len(self.riders)
        self.riders.append(rider(place.path, place.expected, number, is_trial=place.is_trial))
        return place.path

    def moves(self, seconds: int, since: float = 0.0) -> list[BulkMove]:
        """What moves in so many seconds, if it is done."""
        found = []
        for second in range(seconds):
            for move in self.placing.moves(
                self.ranking, self.offers(), lambda name: name not in self.shut, since + second
            ):
                found.append(move)
                self.riders = [
                    attrs.evolve(one, path=move.new, speed=move.expected) if one.stream == move.stream else one
                    for one in self.riders
                ]
        return found


def test_it_goes_to_the_fastest_that_is_known() -> None:
    assert Bed(a=2 * MB, b=20 * MB, c=5 * MB).place() == Place("b", 20 * MB, False, "the fastest that is known")


def test_of_alike_ones_the_cheaper_takes_it_and_then_the_nearer() -> None:
    assert Bed(a=19 * MB, b=20 * MB, c=5 * MB).put() == "a"
    figures = figure("a>us", 138, line={"cost": 0.5}), figure("b>us", 146)
    assert Bed(*figures, a=20 * MB, b=19 * MB).put() == "b"


def test_what_nobody_knows_is_tried_the_nearest_first() -> None:
    bed = Bed()
    assert bed.put() == "a" and bed.riders[-1].is_trial
    assert bed.put() == "b"
    assert bed.put() == "c"
    assert bed.place() == Place("a", 0.0, False, "the fastest that is known")  # all are being tried


def test_a_line_is_tried_by_one_at_a_time() -> None:
    bed = Bed(figure("ix/b>us", 138), figure("ix/c>us", 140), figure("d>us", 150))
    assert [bed.put() for _ in range(3)] == ["ix/b", "d", "ix/b"]
    assert [one.is_trial for one in bed.riders] == [True, True, False]


def test_what_was_tried_can_be_read() -> None:
    bed = Bed()
    bed.put()
    assert repr(bed.placing) == "<Placing 1 tried, 0 moved>"


def test_from_the_second_download_on_the_thick_line_takes_them() -> None:
    bed = Bed(figure("a>us", 138), figure("b>us", 146))
    assert bed.put() == "a"
    bed.riders.clear()
    bed.know("a", 2.5 * MB)
    assert bed.put(60.0) == "b"
    bed.riders.clear()
    bed.capacities.saw(("b", DOWN), 25 * MB, 70.0)
    assert [bed.put(120.0 + 60 * at) for at in range(3)] == ["b", "b", "b"]


def test_a_trial_is_not_repeated_at_once_though_it_told_nothing() -> None:
    bed = Bed(a=2 * MB)
    assert bed.put() == "b"
    bed.riders.clear()
    assert bed.put(1.0) == "c"
    bed.riders.clear()
    assert bed.put(2.0) == "a"
    bed.riders.clear()
    assert bed.put(TRIED + 0.5) == "b"


def test_nothing_is_tried_that_cannot_be_clearly_better() -> None:
    figures = figure("a>us", 138), figure("b>us", 146, line={"rate": 2.4 * MB})
    assert Bed(*figures, a=2 * MB).put() == "a"
    assert Bed(*(figures[0], figure("b>us", 146, line={"rate": 3 * MB})), a=2 * MB).put() == "b"


def test_a_path_that_loses_much_is_not_tried() -> None:
    for late, expected in ((0.01, "b"), (0.03, "a")):
        assert Bed(figure("a>us", 138), figure("b>us", 146, late=late), a=2 * MB).put() == expected


def test_only_what_can_take_it_and_works_is_looked_at() -> None:
    bed = Bed(a=2 * MB, b=20 * MB, c=5 * MB)
    bed.shut.add("b")
    assert bed.put() == "c"
    bed.shut |= {"a", "c"}
    assert bed.place() is None
    figures = figure("a>us", 138), figure("b>us", 146, PathState.STALLED), figure("c>us", 150, is_late=True)
    assert Bed(*figures, a=2 * MB, b=20 * MB, c=20 * MB).put() == "a"
    backup = figure("a>us", 138), figure("b>us", 146, line={"backup": True})
    assert Bed(*backup, a=2 * MB, b=20 * MB).put() == "a"


def test_who_is_held_back_moves_once_another_path_is_known_to_give_twice_as_much() -> None:
    bed = Bed(a=2 * MB)
    bed.riders = [rider("a", 2 * MB, is_held=True)]
    assert bed.moves(10) == []  # b and c may be faster, and nobody knows
    bed.know("b", 3.9 * MB)
    assert bed.moves(10) == []
    bed.know("c", 20 * MB)
    (move,) = bed.moves(10)
    assert (move.old, move.new, move.expected) == ("a", "c", 20 * MB)
    assert move.reason == "known to be 10.0 times as fast"


def test_it_must_be_so_for_a_while() -> None:
    bed = Bed(a=2 * MB, b=20 * MB)
    bed.riders = [rider("a", 2 * MB, is_held=True)]
    assert bed.moves(int(HELD_FOR)) == []
    bed.riders = [rider("a", 2 * MB)]
    assert bed.moves(1, since=HELD_FOR) == []
    bed.riders = [rider("a", 2 * MB, is_held=True)]
    assert bed.moves(int(HELD_FOR), since=10.0) == []
    assert len(bed.moves(1, since=10.0 + HELD_FOR)) == 1


def test_whom_its_target_holds_back_stays() -> None:
    bed = Bed(a=2 * MB, b=20 * MB)
    bed.riders = [rider("a", 0.1 * MB)]
    assert bed.moves(20) == []


def test_they_do_not_all_move_at_once() -> None:
    bed = Bed(a=6 * MB, b=20 * MB)
    bed.riders = [rider("a", 2 * MB, number, is_held=True) for number in range(3)]
    assert len(bed.moves(int(HELD_FOR) + 1)) == 1
    bed.riders = [attrs.evolve(one, speed=3 * MB) if one.path == "a" else one for one in bed.riders]
    assert bed.moves(int(HELD_FOR) - 1, since=HELD_FOR + 1) == []
    (move,) = bed.moves(1, since=2 * HELD_FOR)
    assert (move.new, move.expected) == ("b", 10 * MB)


def test_a_path_that_disappoints_is_not_gone_back_to() -> None:
    """Both were faster once, and now neither is."""
    bed = Bed(a=20 * MB, b=20 * MB)
    bed.riders = [rider("a", 2 * MB, is_held=True)]
    moves = []
    for second in range(int(DISAPPOINTED)):
        moves += bed.moves(1, since=float(second))
        bed.riders = [attrs.evolve(one, speed=2 * MB, is_held=True) for one in bed.riders]
    assert [move.new for move in moves] == ["b"]


def test_who_was_moved_rests() -> None:
    bed, moved = Bed(a=2 * MB, b=2 * MB, c=2 * MB), []
    bed.riders = [rider("a", 2 * MB, is_held=True)]
    for second in range(40):
        bed.know("bcab"[second // 5 % 4], MB * 2.0 ** (2 + second))  # always another is known to be much faster
        moved += [second for _ in bed.moves(1, since=float(second))]
        bed.riders = [attrs.evolve(one, speed=2 * MB, is_held=True) for one in bed.riders]
    assert len(moved) >= 2
    assert all(later - earlier >= REST for earlier, later in pairwise(moved))


names = st.sampled_from(["a", "b", "c"])


@given(
    st.dictionaries(names, st.floats(1e4, 1e8)),
    st.lists(st.tuples(names, st.floats(1e4, 1e7), st.booleans()), max_size=6),
    st.sets(names),
)
def test_nobody_is_put_where_nothing_can_take_him_or_where_he_is(
    seen: dict[str, float], riders: list[tuple[str, float, bool]], shut: set[str]
) -> None:
    bed = Bed(**seen)
    bed.shut = shut
    bed.riders = [rider(name, speed, number, is_held=held) for number, (name, speed, held) in enumerate(riders)]
    place = bed.place()
    assert (place is None) == (len(shut) == 3)
    assert place is None or place.path not in shut
    before = {one.stream: one for one in bed.riders}
    for move in bed.moves(5):
        assert move.old != move.new and move.new not in shut
        assert move.expected >= 2 * before[move.stream].speed


def test_who_rides_on_a_path_that_is_no_longer_in_the_file_stays_where_he_is() -> None:
    bed = Bed(a=1 * MB, b=10 * MB)
    bed.put()
    gone = attrs.evolve(rider("b", 0.1 * MB, 7), is_held=True)
    bed.riders.append(gone)
    known = bed.offers()
    bed.ranking = rank(Ranking(), [figure("a>us", 138), figure("c>us", 150)], 0.0)
    for second in range(round(HELD_FOR) + 2):
        assert not bed.placing.moves(bed.ranking, known, lambda name: True, float(second))
