"""When what was asked for by hand is over, what runs goes on as ever: whoever rode for it alone is ruled anew."""

import time
from collections.abc import Callable, Iterable

from ingress.choice.wishes import Wish, Wishes
from relay.engine import Loop, Timer


class WishEnds:
    """*over* is called in the loop when a wish has ended by its own time."""

    def __init__(self, loop: Loop, wishes: Wishes, over: Callable[[], None]) -> None:
        self._loop = loop
        self._wishes = wishes
        self._over = over
        self._timer: Timer | None = None

    def recall(self, found: Iterable[Wish]) -> None:
        """These were in force before a restart."""
        self._wishes.recall(found)
        self.look()

    def look(self) -> None:
        """The wishes have changed: wait for the next end."""
        if self._timer is not None:
            self._timer.cancel()
        wall = time.time()
        ends = [wish.until for wish in self._wishes.in_force(wall) if wish.until is not None]
        self._timer = self._loop.call_at(self._loop.now + min(ends) - wall, self._look_again) if ends else None

    def _look_again(self) -> None:
        self._over()
        self.look()
