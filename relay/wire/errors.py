"""The one error of the wire: the peer sent what no version of the protocol allows."""


class ProtocolError(Exception):
    """The peer broke the protocol; the carrier it came on is closed, and nothing else is believed of it."""
