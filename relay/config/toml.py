"""Reads a file of TOML as people save it: with a byte order mark or without; what keeps it from being read is named."""

import codecs
import re
import tomllib
from pathlib import Path

from relay.config.mistakes import ConfigError, Mistake

LOOK_ALIKES = {
    **dict.fromkeys("“”„‟«»＂「」『』", '"'),
    **dict.fromkeys("‘’‚‛＇", "'"),
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("［【", "["),
    **dict.fromkeys("］】", "]"),
    **dict.fromkeys("‐‑‒–—−－", "-"),
    "｛": "{",
    "｝": "}",
    "＝": "=",
    "＃": "#",
    "．": ".",
    "。": ".",
}
"""What input methods and word processors write in place of TOML's own characters, and which was meant."""
UNSEEN = {"\u00a0": "no-break space", "\u3000": "full-width space", "\u200b": "zero-width space", "\ufeff": "BOM"}
"""What nobody sees, and TOML does not take for a space."""
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
TOO_LONG = re.compile(r"[0-9_]{4301}")
"""A number of more digits than Python reads, which is all that it refuses without being asked about TOML."""
MEND_FIRST = "mend this first: what comes after it is not read"


def decode(path: Path, data: bytes) -> str:
    """The text of *data*, which stands at *path*, without a byte order mark. ConfigError if it is no UTF-8."""
    if data.startswith(UTF_16):
        raise unusable(path, "is UTF-16 text", "save it as UTF-8")
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise unusable(path, "is not UTF-8 text", "save it as UTF-8", line) from None


def parse(path: Path, content: str) -> dict[str, object]:
    """What *content* says, which stands at *path*. ConfigError if it is no TOML, with the line and the column."""
    try:
        return tomllib.loads(content)
    except RecursionError:
        raise unusable(path, "is nested too deeply", "take the brackets out") from None
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, str(error), content) from None
    except ValueError:
        place = next((at for at, text in enumerate(content.splitlines(), 1) if TOO_LONG.search(text)), None)
        raise unusable(path, "has a number of more than 4,300 digits", "write a shorter one", place) from None


def unusable(path: Path, what: str, mend: str, line: int | None = None) -> ConfigError:
    """The error to raise when the file as a whole is of no use."""
    return ConfigError(path, [Mistake("", what, mend, line)])


def _not_toml(path: Path, message: str, content: str) -> ConfigError:
    match = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if match is None:
        what = message.removesuffix(" (at end of document)")
        return unusable(path, f"is not TOML: {what}", MEND_FIRST, content.count("\n") + 1)
    what, line, column = message[: match.start()], int(match[1]), int(match[2])
    found = _look_alike(content.split("\n")[line - 1], column)
    if found is not None:
        return unusable(path, f"is not TOML: {found[0]} (column {found[1]})", found[2], line)
    return unusable(path, f"is not TOML: {what} (column {column})", MEND_FIRST, line)


def _look_alike(text: str, column: int) -> tuple[str, int, str] | None:
    """What stands at *column* of the line *text* and only looks like TOML: what, where, mend.

    A string that is not closed is found out at the end of the line: there it is the last one.
    """
    places = [at for at, char in enumerate(text, 1) if char in LOOK_ALIKES or char in UNSEEN]
    if column > len(text.rstrip("\r")):
        places, column = places[-1:], places[-1] if places else 0
    if column not in places:
        return None
    at, char = column, text[column - 1]
    if char in UNSEEN:
        return f"there is a {UNSEEN[char]} (U+{ord(char):04X})", at, "write a plain space, or nothing"
    return f"there is a {char} (U+{ord(char):04X})", at, f"write {LOOK_ALIKES[char]} in its place"
