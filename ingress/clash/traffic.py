"""`/traffic`: how much passed in the last second."""

OLD = 3.0
"""Seconds after which nobody has looked for too long to say how much passed in the last."""


class Speeds:
    """Differences of sums that only grow. `now` is any clock that goes forward, in seconds."""

    def __init__(self) -> None:
        self._sums = 0, 0
        self._at = float("-inf")

    def look(self, sums: tuple[int, int], now: float) -> dict[str, int]:
        """Bytes per second since the last look, if that was not long ago; and *sums*, up and down."""
        before, passed = self._sums, now - self._at
        self._sums, self._at = sums, now
        is_known = 0 < passed <= OLD
        up, down = (round(max(0, new - old) / passed) if is_known else 0 for new, old in zip(sums, before, strict=True))
        return {"up": up, "down": down, "upTotal": sums[0], "downTotal": sums[1]}
