"""At which line of a TOML file each key stands, so that a mistake can be pointed at.

Reads only text that tomllib has accepted, and therefore checks nothing.
"""

import bisect
import re
import tomllib

from relay.config.mistakes import Key

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'  # up to two quotes may stand before the closing three
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")


def find_lines(text: str) -> dict[Key, int]:
    """The line, counted from 1, of every table, key and array element of *text*."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[Key, int] = {}
        self._newest: dict[Key, int] = {}
        self._newlines = [match.start() for match in re.finditer("\n", text)]

    def scan(self) -> dict[Key, int]:
        table: Key = ()
        while self._skip_blank() < len(self._text):
            if self._took("[["):
                table = self._header("]]")
            elif self._took("["):
                table = self._header("]")
            else:
                self._pair(table)
        return self._lines

    def _header(self, closing: str) -> Key:
        """A key inside an array of tables speaks of its newest element; `[[…]]` adds one."""
        *parents, last = self._names()
        key: Key = ()
        for part in parents:
            key = self._into_newest((*key, part))
            self._note(key)
        key = (*key, last)
        self._note(key)
        if closing == "]]":
            self._newest[key] = self._newest.get(key, -1) + 1
            key = self._into_newest(key)
            self._note(key)
        self._took(closing)
        return key

    def _into_newest(self, key: Key) -> Key:
        return (*key, self._newest[key]) if key in self._newest else key

    def _pair(self, table: Key) -> None:
        names = self._names()
        for count in range(1, len(names) + 1):
            self._note((*table, *names[:count]))
        self._took("=")
        self._value((*table, *names))

    def _names(self) -> list[str]:
        names = [self._name()]
        while self._took("."):
            names.append(self._name())
        return names

    def _name(self) -> str:
        self._skip_blank()
        quoted = _STRING.match(self._text, self._at)
        match = quoted or _BARE.match(self._text, self._at)
        assert match is not None, "tomllib accepted this text"
        self._at = match.end()
        return tomllib.loads(f"{match[0]} = 0").popitem()[0]

    def _value(self, key: Key) -> None:
        if self._took("["):
            index = 0
            while not self._took("]"):
                self._note((*key, index))
                self._value((*key, index))
                self._took(",")
                index += 1
        elif self._took("{"):
            while not self._took("}"):
                self._pair(key)
                self._took(",")
        else:
            match = _STRING.match(self._text, self._at) or _SCALAR.match(self._text, self._at)
            assert match is not None, "tomllib accepted this text"
            self._at = match.end()

    def _note(self, key: Key) -> None:
        self._lines.setdefault(key, bisect.bisect_left(self._newlines, self._at) + 1)

    def _took(self, mark: str) -> bool:
        """Whether *mark* comes next, blanks and comments left out; if so it has been read."""
        if not self._text.startswith(mark, self._skip_blank()):
            return False
        self._at += len(mark)
        return True

    def _skip_blank(self) -> int:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at
