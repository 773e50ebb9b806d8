"""What went over a TCP connection, both ways, as the kernel at one end counts: all that a seller counts, too."""

import attrs


@attrs.frozen
class Moved:
    """Of one connection, or of several together. Counts only grow."""

    bytes_out: int = 0
    """Payload of TCP, which is TLS and what is in it, that was sent; what was sent again counts again."""
    bytes_in: int = 0
    segments_out: int = 0
    """Of any kind, those without payload included. Each has headers of its own."""
    segments_in: int = 0

    def plus(self, other: "Moved") -> "Moved":
        """Both together."""
        return Moved(
            self.bytes_out + other.bytes_out,
            self.bytes_in + other.bytes_in,
            self.segments_out + other.segments_out,
            self.segments_in + other.segments_in,
        )

    def since(self, before: "Moved") -> "Moved":
        """What came to *before*, which is an earlier count of the same."""
        return Moved(
            self.bytes_out - before.bytes_out,
            self.bytes_in - before.bytes_in,
            self.segments_out - before.segments_out,
            self.segments_in - before.segments_in,
        )


NOTHING_MOVED = Moved()
"""Of a connection that is new, or of which the kernel tells nothing."""
