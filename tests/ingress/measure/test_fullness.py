"""Lines that are full: for a while above what is nearly all, until they are well below it."""

from ingress.measure.capacity import Way
from ingress.measure.fullness import DWELL, Fullness

LINE = ("ix", Way.DOWN)
LIMITS = {LINE: 1000.0}


def test_a_line_is_full_once_it_carried_nearly_all_of_it_for_a_while() -> None:
    fullness = Fullness()
    assert fullness.note({LINE: 801.0}, LIMITS, 0.0) == frozenset()
    assert fullness.note({LINE: 801.0}, LIMITS, DWELL - 0.1) == frozenset()
    assert fullness.note({LINE: 801.0}, LIMITS, DWELL) == {"ix"}
    assert repr(fullness) == "<Fullness: ['ix']>"
    for second in range(10):
        assert fullness.note({LINE: 650.0}, LIMITS, 10.0 + second) == {"ix"}
    assert fullness.note({}, LIMITS, 30.0) == {"ix"}
    assert fullness.note({}, LIMITS, 30.0 + DWELL) == frozenset()


def test_a_page_that_loads_fills_nothing() -> None:
    fullness = Fullness()
    for second in range(20):
        assert fullness.note({LINE: 1000.0 * (second % 2)}, LIMITS, float(second)) == frozenset()


def test_a_line_of_which_nothing_is_known_is_never_full() -> None:
    fullness = Fullness()
    fullness.note({LINE: 1e9}, LIMITS, 0.0)
    assert fullness.note({LINE: 1e9}, LIMITS, 5.0) == {"ix"}
    assert fullness.note({LINE: 1e9}, {}, 6.0) == frozenset()
    fullness.note({LINE: 1e9}, LIMITS, 7.0)
    assert fullness.note({LINE: 1e9}, LIMITS, 8.0) == frozenset()  # it begins anew
