"""What a peer may not do: break the protocol, or steer the terminal of whoever reads what it wrote."""


class ProtocolError(Exception):
    """The peer broke the protocol; the carrier it came on is closed, and nothing else is believed of it."""


class NotUnderstoodError(ProtocolError):
    """The peer asks for something by a number that is not known here and may not be ignored: this side is older."""


def printable(text: str) -> str:
    """*text* of another node, as it may be shown."""
    return "".join(char if char.isprintable() else "?" for char in text)
