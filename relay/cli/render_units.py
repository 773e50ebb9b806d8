"""Numbers as people read them: milliseconds, bytes, shares. None is shown as a dash everywhere."""

DASH = "-"
STYLES = {
    "up": "green",
    "held": "yellow",
    "suspect": "yellow",
    "poor": "yellow",
    "stalled": "red",
    "broken": "red",
    "down": "red",
}
"""Colours of states; what is not here has none."""


def milliseconds(seconds: float | None, digits: int = 0) -> str:
    """Without the unit; *seconds* may be None."""
    return DASH if seconds is None else f"{seconds * 1000:.{digits}f}"


def percent(share: float | None) -> str:
    """A *share* from 0 to 1 in whole per cent."""
    return DASH if share is None else f"{share:.0%}"


def share_lost(share: float) -> str:
    """A small *share* from 0 to 1 in hundredths of a per cent."""
    return f"{share:.2%}"


def counted(number: int, noun: str) -> str:
    """The number with its noun, which takes an s unless there is one: "1 path", "0 paths"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(count: float) -> str:
    """Bytes, in the largest unit that leaves a digit before the point: 0, 999, 1.2k, 34M, 5.6G."""
    for unit in ("", "k", "M", "G"):
        if count < 999.5:
            return f"{count:.0f}{unit}" if not unit or count >= 9.95 else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.1f}T"


def megabits(speed: float) -> str:
    """Bytes per second as Mbit/s, without the unit: 0.5, 20, 940."""
    mbit = speed * 8e-6
    return f"{mbit:.1f}" if mbit < 9.95 else f"{mbit:.0f}"


def age(seconds: float | None) -> str:
    """A length of time by its largest unit."""
    if seconds is None:
        return DASH
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.1f}s" if seconds < 9.95 else f"{seconds:.0f}s"
