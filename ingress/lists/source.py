"""Which list a rule names, and what was read of it."""

from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import attrs

from ingress.lists.targets import TargetSet
from relay.model.hosts import NoHost, read_host


def split_url(url: str) -> SplitResult | None:
    """The parts of *url*, whoever wrote it; None if no list can be fetched from there."""
    if not url.isascii() or any(sign <= " " for sign in url):
        return None
    try:
        parts = urlsplit(url)
        has_port = (parts.port or 1) > 0  # raises if it has one that is none
    except ValueError:
        return None
    host = parts.hostname or ""
    is_good = parts.scheme in ("http", "https") and has_port and not isinstance(read_host(host), NoHost)
    return parts if is_good else None


@attrs.frozen
class ListSource:
    """A file of names and networks, as `{ file = … }` or `{ url = … }` says it."""

    file: Path
    """Of one with a `url`, its name in the folder for what was fetched."""
    format: str | None = None
    """None: the one format that it can be in."""
    name: str | None = None
    """Of a list in a geosite.dat."""
    attributes: tuple[str, ...] = ()
    """Of the entries of v2fly's lists: those that have all of these; `!cn` wants those that have it not."""

    url: str | None = None
    """Where it is fetched from."""
    every: float = 86400.0
    """Seconds after which it is fetched again."""

    def __str__(self) -> str:
        which = "" if self.name is None else f" {self.name}"
        return (
            f"{self.file.name if self.url is None else self.url}{which}{''.join(f' @{one}' for one in self.attributes)}"
        )


@attrs.frozen
class LoadedList:
    """A list that can be asked."""

    source: ListSource
    targets: TargetSet
    format: str
    modified: float | None
    """When its file was changed, or fetched, last, in seconds since 1970; None of what was not fetched yet: such a list
    has nothing in it."""
    file: Path
    """Where it is."""
