"""What went over one path as datagrams, through all the labels it ever had."""


class DatagramsCarried:
    """Counts only grow. Bytes are those of whole datagrams of ours, without the headers of UDP and IP."""

    __slots__ = ("bytes_in", "bytes_out", "datagrams_in", "datagrams_out", "probes_in", "probes_out")

    def __init__(self) -> None:
        self.bytes_out = 0
        """Heartbeats left out, as in all but the last two."""
        self.bytes_in = 0
        self.datagrams_out = 0
        self.datagrams_in = 0
        self.probes_out = 0
        """Bytes of heartbeats."""
        self.probes_in = 0

    def __repr__(self) -> str:
        return f"<DatagramsCarried {self.bytes_out} bytes out, {self.bytes_in} in>"
