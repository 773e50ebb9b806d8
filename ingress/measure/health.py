"""Whether a path or prefix can be used: a table of states and events, and the trial after a death.

A stall is forgiven at the first answer. A death is followed by a hold-down, which lowers the path in the
ranking and never excludes it. A pair that is not in the table is a mistake of the caller.
"""

import enum

from ingress.measure.faults import Refusal, SetupFault
from ingress.messages.message import Message

GOOD_PINGS = 5
"""Answers in time that a path must give after a death before it is trusted again."""
HOLD_FIRST = 5.0
HOLD_MOST = 60.0
"""Seconds of the first hold-down and of the longest: each death doubles it, so that a flapping line is left alone."""
HOLD_FORGIVEN = 300.0
"""Seconds without a death after which the next hold-down is a first one again."""


class PathState(enum.Enum):
    """The values are the words that `ingress paths` shows."""

    UP = "up"
    HELD = "held"
    """Answers, but is on trial: its first ping is under way, or it died a short while ago."""
    STALLED = "stalled"
    DOWN = "down"


class HealthEvent(enum.Enum):
    """What may happen to a path or prefix."""

    CONNECTED = enum.auto()
    """HELLO was answered: a carrier is there."""
    FAILED = enum.auto()
    """A carrier could not be set up."""
    ANSWERED = enum.auto()
    OVERDUE = enum.auto()
    """The stall deadline passed."""
    RELEASED = enum.auto()
    """The trial is over."""
    LOST = enum.auto()
    """RST, FIN, or silence."""


TRANSITIONS: dict[PathState, dict[HealthEvent, PathState]] = {
    PathState.DOWN: {
        HealthEvent.CONNECTED: PathState.HELD,
        HealthEvent.FAILED: PathState.DOWN,
    },
    PathState.HELD: {
        HealthEvent.ANSWERED: PathState.HELD,
        HealthEvent.RELEASED: PathState.UP,
        HealthEvent.OVERDUE: PathState.STALLED,
        HealthEvent.LOST: PathState.DOWN,
    },
    PathState.UP: {
        HealthEvent.ANSWERED: PathState.UP,
        HealthEvent.OVERDUE: PathState.STALLED,
        HealthEvent.LOST: PathState.DOWN,
    },
    PathState.STALLED: {
        HealthEvent.ANSWERED: PathState.HELD,
        HealthEvent.LOST: PathState.DOWN,
    },  # released at once if no trial is open
}


class IllegalEvent(Exception):
    """The caller told a state something that cannot happen in it: a bug of ours."""


class Health:
    """PathState of one path or prefix, over all the carriers it has in its life."""

    __slots__ = (
        "_good",
        "_hold",
        "_reason",
        "_trial",
        "deaths",
        "died",
        "fault",
        "held_until",
        "since",
        "state",
        "tried",
        "was_tried",
    )

    def __init__(self, now: float) -> None:
        self.state = PathState.DOWN
        self.since = now
        """When the state was entered."""
        self.fault: SetupFault | None = None
        """Of the last set-up, if it failed."""
        self.was_tried = False
        """Whether anything was heard of it yet, good or bad."""
        self.deaths = 0
        self.held_until = now
        """No earlier than this the present trial ends."""
        self._good = GOOD_PINGS - 1  # a path that never died is used after its first answer
        self._reason: str = Message("health.unconnected")
        self._hold = 0.0  # the last hold-down given
        self._trial = 0.0  # the hold-down that still has to be served
        self.tried = now
        """When a set-up failed last, or a carrier was lost."""
        self.died = float("-inf")
        """When it last died."""

    @property
    def word(self) -> str:
        """The state as shown: that of a refused set-up is its cause."""
        refusal = self.refusal
        return self.state.value if refusal is None else refusal.value

    def word_of(self, node: str) -> str:
        """The state as shown for *node*, at which the path ends: what others refuse, and what stands in its place, says
        nothing of it."""
        return self.word if self.fault is None or self.fault.said_by == node else self.state.value

    @property
    def refusal(self) -> Refusal | None:
        """Why it is down, if waiting will not mend it."""
        return None if self.fault is None else self.fault.refusal

    @property
    def reason(self) -> str:
        """Why it is not simply up; empty if it is."""
        if self.state is not PathState.HELD:
            return self._reason
        if not self._trial:
            return Message("health.first")
        good = min(self._good, GOOD_PINGS)
        return Message("health.trial", good=good, wanted=GOOD_PINGS, hold=self._trial)

    @property
    def is_answering(self) -> bool:
        """Whether pings are answered now, be it on trial."""
        return self.state is PathState.UP or self.state is PathState.HELD

    def connected(self, now: float) -> None:
        """A carrier is up; after a death its trial begins."""
        self._move(HealthEvent.CONNECTED, now, "")
        self.fault = None
        self.held_until = now + self._trial

    def failed(self, fault: SetupFault, now: float) -> None:
        """The set-up did not succeed."""
        self._move(HealthEvent.FAILED, now, fault.text)
        self.fault = fault
        self.tried = now

    @property
    def is_on_trial(self) -> bool:
        """Whether it answers, and has died not long ago."""
        return self.state is PathState.HELD and bool(self._trial)

    def answered(self, is_good: bool, now: float) -> None:
        """A ping was answered; *is_good* if it came in time."""
        self._move(HealthEvent.ANSWERED, now, "")
        self._good += is_good
        self.release(now)

    def release(self, now: float) -> bool:
        """End the trial if all it asks for is there; True if it ended now."""
        if self.state is not PathState.HELD or self._good < GOOD_PINGS or now < self.held_until:
            return False
        self._move(HealthEvent.RELEASED, now, "")
        self._trial = 0.0
        return True

    @property
    def release_deadline(self) -> float | None:
        """When the trial ends without another answer; None if it will not."""
        return self.held_until if self.state is PathState.HELD and self._good >= GOOD_PINGS else None

    def overdue(self, now: float) -> None:
        """An answer is so late that the path counts as stalled."""
        self._move(HealthEvent.OVERDUE, now, Message("health.overdue"))

    def lost(self, why: str, now: float) -> None:
        """The carrier ended or fell silent: the next one is on trial."""
        self._move(HealthEvent.LOST, now, why)
        self.tried = now
        forgiven = now - self.died > HOLD_FORGIVEN
        self._hold = self._trial = HOLD_FIRST if forgiven else min(2 * self._hold, HOLD_MOST)
        self.died = now
        self._good = 0
        self.deaths += 1

    def retired(self, why: str, now: float) -> None:
        """We closed the carrier ourselves, or stood still until it ended: no death, and no trial that was not open."""
        self._move(HealthEvent.LOST, now, why)
        self.tried = now

    def _move(self, event: HealthEvent, now: float, reason: str) -> None:
        following = TRANSITIONS[self.state].get(event)
        if following is None:
            raise IllegalEvent(f"{event.name} in state {self.state.name}")
        if following is not self.state:
            self.since = now
        self._reason = reason
        self.state = following
        self.was_tried = True

    def __repr__(self) -> str:
        return f"<Health {self.word} since {self.since:.3f}, {self.deaths} deaths>"
