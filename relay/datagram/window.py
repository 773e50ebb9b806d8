"""Which numbers of a growing sequence were there already: against replays, and for copies."""

from collections.abc import Sequence

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

    def fresh_run(self, first: int, count: int) -> bool:
        """Whether so many numbers from *first* on are those that come next, as nearly always; they count as seen then.
        If not, each is to be asked of by itself, and nothing has changed."""
        at = first & SIZE - 1
        if first != self.top + 1 or first + count > self._turn or at + count > SIZE:
            return False
        start, end = at >> 3, (at + count + 7) >> 3
        bits = int.from_bytes(self._seen[start:end], "little") | ((1 << count) - 1) << (at & 7)
        self._seen[start:end] = bits.to_bytes(end - start, "little")
        self.top = first + count - 1
        return True

    def _clear(self, ahead: int) -> None:
        """The numbers between the highest and the one so far *ahead* were not there; their places may say otherwise."""
        if ahead >= SIZE:
            self._seen[:] = bytes(SIZE // 8)
            return
        seen = self._seen
        for number in range(self.top + 1, self.top + ahead):
            seen[number >> 3 & _MASK] &= ~(1 << (number & 7))


def fresh_of(window: ReplayWindow, numbers: Sequence[int], inners: list[bytes]) -> list[bytes]:
    """Those of *inners*, at least one, whose *numbers* are new to *window*; they count as seen now."""
    first, count = numbers[0], len(numbers)
    if count == 1:
        return inners if window.fresh(first) else []
    if list(numbers) == list(range(first, first + count)) and window.fresh_run(first, count):
        return inners
    return [inner for inner, number in zip(inners, numbers, strict=True) if window.fresh(number)]
