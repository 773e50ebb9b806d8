"""The wait between two attempts."""

from ingress.paths.backoff import BACKOFF_FIRST, BACKOFF_MOST, Backoff, longer


def test_the_backoff_doubles_and_is_bounded() -> None:
    waits = [0.0]
    while len(waits) < 12:
        waits.append(longer(waits[-1]))
    assert waits[1:4] == [BACKOFF_FIRST, 2 * BACKOFF_FIRST, 4 * BACKOFF_FIRST]
    assert waits[-1] == BACKOFF_MOST


def test_a_new_session_spares_each_path_one_wait_whenever_that_was_done_last() -> None:
    backoff = Backoff()
    assert backoff.may_hurry(0.0) and not backoff.may_hurry(1.0)
    assert backoff.may_hurry_for(b"one") and not backoff.may_hurry_for(b"one")
    assert backoff.may_hurry_for(b"two")
