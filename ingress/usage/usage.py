"""What has been moved and is not in the state file yet: in an hour, one row for each user, client, exit and site, and
one for each line.

Whoever counts adds differences, at most once for the end of a stream and once for every few seconds of its life: no
byte passes here. What the file does not take waits, up to MOST rows of a kind; then the oldest go, and are counted.
"""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

MOST = 10_000
"""Rows of a kind that wait for a file that cannot be written."""
HOUR = 3600

Key = TypeVar("Key", bound=tuple[object, ...])


class Counted(NamedTuple):
    """What somebody moved. Bytes are the client's own: what its sockets had, but for the words that asked for it."""

    up: int = 0
    down: int = 0
    streams: int = 0
    """That began."""
    udp_up: int = 0
    udp_down: int = 0
    associations: int = 0
    """That began, at an exit."""


class LineCounted(NamedTuple):
    """What a line carried, away from the ingress (up) and towards it."""

    tcp_up: int = 0
    tcp_down: int = 0
    """Payload of TCP, TLS included, without what follows."""
    udp_up: int = 0
    udp_down: int = 0
    """Datagrams, without the headers of UDP and IP."""
    probes_up: int = 0
    probes_down: int = 0
    """What only measures: pings, their answers, heartbeats."""
    packets_up: int = 0
    packets_down: int = 0
    """Segments and datagrams, each of which has headers of its own."""


class WaitingRows(Generic[Key]):
    """Rows of sums by their key, until they are written."""

    def __init__(self, most: int = MOST) -> None:
        self.dropped = 0
        """Rows that were given up, oldest first."""
        self._most = most
        self._rows: dict[Key, list[int]] = {}
        self._given: dict[Key, list[int]] = {}
        """What `give` gave last, and is not known to be written."""

    def __len__(self) -> int:
        return len(self._rows) + len(self._given)

    def add(self, key: Key, amounts: tuple[int, ...]) -> None:
        """Add *amounts*, always as many, to the row of *key*."""
        row = self._rows.get(key)
        if row is None:
            self._rows[key] = list(amounts)
            if len(self._rows) > self._most:
                self._drop(self._rows)
        else:
            for at, amount in enumerate(amounts):
                row[at] += amount

    def give(self) -> list[tuple[object, ...]]:
        """All rows, key first, to be added to those of the file. The same again, and what came since, until
        `written`."""
        rows, self._rows = self._rows, {}
        for key, amounts in rows.items():
            before = self._given.get(key)
            self._given[key] = amounts if before is None else [a + b for a, b in zip(before, amounts, strict=True)]
        while len(self._given) > self._most:
            self._drop(self._given)
        return [(*key, *amounts) for key, amounts in self._given.items()]

    def written(self) -> None:
        """What was given last is in the file."""
        self._given = {}

    def _drop(self, rows: dict[Key, list[int]]) -> None:
        del rows[next(iter(rows))]
        self.dropped += 1


class Usage:
    """One ingress's. *wall* tells the seconds since 1970."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self.clients: WaitingRows[tuple[int, str, str, str, str]] = WaitingRows()
        """By hour since 1970, user, client, exit and site."""
        self.lines: WaitingRows[tuple[int, str]] = WaitingRows()
        """By hour and line."""
        self._wall = wall

    def add(self, user: str, client: str, exit_: str, site: str, counted: Counted) -> None:
        """*user* at the address *client* has moved so much to *site* by way of *exit_*."""
        self.clients.add((self._hour, user, client, exit_, site), counted)

    def add_line(self, line: str, counted: LineCounted) -> None:
        """*line* has carried so much."""
        self.lines.add((self._hour, line), counted)

    @property
    def dropped(self) -> int:
        """Rows that were given up."""
        return self.clients.dropped + self.lines.dropped

    @property
    def _hour(self) -> int:
        return int(self._wall() // HOUR)
