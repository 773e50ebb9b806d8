"""How each language writes numbers, units and lists. A form is what stands behind the colon of a placeholder.

`{share:percent}` is one of the forms below, `{lines:line|lines}` a word for one and another for several, and what is
neither is a format of Python's: `{times:.1f}`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

EN: Final = "en"
ZH: Final = "zh"
SHOWN: Final = 4
"""Names in one sentence at most; the others are counted."""

Form = Callable[[Any], str]


def names(separator: str, more: str) -> Form:
    """A list of names: SHOWN of them, and *more* with the count of the rest and of all."""

    def write(every: Sequence[str]) -> str:
        rest = len(every) - SHOWN
        shown = separator.join(every[:SHOWN])
        return shown + more.format(rest=rest, all=len(every)) if rest > 0 else shown

    return write


def _length(parts: Sequence[tuple[int, str]], second: str, gap: str) -> Form:
    """A length of time in its two largest units."""

    def write(seconds: float) -> str:
        if seconds < 9.95:
            return f"{seconds:.1f}{second}"
        left = round(seconds)
        said: list[str] = []
        for length, unit in (*parts, (1, second)):
            count, left = divmod(left, length)
            if count or said:
                said.append(f"{count}{unit}" if count else "")
        return gap.join(part for part in said[:2] if part)

    return write


_BOTH: Final[Mapping[str, Form]] = {
    "percent": lambda share: f"{share:.0%}",
    "percent1": lambda share: f"{share:.1%}",
    "percent2": lambda share: f"{share:.2%}",
    "mbit": lambda speed: f"{speed * 8e-6:.1f}" if speed * 8e-6 < 9.95 else f"{speed * 8e-6:.0f}",
    "mbit1": lambda speed: f"{speed * 8 / 1e6:.1f}",
    "mbit3": lambda speed: f"{speed * 8 / 1e6:.3g}",
    "ms": lambda seconds: f"{seconds * 1000:.0f}",
    "ms1": lambda seconds: f"{seconds * 1000:.1f}",
}
"""Seconds as ms, shares from 0 to 1, bytes per second as Mbit/s: without the unit, for which templates have words."""

FORMS: Final[Mapping[str, Mapping[str, Form]]] = {
    EN: {
        **_BOTH,
        "names": names(", ", " and {rest} more"),
        "list": ", ".join,
        "sentences": "; ".join,
        "and": " and ".join,
        "or": " or ".join,
        "length": _length(((86_400, " d"), (3600, " h"), (60, " min")), " s", " "),
    },
    ZH: {
        **_BOTH,
        "names": names("、", " 等 {all} 个"),
        "list": "、".join,
        "sentences": "；".join,
        "and": " 和 ".join,
        "or": " 或 ".join,
        "length": _length(((86_400, " 天"), (3600, " 小时"), (60, " 分")), " 秒", " "),
    },
}
LANGUAGES: Final = tuple(FORMS)
"""The first one is that of the log, and of whoever asks for none."""


def is_ours(spec: str) -> bool:
    """Whether *spec* is no format of Python's."""
    return spec in FORMS[EN] or "|" in spec


def form_of(language: str, spec: str) -> Form:
    """The form that *spec* names."""
    found = FORMS[language].get(spec)
    if found is not None:
        return found
    if "|" in spec:
        one, _, several = spec.partition("|")
        return lambda value: one if (value if isinstance(value, int) else len(value)) == 1 else several
    return lambda value: format(value, spec)
