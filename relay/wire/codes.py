"""The numbers that are given out: reasons, purposes, tags, features. None is ever used again for something else.

docs/protocol.md has the register, with what is reserved; a test compares the two. Kinds of frames stand beside their
reader (relay.wire.frames), causes in relay.model.cause.
"""

import enum


class Reason(enum.IntEnum):
    """Why a node refuses a TRANSIT or HELLO; the value is the wire code. An unknown code reads as OTHER."""

    OTHER = 0
    VERSION = 1
    NOT_AN_INGRESS = 2
    UNKNOWN_LINE = 3
    STALE_CONFIG = 4
    DIAL_FAILED = 5
    UNKNOWN_SESSION = 6
    LIMIT = 7
    DRAINING = 8
    PROTOCOL = 9
    NOT_AN_EXIT = 10
    DIAL_REFUSED = 11
    """The line's end answered the dial with a refusal: nothing listens there."""
    NOT_UNDERSTOOD = 12
    """The message holds a field or a purpose that this node does not know: it is older than who asked."""

    @classmethod
    def _missing_(cls, value: object) -> "Reason":
        return cls.OTHER


class Purpose(enum.IntEnum):
    """What the ingress wants a carrier for."""

    THIN = 1
    BULK = 2
    PREFIX = 3
    """It ends at a node to measure and to hear of it; it carries no streams."""
    DATAGRAM = 4
    """It carries datagrams in frames, to the end of a line that is deaf to UDP."""


class Verdict(enum.IntEnum):
    """What became of a label, at a relay or at an exit; an unknown code reads as OTHER."""

    TAKEN = 0
    OTHER = 1
    NOT_YOURS = 2
    """Another ingress has it."""
    FULL = 3
    """The ingress has as many as it may have."""
    NO_DATAGRAMS = 4
    """No datagrams go over that line, or the exit has an upstream that takes none."""
    UNKNOWN_CIPHER = 5
    UNKNOWN_ADDRESS = 6
    """The address that the line gives for datagrams could not be looked up."""

    @classmethod
    def _missing_(cls, value: object) -> "Verdict":
        return cls.OTHER


class Cipher(enum.IntEnum):
    """What seals datagrams."""

    AES_128_GCM = 1
    CHACHA20_POLY1305 = 2


class Tag(enum.IntEnum):
    """What a field of a set-up message holds. From IGNORABLE on, whoever does not know a tag passes over it."""

    OLDEST = 1
    AGREED = 2
    DIGEST = 3
    SERIAL = 4
    PROGRAM = 5
    FEATURES = 6
    VIA = 7
    LINE = 8
    LEFT = 9
    PURPOSE = 10
    TOKEN = 11
    RESUME = 12
    DRAINING = 13
    NOT_AFTER = 14
    LABEL = 128
    PLACE = 129
    HOP_KEY = 130
    FAMILIES = 131
    TAKES = 132


class Feature(enum.IntFlag):
    """What a side announces in HELLO or WELCOME that it does beyond what its version asks of everybody."""

    RESET_IN_ORDER = 1
    """It delivers what was written before a RESET, and resets then."""
    DATAGRAMS = 2
    """A node: it takes labels, and carries datagrams."""
    START_WINDOWS = 4
    """A node: it reads in OPEN how far both sides may write before they hear from each other."""
    WITHDRAW = 8
    """A node: it lets go of a stream that was withdrawn, unless its target is connected, and never dials it."""
    BOUND_DATAGRAMS = 16
    """A node that carries datagrams: it reads BOUND, and answers what has it only by labels that it came by."""


OUR_FEATURES = Feature.RESET_IN_ORDER | Feature.START_WINDOWS | Feature.WITHDRAW
"""What is announced: this program keeps these promises."""
OF_DATAGRAMS = Feature.DATAGRAMS | Feature.BOUND_DATAGRAMS
"""What a node that carries datagrams announces besides."""
