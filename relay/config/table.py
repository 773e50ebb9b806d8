"""Reads one table of the file key by key, strictly.

What must stay true: a mistake never stops the reading, so that all of them are told at once; a key that no one
asked for is a mistake.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from relay.config import values
from relay.config.mistakes import Key, Mistakes, nearest
from relay.config.positions import find_lines
from relay.config.toml import decode, parse, unusable
from relay.files import read_file
from relay.private import unreadable

T = TypeVar("T")
D = TypeVar("D")


class Table:
    """A table, and where it stands. Values that are missing or wrong come back as the default or None."""

    def __init__(self, content: Mapping[str, object], key: Key, mistakes: Mistakes) -> None:
        self._content = content
        self._asked: set[str] = set()
        self.key = key
        self.mistakes = mistakes

    def __contains__(self, name: str) -> bool:
        return name in self._content

    @property
    def folder(self) -> Path:
        """What relative files in this file are relative to; absolute."""
        return self.mistakes.file.absolute().parent

    def get(self, name: str, parse: Callable[[object], T], default: D) -> T | D:
        """The value of *name* as *parse* understands it."""
        self._asked.add(name)
        if name not in self._content:
            return default
        try:
            return parse(self._content[name])
        except values.Wrong as wrong:
            self.wrong(name, wrong.what, wrong.mend)
            return default

    def need(self, name: str, parse: Callable[[object], T], mend: str) -> T | None:
        """The value of *name*, which has to be there; *mend* says what to write."""
        if name not in self._content:
            self._asked.add(name)
            self.mistakes.add((*self.key, name), "is missing", mend)
        return self.get(name, parse, None)

    def many(self, name: str, parse: Callable[[object], T]) -> tuple[T, ...]:
        """One value or a list of values."""
        self._asked.add(name)
        content = self._content.get(name, [])
        items = content if isinstance(content, list) else [content]
        found = []
        for index, item in enumerate(items):
            try:
                found.append(parse(item))
            except values.Wrong as wrong:
                place = (name, index) if isinstance(content, list) else (name,)
                self.mistakes.add((*self.key, *place), wrong.what, wrong.mend)
        return tuple(found)

    def some(self, name: str, parse: Callable[[object], T]) -> tuple[T, ...]:
        """One value or a list of at least one; none if it is left out. An empty list would be read as no condition by
        one, and as one that nothing fulfils by another."""
        if self._content.get(name) == []:
            self.mistakes.add((*self.key, name), "is empty", "name at least one, or leave it out")
        return self.many(name, parse)

    def need_many(self, name: str, parse: Callable[[object], T], mend: str) -> tuple[T, ...]:
        """One value or a list of at least one."""
        if self._content.get(name, []) == []:
            self.mistakes.add((*self.key, name), "is missing", mend)
        return self.many(name, parse)

    def file(self, name: str) -> Path | None:
        """The path of a file, which need not be there yet."""
        found = self.get(name, values.text, None)
        return None if found is None else self.folder / found

    def table(self, name: str) -> "Table | None":
        """The table at *name*."""
        self._asked.add(name)
        if name not in self._content:
            return None
        return self._sub((name,), self._content[name])

    def array(self, name: str) -> list["Table"]:
        """The tables at *name*, written `[[name]]` or as a list."""
        self._asked.add(name)
        content = self._content.get(name, [])
        if not isinstance(content, list):
            self.wrong(name, "is not a list of tables", f"write [[{name}]] above it, or a list [{{ … }}]")
            return []
        tables = [self._sub((name, index), item) for index, item in enumerate(content)]
        return [table for table in tables if table is not None]

    def named(self, name: str) -> dict[str, "Table"]:
        """The tables `[name.NAME]`, each under a name that is valid."""
        group = self.table(name)
        if group is None:
            return {}
        tables: dict[str, Table] = {}
        for each, content in group._content.items():
            try:
                values.name(each)
            except values.Wrong as wrong:
                group.wrong(each, wrong.what, wrong.mend)
            table = group._sub((each,), content)
            if table is not None:
                tables[each] = table
        return tables

    def wrong(self, name: str, what: str, mend: str) -> None:
        """Note a mistake at *name* in this table."""
        self.mistakes.add((*self.key, name), what, mend)

    def finish(self) -> None:
        """Say which keys nobody asked for."""
        for name in self._content:
            if name not in self._asked:
                self.wrong(name, "is not a key here", nearest(name, self._asked))

    def _sub(self, place: Key, content: object) -> "Table | None":
        if isinstance(content, dict):
            return Table(content, (*self.key, *place), self.mistakes)
        self.mistakes.add(
            (*self.key, *place), "is not a table", "write its keys below a [header], or as { key = value }"
        )
        return None


def read_document(path: Path) -> Table:
    """The whole file as a table. ConfigError if it cannot be read or is not TOML."""
    try:
        content = decode(path, read_file(path))
    except FileNotFoundError:
        raise unusable(path, "there is no such file", "name it with --config or INGRESS_CONFIG") from None
    except OSError as error:
        what, _, mend = unreadable(path, error).partition("; ")
        raise unusable(path, what, mend or "name another with --config") from error
    return Table(parse(path, content), (), Mistakes(path, find_lines(content)))


def read_version(document: Table) -> None:
    """Check that the file is written for this version of the program."""
    found = document.need("version", values.whole(0, 2**31), "write version = 1 at the top of the file")
    if found not in (None, 1):
        document.wrong(
            "version", f"{found} is not a version this program reads", "write version = 1, or update the program"
        )
