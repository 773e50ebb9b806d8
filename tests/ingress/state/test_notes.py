"""Small things that are kept whole."""

import json
import sqlite3

import pytest

from ingress.state.notes import PUT, NotePart
from ingress.state.schema import STEPS


def test_it_is_written_when_it_has_changed_and_comes_back() -> None:
    connection = sqlite3.connect(":memory:")
    for step in STEPS:
        connection.executescript(step)
    said: list[str] = []
    part = NotePart("wishes", lambda: said, lambda found: found, said.extend)
    assert part.read(connection) is None
    part.recall(None)
    assert part.news() == []
    said.append("us")
    (batch,) = part.news()
    assert batch == (PUT, [("wishes", '["us"]')]) and part.news() == [batch]
    connection.executemany(*batch)
    part.written()
    part.tend(connection)
    assert part.news() == []
    said.clear()
    part.recall(part.read(connection))
    assert said == ["us"] and part.everything() == [(PUT, [("wishes", '["us"]')])]
    connection.execute(PUT, ("wishes", "no JSON"))
    with pytest.raises(json.JSONDecodeError):
        part.read(connection)
    connection.close()
