"""What is said of lines from outside, whatever they measure: which carry nothing new, and which only stand in for
others."""

from collections.abc import Callable, Mapping

from relay.model.walk import Path


class Standings:
    """One ingress's. Whoever closes lines does so under a name of its own (`quota`, `hold`), and takes back its own
    alone. What is closed is measured all the same."""

    def __init__(self, on_news: Callable[[], None]) -> None:
        """*on_news* is called whenever something else is said than before."""
        self._on_news = on_news
        self._closed: dict[str, Mapping[str, str]] = {}
        self._stand_in: Mapping[str, str] = {}

    def close(self, by: str, why: Mapping[str, str]) -> None:
        """*why*, by line, is all that *by* has closed from now on: nothing new goes there, and what rides leaves by
        plan."""
        if self._closed.get(by, {}) != why:
            self._closed[by] = dict(why)
            self._on_news()

    def stand_in(self, why: Mapping[str, str]) -> None:
        """These lines, and why, are backups from now on, besides those of the file."""
        if self._stand_in != why:
            self._stand_in = dict(why)
            self._on_news()

    def why_closed(self, path: Path) -> str:
        """Why *path* carries nothing new; empty if it may."""
        return next((found for lines in self._closed.values() if (found := _of(path, lines))), "")

    def why_stands_in(self, path: Path) -> str:
        """Why it is for when nothing else is up, the file apart; empty if it is not."""
        return _of(path, self._stand_in)

    def __repr__(self) -> str:
        return f"<Standings: {self._closed} closed, {self._stand_in} stand in>"


def _of(path: Path, lines: Mapping[str, str]) -> str:
    """What is said of the first of its lines of which something is."""
    return next((lines[hop.line.name] for hop in path.hops if hop.line.name in lines), "") if lines else ""
