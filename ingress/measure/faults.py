"""Why a set-up failed: a fact about one hop of a walk, so that whoever judges it need not read words."""

import enum

import attrs


class FaultKind(enum.Enum):
    """What was found at one hop. The first three say no more than silence does; the others name what to mend."""

    SILENT = enum.auto()
    """No answer in time, or the connection ended before there was one."""
    UNREACHABLE = enum.auto()
    """The line's address could not be dialled: no route, no such name, its proxy said no."""
    REFUSED = enum.auto()
    """The machine at the end of the line is there, and nothing listens at its port."""
    DRAINING = enum.auto()
    """The node is about to stop, and lets nobody in."""
    WRONG_NODE = enum.auto()
    """Another node of this network answered."""
    UNTRUSTED = enum.auto()
    """What answers has no certificate of this network's CA for nodes."""
    NO_TLS = enum.auto()
    """What answers is another program."""
    NOT_LET_IN = enum.auto()
    """The node does not accept our certificate or name."""
    VERSION = enum.auto()
    """The two sides have no version of the wire, or no meaning of a field, in common."""
    STALE_CONFIG = enum.auto()
    """The two sides have different files."""
    OTHER = enum.auto()
    """What the node says in its own words."""


MUTE = frozenset({FaultKind.SILENT, FaultKind.UNREACHABLE, FaultKind.REFUSED, FaultKind.DRAINING})
"""Kinds that may come from the line, from the node at its end, or from nobody: who else answers must tell."""


class Refusal(enum.Enum):
    """A fault that waiting will not mend; shown as the state."""

    AUTH = "auth"
    VERSION = "version"
    STALE_CONFIG = "stale config"


OF_THE_LINE = (FaultKind.WRONG_NODE, FaultKind.UNTRUSTED, FaultKind.NO_TLS)
"""Kinds that are found where a line leads, and may be mended at either end of it."""

REFUSALS = {
    FaultKind.WRONG_NODE: Refusal.AUTH,
    FaultKind.UNTRUSTED: Refusal.AUTH,
    FaultKind.NOT_LET_IN: Refusal.AUTH,
    FaultKind.VERSION: Refusal.VERSION,
    FaultKind.STALE_CONFIG: Refusal.STALE_CONFIG,
}


@attrs.frozen
class SetupFault:
    """The last attempt to set a carrier up, which failed."""

    kind: FaultKind
    hop: int
    """Counted from 0: where on the way it failed. It is the line's, or the node's at its end."""
    text: str
    """Names the node or line, and says why."""
    shown: str | None = None
    """Of WRONG_NODE: the name in the certificate."""

    @property
    def refusal(self) -> Refusal | None:
        """The state that says so; None if it may pass by itself."""
        return REFUSALS.get(self.kind)
