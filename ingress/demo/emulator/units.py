"""The quantities in an emulator's commands: 80ms, 1%, 50KB/s."""

import re
from collections.abc import Mapping

DURATIONS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
RATES = {
    "B/s": 1, "KB/s": 1e3, "MB/s": 1e6, "KiB/s": 1024, "MiB/s": 1024**2,
    "kbit/s": 125, "Kbit/s": 125, "Mbit/s": 125e3, "Gbit/s": 125e6,
}  # fmt: skip
SHARES = {"%": 0.01}


def parse(text: str, units: Mapping[str, float]) -> float:
    """*text* is a number and one of *units*; gives their product."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(\S+)", text)
    if match is None or match[2] not in units:
        raise ValueError(f"{text}: not a number with one of the units {', '.join(units)}")
    return float(match[1]) * units[match[2]]


def parse_duration(text: str) -> float:
    """Seconds."""
    return parse(text, DURATIONS)


def parse_rate(text: str) -> float:
    """Bytes per second, more than none."""
    rate = parse(text, RATES)
    if not rate:
        raise ValueError(f"{text}: a line that carries nothing is a black hole")
    return rate


def parse_share(text: str) -> float:
    """From 0 to 1."""
    share = parse(text, SHARES)
    if share > 1:
        raise ValueError(f"{text}: more than all")
    return share
