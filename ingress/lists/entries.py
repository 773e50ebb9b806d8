"""What was read from a list, entry by entry: the one meaning that all formats are turned into."""

import enum
import ipaddress
from collections import Counter
from collections.abc import Callable

import attrs

from relay.model.addresses import plain_network
from relay.model.hosts import parse_name
from relay.model.network import IpNetwork

MOST_SHOWN = 3
"""Lines of a list that are quoted where it cannot be read."""
LONGEST_SHOWN = 60
"""Characters of one."""


class Scope(enum.Enum):
    """Which names an entry stands for."""

    ITSELF = "="
    """The name."""
    COVERED = ""
    """The name and all below it."""
    BELOW = "*."
    """All below it, however deep."""
    ONE_BELOW = "*. (one level)"
    """Those one label longer."""


@attrs.define
class Entries:
    """Filled by a reader. Names are as `relay.model.hosts.parse_name` gives them."""

    names: dict[Scope, set[str]] = attrs.Factory(lambda: {scope: set[str]() for scope in Scope})
    excepted: dict[Scope, set[str]] = attrs.Factory(lambda: {scope: set[str]() for scope in Scope})
    """Names that are not on the list, whatever else it says."""
    networks: list[IpNetwork] = attrs.Factory(list)
    keywords: list[str] = attrs.Factory(list)
    """A name that has one of them anywhere is on the list."""
    patterns: list[str] = attrs.Factory(list)
    """Regular expressions; a name in which one is found is on the list."""
    left_out: Counter[str] = attrs.Factory(Counter)
    """Entries that have no meaning here, by what they are in the words of their format (PROCESS-NAME)."""
    wrong: list[str] = attrs.Factory(list)
    """The first lines that are nothing in this format."""
    wrong_count: int = 0

    def add_name(self, scope: Scope, name: str) -> bool:
        """Add *name* as it was written; False, and nothing is added, if it is no name."""
        found = plain_name(name)
        if found is not None:
            self.names[scope].add(found)
        return found is not None

    def except_name(self, scope: Scope, name: str) -> bool:
        """The same for a name that is not on the list."""
        found = plain_name(name)
        if found is not None:
            self.excepted[scope].add(found)
        return found is not None

    def add_network(self, text: str) -> bool:
        """Add a network or an address; bits behind its prefix are ignored, as the programs do that lists are made for.
        False if it is none."""
        try:
            self.networks.append(plain_network(ipaddress.ip_network(text, strict=False)))
        except ValueError:
            return False
        return True

    def note_wrong(self, line: str) -> None:
        """*line* is nothing in this format."""
        self.wrong_count += 1
        if len(self.wrong) < MOST_SHOWN:
            short = line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"
            # Whoever wrote it does not write to the operator's terminal.
            self.wrong.append("".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in short))

    @property
    def count(self) -> int:
        """Entries that were understood."""
        named = sum(map(len, self.names.values())) + sum(map(len, self.excepted.values()))
        return named + len(self.networks) + len(self.keywords) + len(self.patterns)


def plain_name(text: str) -> str | None:
    """*text* as names are compared: lower case, ASCII, no dot at the end; None if no name is spelled so."""
    if text.isascii() and text.islower() and text.replace(".", "").replace("-", "").isalnum():
        last = text[text.rfind(".") + 1 :]
        if last[:1].isalpha() and ".." not in text and text[0] != "." and len(text) <= 253:
            return text  # as nearly all of a list are: a tenth of the time of a full reading
    return parse_name(text)


Reader = Callable[[bytes], Entries]
"""Reads the whole content of a list."""
