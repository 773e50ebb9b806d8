"""Which list a rule names, and what was read of it."""

from pathlib import Path

import attrs

from ingress.lists.targets import TargetSet


@attrs.frozen
class ListSource:
    """A file of names and networks, as `{ file = … }` says it."""

    file: Path
    format: str | None = None
    """None: the one format that it can be in."""
    name: str | None = None
    """Of a list in a geosite.dat."""
    attributes: tuple[str, ...] = ()
    """Of the entries of v2fly's lists: those that have all of these; `!cn` wants those that have it not."""

    def __str__(self) -> str:
        which = "" if self.name is None else f" {self.name}"
        return f"{self.file.name}{which}{''.join(f' @{one}' for one in self.attributes)}"


@attrs.frozen
class LoadedList:
    """A list that can be asked."""

    source: ListSource
    targets: TargetSet
    format: str
    modified: float
    """When its file was changed last, in seconds since 1970."""
