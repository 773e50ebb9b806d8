"""What comes in quiet hours, until they are over: of each thing, how it stands then. Pure."""

from collections.abc import Iterable

import attrs

from ingress.alerts.notice import Key, Notice


class QuietHold:
    """One alert's. What began and ended unheard is told once, as what is over."""

    def __init__(self) -> None:
        self._known: set[Key] = set()
        """What whoever is told takes to be wrong."""
        self._held: dict[Key, Notice] = {}

    def pass_on(self, notices: Iterable[Notice], *, is_quiet: bool) -> list[Notice]:
        """What is to be sent now."""
        for notice in notices:
            before = self._held.pop(notice.key, None)
            self._held[notice.key] = notice if before is None else _both(before, notice)
        if is_quiet:
            return []
        held, self._held = self._held, {}
        return [notice for notice in held.values() if self._is_news(notice)]

    def _is_news(self, notice: Notice) -> bool:
        was_known = notice.key in self._known
        (self._known.discard if notice.is_over else self._known.add)(notice.key)
        return notice.is_over or not was_known


def _both(before: Notice, after: Notice) -> Notice:
    """*after* in place of both: of an event's beginning and end, the end; of two events, that there were several."""
    times = before.times + after.times - (not before.is_over)  # a beginning counts once already
    return attrs.evolve(after, times=times, seconds=max(before.seconds, after.seconds))
