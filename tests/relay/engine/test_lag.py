"""What was late is remembered for a second or two, the worst of it for a minute or two."""

from hypothesis import given
from hypothesis import strategies as st

from relay.engine.lag import LONG_WINDOW, WINDOW, Lag


def test_what_was_late_counts_for_one_window_at_least_and_two_at_most() -> None:
    lag = Lag()
    lag.note(0.2, 100.0)
    assert lag.of_late(100.0 + WINDOW) == 0.2
    lag.note(0.1, 100.0 + WINDOW)
    assert lag.of_late(100.0 + WINDOW) == 0.2
    assert lag.of_late(100.0 + 2 * WINDOW) == 0.1
    assert lag.of_late(100.0 + 4 * WINDOW) == 0.0


def test_the_worst_is_kept_for_a_minute() -> None:
    lag = Lag()
    lag.note(0.2, 100.0)
    for second in range(1, int(LONG_WINDOW)):
        lag.note(0.001, 100.0 + second)
    assert (lag.of_late(100.0 + LONG_WINDOW - 1), lag.worst(100.0 + LONG_WINDOW - 1)) == (0.001, 0.2)
    assert lag.worst(100.0 + 3 * LONG_WINDOW) == 0.0


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), max_size=60))
def test_nothing_of_the_last_window_is_forgotten(notes: list[tuple[float, float]]) -> None:
    lag, now, told = Lag(), 1000.0, []
    for pause, late in notes:
        now += pause
        lag.note(late, now)
        told.append((now, late))
        assert lag.of_late(now) >= max(one for at, one in told if now - at < WINDOW)
        assert lag.worst(now) >= max(one for at, one in told if now - at < LONG_WINDOW)
        assert lag.worst(now) <= max(one for at, one in told if now - at <= 2 * LONG_WINDOW)
