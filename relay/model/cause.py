"""Why a stream failed or ended early: one enum, whose values travel on the wire and whose words stand in the logs."""

import enum


class Cause(enum.IntEnum):
    """The reason in RESET and in refusals. Values are wire codes (docs/protocol.md) and are never reused."""

    word: str
    """How logs and `ingress paths` call it."""

    def __new__(cls, code: int, word: str) -> "Cause":
        """An integer that knows its word."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.word = word
        return member

    # what the exit found out about the target
    POLICY = 1, "address-refused-by-exit"
    NO_ROUTE = 2, "no-route-to-target"
    HOST_UNREACHABLE = 3, "host-unreachable"
    NAME_NOT_FOUND = 4, "name-not-found"
    DNS_TIMEOUT = 5, "dns-timeout"
    REFUSED = 6, "connection-refused"
    CONNECT_TIMEOUT = 7, "connect-timeout"
    TARGET_RESET = 8, "target-reset"
    DNS_FAILED = 9, "dns-failed"
    # what the ingress knows itself
    NO_PATH = 16, "no-path"
    LIMIT = 17, "limit-reached"
    DENIED = 18, "denied-by-rule"
    LOOP = 19, "loop"
    DROPPED = 20, "dropped-by-rule"
    CLIENT_RESET = 21, "client-reset"
    ALLOWANCE = 22, "allowance-used-up"
    ENDED = 23, "ended-by-hand"
    # what happened to the stream on its way
    EXIT_LOST = 32, "exit-lost"
    SESSION_EXPIRED = 33, "session-expired"
    HALF_CLOSED_IDLE = 34, "half-closed-idle"
    DRAINING = 35, "node-draining"
    GONE = 36, "unknown-at-peer"
    SHUTDOWN = 37, "shutdown"
    PROTOCOL = 48, "protocol-error"
    INTERNAL = 49, "internal-error"

    @classmethod
    def of_code(cls, code: int) -> "Cause":
        """The member for a wire code; INTERNAL for one that a newer peer may know and we do not."""
        return cls._value2member_map_.get(code, cls.INTERNAL)  # type: ignore[return-value]

    @classmethod
    def said_by_exit(cls, code: int) -> "Cause":
        """As `of_code`; PROTOCOL for what no exit can know: it speaks of its targets and of itself."""
        cause = cls.of_code(code)
        return cls.PROTOCOL if cause in _ONLY_AN_INGRESS_KNOWS else cause


_ONLY_AN_INGRESS_KNOWS = frozenset(
    {
        Cause.NO_PATH,
        Cause.DENIED,
        Cause.LOOP,
        Cause.DROPPED,
        Cause.CLIENT_RESET,
        Cause.ALLOWANCE,
        Cause.ENDED,
        Cause.EXIT_LOST,
        Cause.SESSION_EXPIRED,
        Cause.SHUTDOWN,
    }
)
