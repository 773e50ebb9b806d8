"""The wait between two attempts."""

from ingress.paths.backoff import BACKOFF_FIRST, BACKOFF_MOST, longer


def test_the_backoff_doubles_and_is_bounded() -> None:
    waits = [0.0]
    while len(waits) < 12:
        waits.append(longer(waits[-1]))
    assert waits[1:4] == [BACKOFF_FIRST, 2 * BACKOFF_FIRST, 4 * BACKOFF_FIRST]
    assert waits[-1] == BACKOFF_MOST
