"""What clients have open now: their streams and their associations, as rows, for somebody who looks.

Nothing is counted as bytes pass: streams know how far they have come. Rates are differences between two looks; between
looks nothing is kept but the last one.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final, Protocol

import attrs

from ingress.client.client_accounts import DIRECT, Countable
from ingress.client.client_stream import ClientStream
from relay.session.initiator import InitiatorStream

MOST: Final = 2000
"""Rows of one answer."""
OFTEN: Final = 0.9
"""Seconds between two looks at least; who asks before that is told the rates of the last."""
OLD: Final = 10.0
"""Seconds after which a look is no beginning of a rate."""
NO_RATE: Final = (None, None)


class OpenStreams(Protocol):
    """Whoever knows what is open."""

    @property
    def numbered(self) -> Mapping[ClientStream, int]:
        """Streams, each with a number that is used once."""

    @property
    def associations(self) -> Mapping[Countable, int]:
        """Associations likewise; they share the numbers."""


@attrs.define  # not frozen: two thousand of them are made for one look, which takes a third as long
class StreamRow:
    """One stream, or one association."""

    id: int
    """Of no other, as long as the process lives."""
    protocol: str
    """`tcp` or `udp`."""
    client: str
    user: str
    target: str
    """HOST:PORT; of an association the last one. Empty if nothing was sent yet."""
    rule: str
    """That decided on it; empty if none did."""
    path: str
    """On which it rides now; empty if on none."""
    exit: str
    """`direct`: none."""
    age: float
    up: int
    down: int
    moves: int
    """How often it was put on another path, or on the same anew. None are counted of associations."""
    rate_up: int | None
    """Bytes per second of late; None if that is not known yet."""
    rate_down: int | None

    def has(self, text: str) -> bool:
        """Whether one of its words has *text*, which is in lower case."""
        words = (self.client, self.user, self.target, self.rule, self.path, self.exit, self.protocol)
        return any(text in word.lower() for word in words)


FIELDS: Final = tuple(field.name for field in attrs.fields(StreamRow))
_values = attrgetter(*FIELDS)
SORTS: Final[Mapping[str, Callable[[StreamRow], Any]]] = {
    "age": lambda row: row.age,
    "-age": lambda row: -row.age,
    "rate": lambda row: -(row.rate_up or 0) - (row.rate_down or 0),
    "bytes": lambda row: -row.up - row.down,
    "moves": lambda row: -row.moves,
    "client": lambda row: (row.client, row.id),
    "user": lambda row: (row.user, row.id),
    "target": lambda row: (row.target, row.id),
    "rule": lambda row: (row.rule, row.id),
    "path": lambda row: (row.path, row.id),
    "exit": lambda row: (row.exit, row.id),
}
"""How rows may be ordered: the youngest first or the oldest (`-age`), what is most first, words from a to z."""


@attrs.frozen
class StreamQuestion:
    """Which rows are wanted, and in which order."""

    sort: str = "age"
    match: str = ""
    """What a row has to have, in lower case; empty: all."""
    limit: int = MOST


class StreamList:
    """Looks at what is open, when somebody asks."""

    def __init__(self, open_: OpenStreams, path_of: Callable[[ClientStream], str]) -> None:
        """*path_of* tells the name of the path that a stream rides on; empty if on none."""
        self._open = open_
        self._path_of = path_of
        self._moved: dict[int, tuple[int, int]] = {}
        """How far each had come at the last look, by number."""
        self._rates: dict[int, tuple[int, int]] = {}
        self._at = float("-inf")

    def answer(self, question: StreamQuestion, now: float) -> dict[str, Any]:
        """The answer to `streams`."""
        rows = self.rows(now)
        found = [row for row in rows if row.has(question.match)] if question.match else rows
        found.sort(key=SORTS[question.sort])
        shown = [dict(zip(FIELDS, _values(row), strict=True)) for row in found[: question.limit]]
        return {"version": 1, "total": len(rows), "matched": len(found), "streams": shown}

    def rows(self, now: float) -> list[StreamRow]:
        """All that is open."""
        if now - self._at >= OFTEN:
            self._learn_rates(now)
        return [*self._streams(now), *self._associations(now)]

    def _learn_rates(self, now: float) -> None:
        before, passed = self._moved, now - self._at
        self._moved, self._at = {number: _moved(one.stream) for one, number in self._open.numbered.items()}, now
        for association, number in self._open.associations.items():
            seen = association.look()
            self._moved[number] = seen.up, seen.down
        self._rates = {}
        if passed <= OLD:
            for number, (up, down) in self._moved.items():
                old = before.get(number)
                if old is not None:
                    self._rates[number] = round((up - old[0]) / passed), round((down - old[1]) / passed)

    def _streams(self, now: float) -> Iterator[StreamRow]:
        for one, number in self._open.numbered.items():
            demand, stream, choice = one.demand, one.stream, one.choice
            yield StreamRow(
                number,
                "tcp",
                demand.client,
                demand.user,
                _target(demand.host, demand.port),
                demand.rule_title,
                self._path_of(one),
                DIRECT if choice is None else choice.exit,
                round(now - one.asked_at, 1),
                *_moved(stream),
                0 if stream is None else stream.generation - 1,
                *self._rates.get(number, NO_RATE),
            )

    def _associations(self, now: float) -> Iterator[StreamRow]:
        for one, number in self._open.associations.items():
            seen = one.look()
            flow, who = seen.flow, seen.who
            yield StreamRow(
                number,
                "udp",
                who.address,
                who.user,
                _target(seen.host, seen.port) if seen.host else "",
                seen.rule,
                "" if flow is None else flow.path,
                "" if flow is None else DIRECT if flow.is_direct else flow.exit,
                round(now - seen.begun_at, 1),
                seen.up,
                seen.down,
                0,
                *self._rates.get(number, NO_RATE),
            )


def _moved(stream: InitiatorStream | None) -> tuple[int, int]:
    """How far it has come, up and down."""
    return (0, 0) if stream is None else (stream.sender.end, stream.receiver.received)


def _target(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
