"""Which numbers of a growing sequence were there already: against replays, and for copies."""

SIZE = 8192
"""Numbers below the highest of which each is remembered: at 100,000 datagrams a second, 80 ms of being late."""
_MASK = SIZE // 8 - 1


class ReplayWindow:
    """Remembers SIZE numbers, in 1 KiB. With *bits* the sequence turns over: it is compared as serial numbers (RFC
    1982), and any number may be the first."""

    __slots__ = ("_half", "_seen", "_turn", "top")

    def __init__(self, bits: int = 48) -> None:
        self.top = 0
        """The highest; 0 before the first, and numbers begin at 1."""
        self._seen = bytearray(SIZE // 8)
        self._turn = (1 << bits) - 1
        self._half = 1 << bits - 1

    def fresh(self, number: int) -> bool:
        """Whether *number* is new here: not if it was there before, or lies too far behind. It counts as seen now."""
        seen = self._seen
        if number == self.top + 1:  # nearly always
            self.top = number
            seen[number >> 3 & _MASK] |= 1 << (number & 7)
            return True
        ahead = (number - self.top) & self._turn
        if 0 < ahead < self._half or not (self.top or any(seen)):
            if ahead > 1:
                self._clear(ahead)
            self.top = number
        else:
            if (-ahead & self._turn) >= SIZE or seen[number >> 3 & _MASK] & 1 << (number & 7):
                return False
        seen[number >> 3 & _MASK] |= 1 << (number & 7)
        return True

    def fresh_all(self, numbers: list[int]) -> bool:
        """Whether *numbers* are those that come next, one by one, as nearly always; they count as seen then. If not,
        each is to be asked of by itself, and nothing has changed."""
        first, count = self.top + 1, len(numbers)
        if numbers[0] != first or first + count > self._turn or numbers != list(range(first, first + count)):
            return False
        seen = self._seen
        for number in numbers:
            seen[number >> 3 & _MASK] |= 1 << (number & 7)
        self.top = numbers[-1]
        return True

    def _clear(self, ahead: int) -> None:
        """The numbers between the highest and the one so far *ahead* were not there; their places may say otherwise."""
        if ahead >= SIZE:
            self._seen[:] = bytes(SIZE // 8)
            return
        seen = self._seen
        for number in range(self.top + 1, self.top + ahead):
            seen[number >> 3 & _MASK] &= ~(1 << (number & 7))
