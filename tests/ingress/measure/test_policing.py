"""Whether losses are a policer's, by totals that are told (U36)."""

from ingress.measure.gauge import Gauge, Loss
from ingress.measure.policing import (
    FIRST_WAIT,
    HEALED,
    MANY,
    MOST_WAIT,
    PIECE,
    PIECES,
    WITHIN,
    Policed,
    Policing,
)


class Story:
    """What happens on a path: so many a second, of which a share is lost."""

    def __init__(self) -> None:
        self.now, self.sent, self.lost = 100.0, 0.0, 0.0
        self.policing = Policing(at=self.now)

    @property
    def policed(self) -> Policed | None:
        return self.policing.policed

    def go_on(self, seconds: float, pace: float, share: float) -> None:
        for _ in range(round(seconds / PIECE)):
            self.now += PIECE
            self.sent += pace * PIECE
            self.lost += pace * PIECE * share
            loss = Loss(round(self.sent), round(self.sent - self.lost))
            self.policing = self.policing.looked(Gauge(down=loss), self.now)


def found(wait: float = FIRST_WAIT) -> Story:
    story = Story()
    story.go_on(5.0, 100, 0.0)
    story.go_on(PIECES * PIECE, 1000, 0.6)
    assert story.policed is not None and story.policed.wait == wait
    story.policing = story.policing.begun_anew()
    return story


def test_loss_that_comes_with_many_is_a_policers() -> None:
    story = found()
    policed = story.policed
    assert policed is not None and policed.pace == 400 and policed.share == 0.6 and policed.rate == 0
    assert story.policing.is_avoided(story.now) and not story.policing.is_avoided(story.now + FIRST_WAIT)


def test_two_pieces_are_an_outage() -> None:
    story = Story()
    story.go_on((PIECES - 1) * PIECE, 1000, 1.0)
    story.go_on(WITHIN, 1000, 0.0)
    story.go_on((PIECES - 1) * PIECE, 1000, 1.0)
    assert story.policed is None


def test_what_is_lost_at_any_rate_is_no_policers() -> None:
    story = Story()
    story.go_on(10.0, 100, 0.08)
    story.go_on(10.0, 1000, 0.08)
    assert story.policed is None


def test_few_are_never_policed() -> None:
    story = Story()
    story.go_on(10.0, MANY - 10, 0.5)
    assert story.policed is None


def test_nobody_looked_for_a_while() -> None:
    story = Story()
    story.now += WITHIN
    story.go_on(PIECE, 1_000_000, 0.5)
    assert story.policing.down.losing == () and story.policing.down.expected == 250_000
    assert story.policing.looked(Gauge(), story.now + PIECE / 2) is story.policing


def test_each_time_the_next_trial_is_later() -> None:
    story, wait = found(), FIRST_WAIT
    for _ in range(6):
        story.go_on(wait, 40, 0.0)
        story.go_on(PIECES * PIECE, 1000, 0.6)
        wait = min(2 * wait, MOST_WAIT)
        assert story.policed is not None and story.policed.wait == wait
        story.policing = story.policing.begun_anew()


def test_it_is_free_once_more_than_was_let_pass_passes() -> None:
    story = found()
    story.go_on(FIRST_WAIT, 40, 0.0)
    story.go_on(HEALED + 1, 400, 0.0)
    assert story.policed is not None, "no more than was let pass before"
    story.go_on(HEALED, 1000, 0.0)
    assert story.policed is None


def test_what_nobody_tries_is_forgotten() -> None:
    story = found()
    story.go_on(FIRST_WAIT + MOST_WAIT + 1, 40, 0.0)
    assert story.policed is None


def test_where_tcp_is_not_better_udp_is_used_and_not_judged_meanwhile() -> None:
    story = found()
    story.policing = story.policing.not_better(story.now)
    assert not story.policing.is_avoided(story.now)
    story.go_on(FIRST_WAIT - 1, 1000, 0.6)
    assert story.policed is not None and not story.policed.by_tcp
    story.go_on(2, 1000, 0.6)
    assert story.policed.by_tcp and story.policed.wait == 2 * FIRST_WAIT
    assert Policing().not_better(0.0).policed is None
