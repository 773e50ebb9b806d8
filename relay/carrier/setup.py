"""Set-up messages over a TLS connection that nothing else uses yet: one whole message per call, and not a byte more."""

import ssl

from relay.engine.secured import Secured
from relay.engine.tls_setup import read_exactly, send_all
from relay.wire.errors import ProtocolError
from relay.wire.frames import HEADER_SIZE
from relay.wire.setup import LONGEST_SETUP, Message, Parsed, encode, parse_setup

SETUP_SECONDS = 10.0
"""For all of a carrier's set-up: every handshake and every dial on the way. Set by whoever opens or accepts it."""


async def send_message(tls: Secured, message: Message) -> None:
    """Send *message*, whole."""
    await send_all(tls, encode(message))


async def read_message(tls: Secured) -> Parsed:
    """Wait for one message.

    Raises:
        NotUnderstoodError: it has a field that is not known here and may not be ignored.
        ProtocolError: what came is none.
        OSError: the connection ended; a bare end of file is a ConnectionResetError.
    """
    head = await read_exactly(tls, HEADER_SIZE)
    size = int.from_bytes(head[1:], "big")
    if size > LONGEST_SETUP:
        raise ProtocolError(f"a set-up body of {size} bytes")
    parsed = parse_setup(head + await read_exactly(tls, size))
    assert parsed is not None
    return parsed[0]


def is_farewell(error: OSError) -> bool:
    """Whether *error* only says that the other end has gone, and nothing about certificates or protocols."""
    return isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError)


def explain(error: OSError) -> str:
    """*error* in a few words, without the file and line that OpenSSL gives."""
    if is_farewell(error) and isinstance(error, ssl.SSLError):
        return "the other end has gone"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return error.strerror or str(error) or type(error).__name__
