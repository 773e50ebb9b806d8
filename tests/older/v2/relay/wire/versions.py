"""Versions of the wire: what is spoken here, and what two sides make of what each of them speaks.

A new version raises NEWEST; OLDEST follows one version behind, so that two neighbouring versions always serve each
other and a network can be updated node by node. docs/protocol.md says how a version is added.
"""

import attrs

NEWEST = 2
OLDEST = 2
FIELDS_SINCE = 2
"""Set-up messages are laid out in fields from this version on, and for ever; what version 1 says is not read."""


@attrs.frozen
class Versions:
    """What one side speaks: every version from `oldest` to `newest`."""

    oldest: int
    newest: int

    def __str__(self) -> str:
        return str(self.newest) if self.oldest == self.newest else f"{self.oldest} to {self.newest}"


OURS = Versions(OLDEST, NEWEST)


def agree(theirs: Versions, ours: Versions = OURS) -> int | None:
    """The newest version that both speak; None if there is none."""
    best = min(theirs.newest, ours.newest)
    return best if best >= max(theirs.oldest, ours.oldest) else None


def tell_apart(me: str, them: str, theirs: Versions, ours: Versions = OURS) -> str:
    """Why *me* and *them* cannot talk, and which of the two is to be updated."""
    behind = me if theirs.newest > ours.newest else them
    return f"{me} speaks version {ours}, {them} version {theirs}: update {behind}"
