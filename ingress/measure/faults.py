"""Why a set-up failed: a fact about one hop of a walk, so that whoever judges it need not read words.

What a node says about anything but itself and its own lines is hearsay (docs/protocol.md, "Who may say what", has the
table of REFUSED too; a test compares the two). So a refusal never decides more than the state of the path that was
being set up, but for two words: the end of a path may say that it has forgotten the session, and a dial of a path's
last line that was refused is one vote that nobody is there.

What must stay true: `said_by` names a node only if its certificate was checked on the connection that its words came
on, and a node's words become a fault by KINDS alone.
"""

import enum

import attrs

from relay.wire.codes import Reason


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
    FORGOTTEN = enum.auto()
    """The node does not know the session that it had welcomed: it was restarted, or the session has expired."""
    MISPLACED = enum.auto()
    """The node gave a reason that it may not give in answer to what it was asked. Read as no reason at all."""
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


class Asked(enum.Enum):
    """What a node was asked, which decides what its refusal may mean; the values head the columns in the document."""

    TRANSIT = "TRANSIT"
    HELLO = "HELLO"
    RESUME = "HELLO, resume 1"
    """Of a session that the node has welcomed before."""


_MISPLACED = FaultKind.MISPLACED

KINDS: dict[Reason, tuple[FaultKind, FaultKind, FaultKind]] = {
    Reason.OTHER: (FaultKind.OTHER,) * 3,
    Reason.VERSION: (FaultKind.VERSION,) * 3,
    Reason.NOT_AN_INGRESS: (FaultKind.NOT_LET_IN,) * 3,
    Reason.UNKNOWN_LINE: (FaultKind.STALE_CONFIG, _MISPLACED, _MISPLACED),
    Reason.STALE_CONFIG: (FaultKind.STALE_CONFIG, _MISPLACED, _MISPLACED),
    Reason.DIAL_FAILED: (FaultKind.UNREACHABLE, _MISPLACED, _MISPLACED),
    Reason.UNKNOWN_SESSION: (_MISPLACED, _MISPLACED, FaultKind.FORGOTTEN),
    Reason.LIMIT: (FaultKind.OTHER,) * 3,
    Reason.DRAINING: (FaultKind.DRAINING,) * 3,
    Reason.PROTOCOL: (FaultKind.OTHER,) * 3,
    Reason.NOT_AN_EXIT: (_MISPLACED, FaultKind.STALE_CONFIG, FaultKind.STALE_CONFIG),
    Reason.DIAL_REFUSED: (FaultKind.REFUSED, _MISPLACED, _MISPLACED),
    Reason.NOT_UNDERSTOOD: (FaultKind.VERSION,) * 3,
}
"""What a node's refusal says of it, or of its line that it was asked for: by reason, in the order of Asked."""
OF_THE_NEXT_LINE = frozenset({FaultKind.UNREACHABLE, FaultKind.REFUSED})
"""Kinds that a node that was asked to pass on found at the next line. All others it says of itself."""

_COLUMN = {asked: column for column, asked in enumerate(Asked)}


def kind_of(asked: Asked, reason: Reason) -> FaultKind:
    """What *reason* says in answer to *asked*."""
    return KINDS[reason][_COLUMN[asked]]


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
    said_by: str | None = None
    """The node whose words these are; None if nobody's: whoever is on the way, or in its place, may have done it."""

    @property
    def refusal(self) -> Refusal | None:
        """The state that says so; None if it may pass by itself."""
        return REFUSALS.get(self.kind)
