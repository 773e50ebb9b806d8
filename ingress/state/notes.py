"""Small things that are kept whole, as JSON, one row each in the state file."""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from ingress.state.file import Batch

PUT = "INSERT OR REPLACE INTO notes (name, text) VALUES (?, ?)"


class NotePart:
    """As `Part`: what is called *name*. *write* gives it in plain values, *parse* reads these (a ValueError says that
    they make no sense), and *recall* gets what was parsed."""

    def __init__(
        self, name: str, write: Callable[[], object], parse: Callable[[object], object], recall: Callable[[Any], None]
    ) -> None:
        self._name = name
        self._write = write
        self._parse = parse
        self._recall = recall
        self._written = self._given = json.dumps(write())

    def read(self, connection: sqlite3.Connection) -> object:
        """What the file has of it; None if that is nothing."""
        row = connection.execute("SELECT text FROM notes WHERE name = ?", (self._name,)).fetchone()
        return None if row is None else self._parse(json.loads(row[0]))

    def recall(self, found: object) -> None:
        """As `Part.recall`."""
        if found is not None:
            self._recall(found)

    def news(self) -> Batch:
        """As `Part.news`."""
        return [] if json.dumps(self._write()) == self._written else self.everything()

    def everything(self) -> Batch:
        """As `Part.everything`."""
        self._given = json.dumps(self._write())
        return [(PUT, [(self._name, self._given)])]

    def written(self) -> None:
        """As `Part.written`."""
        self._written = self._given

    def tend(self, connection: sqlite3.Connection) -> None:
        """As `Part.tend`: it is one row."""
