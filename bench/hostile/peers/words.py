"""What hostile peers say: frames by the thousand, in pieces that fill a few records each."""

from collections.abc import Iterable, Iterator
from itertools import chain, count, islice

from relay.model.cause import Cause
from relay.wire import bodies
from relay.wire.frames import Kind, data_header, frame

AT_ONCE = 4000
"""Frames in one piece."""


def pieces(frames: Iterable[bytes]) -> Iterator[bytes]:
    """*frames*, joined by AT_ONCE."""
    rest = iter(frames)
    while piece := b"".join(islice(rest, AT_ONCE)):
        yield piece


def scattered(stream: int, number: int, start: int = 1) -> Iterator[bytes]:
    """C2: *number* DATA frames of one byte, every other byte of the stream from *start* on, none of them in order."""
    return (data_header(stream, start + 2 * at, 1) + b"x" for at in range(number))


def backwards(stream: int, number: int) -> Iterator[bytes]:
    """The same without gaps, from the last byte to the second: each touches the one before it."""
    return (data_header(stream, at, 1) + b"x" for at in range(number, 0, -1))


def goaways(number: int) -> Iterator[bytes]:
    """C3."""
    return (frame(Kind.GOAWAY) for _ in range(number))


def pings(number: int) -> Iterator[bytes]:
    """C5: each asks for an answer."""
    return (bodies.ping(at, 0.001, False) for at in range(number))


def resets(number: int, step: int = 2) -> Iterator[bytes]:
    """C5: of ids that nobody ever opened, with gaps between them."""
    return (bodies.reset(at, Cause.GONE) for at in range(step, step * number + 1, step))


def attaches(number: int, step: int = 1) -> Iterator[bytes]:
    """C5: of streams that are not known; each is answered by a RESET."""
    return (bodies.attach(at, 2, 0, 1 << 20, 0) for at in range(step, step * number + 1, step))


def opens(number: int, host: str, port: int, first: int = 1) -> Iterator[bytes]:
    """Streams without end."""
    return (bodies.open_stream(at, 1, host, port) for at in range(first, first + number))


def times(number: int, host: str, port: int) -> Iterator[bytes]:
    """Questions that each cost a connect."""
    return (bodies.time_target(at, host, port) for at in range(number))


def storm(stream: int) -> Iterator[bytes]:
    """ATTACH of one stream, for ever, each of a newer generation than the last."""
    return chain.from_iterable(((bodies.attach(stream, at, 0, 1 << 20, 0)) for at in (number,)) for number in count(2))
