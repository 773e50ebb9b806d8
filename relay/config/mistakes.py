"""What can be wrong with a file: where, what, and how to mend it. All mistakes of a file are told at once."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from relay.errors import OperatorError

Key = tuple[str | int, ...]
"""A place in the file: names of tables and keys, and indexes into arrays."""


@attrs.frozen
class Mistake:
    """One thing that is wrong with the file."""

    where: str
    """The key path, as `node.jp-dmit.address`; empty when it is the file as a whole."""
    what: str
    mend: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return _printable(f"{place}{self.what}; {self.mend}")


class ConfigError(OperatorError):
    """The file cannot be used. `mistakes` holds all that is wrong, in file order; the text has a line for each."""

    def __init__(self, file: Path, mistakes: Iterable[Mistake]) -> None:
        self.file = file
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.line or 0))
        super().__init__("\n".join(f"{self._place(mistake)} {mistake}" for mistake in self.mistakes))

    def _place(self, mistake: Mistake) -> str:
        return f"{self.file}:" if mistake.line is None else f"{self.file}:{mistake.line}:"


class Mistakes:
    """Collects the mistakes of one file while it is read, and knows the line of every key."""

    def __init__(self, file: Path, lines: Mapping[Key, int] | None = None) -> None:
        self.file = file
        self._lines = lines or {}
        self._found: list[Mistake] = []

    def add(self, key: Key, what: str, mend: str) -> None:
        """Note that *what* is wrong at *key*, or about a key that is missing there."""
        mistake = Mistake(dotted(key), what, mend, self._line_of(key))
        if mistake not in self._found:  # two rooms may read the same table
            self._found.append(mistake)

    def any_under(self, *names: str) -> bool:
        """Whether something is wrong in one of the top-level tables *names*."""
        return any(mistake.where.split(".")[0].split("[")[0] in names for mistake in self._found)

    def raise_any(self) -> None:
        """ConfigError with all that was found, if anything was."""
        if self._found:
            raise ConfigError(self.file, self._found)

    def place_of(self, key: Key) -> str:
        """Where the table *key* of an array stands, for people: `rule 2 (line 97)`."""
        *_, kind, number = ("", *key)
        line = self._line_of(key)
        counted = f"{kind} {number + 1}" if isinstance(number, int) else dotted(key)
        return counted if line is None else f"{counted} (line {line})"

    def _line_of(self, key: Key) -> int | None:
        while key and key not in self._lines:
            key = key[:-1]
        return self._lines.get(key)


def dotted(key: Key) -> str:
    """*key* as it is written in TOML, with indexes in brackets: `forward[0].listen`."""
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _printable(text: str) -> str:
    """What the file holds cannot break a line in two, nor steer the terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def nearest(word: str, known: Iterable[str]) -> str:
    """How to mend the unknown *word*: the nearest of *known*, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, 1)
    if near:
        return f'did you mean "{near[0]}"?'
    return "known here: " + ", ".join(names) if names else "there is none to name here"
