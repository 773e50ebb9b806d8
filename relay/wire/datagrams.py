"""Datagrams between nodes: where what stands in the three kinds there are, and in what is sealed. Pure.

    datagram:   label 8 | number 8 | sealed | tag 16
    probe:      label 8 | number 8 | mac 8 for every relay, only towards the exit | sealed | tag 16
    challenge:  label 8 | number 8 | random 8

docs/protocol.md says what each is for. Integers are unsigned and big-endian.
"""

import hashlib
import secrets
import struct
from collections.abc import Iterator, Sequence

import attrs

LABEL_SIZE = NUMBER_SIZE = MAC_SIZE = 8
NETWORK_SIZE = 4
TAG_SIZE = 16
"""Of AES-GCM and of ChaCha20-Poly1305."""
HEAD_SIZE = LABEL_SIZE + NUMBER_SIZE
CHALLENGE_SIZE = HEAD_SIZE + 8
"""Shorter than anything sealed, so that its size tells it."""
SECRET_SIZE = 32
HOP_KEY_SIZE = 16
TO_INGRESS = 0x80
"""Set in the first byte of a label on what goes to the ingress."""
PROBE = 1 << 63
"""Set in a number: MACs may follow."""
PROBE_BIT, EPOCH_SIZE = 0x80, 2
"""The same in the first of the bytes that have epoch and kind."""
COUNTER_BITS = 48
COUNTER = (1 << COUNTER_BITS) - 1
MOST_EPOCH = (1 << 15) - 1
MANY = 16
"""Datagrams from which on it pays to look at all of them at once."""

INNER = struct.Struct("!BBII")
"""Kind, generation, association, order."""
PIECE = struct.Struct("!BB")
"""Which piece, and of how many."""
DATA, PART, HEARTBEAT = 1, 2, 3
"""Kinds of what is sealed."""
COPY = 0x80
"""Set in a kind: it went over a spare, and says nothing of the primary."""
BOUND = 0x40
"""Set in a kind: nothing of this association may go by a label that the ingress does not use for it."""
KIND = 0x3F
MOST_PIECES = 64
OVERHEAD = HEAD_SIZE + INNER.size + TAG_SIZE
"""Bytes of a datagram besides the target's address and the payload."""
LARGEST = 65_507
"""Bytes that one UDP datagram over IPv4 can hold."""

ANSWER, DEAF, ACTIVE = 1, 2, 4
"""Flags of a heartbeat: it answers one; its sender hears nothing on this label; flows use it, or may at once."""
MOST_DEAF = 8
_HEARTBEAT = struct.Struct("!BBHIIIIIHB")
_CYCLE = 1 << 32


@attrs.frozen
class Heartbeat:
    """What one end of a label says when it has nothing to carry: how it is heard, and what it hears."""

    flags: int = 0
    interval: float = 0.0
    """Seconds until it says something again at the latest; sent in milliseconds."""
    sent: int = 0
    """Microseconds on the sender's clock, as all three here, modulo 2^32."""
    echo: int = 0
    """`sent` of the heartbeat that it has heard last, or 0."""
    held: int = 0
    """Since when that was."""
    received: int = 0
    """Datagrams that came on this label, modulo 2^32; probes count."""
    expected: int = 0
    """Those that the other end had sent until then, after their numbers: what is missing was lost."""
    size: int = 0
    """Bytes of the datagram that it answers."""
    deaf: tuple[bytes, ...] = ()
    """Other labels of the session on which its sender hears nothing, as they are towards the exit."""


def micros(now: float) -> int:
    """*now*, in seconds, as heartbeats have it; never 0."""
    return int(now * 1e6) % _CYCLE or 1


def elapsed(since: int, until: int) -> float:
    """Seconds from one time of a heartbeat to another of the same clock, over its turn."""
    return ((until - since) % _CYCLE) / 1e6


def encode_heartbeat(beat: Heartbeat, padding: int = 0) -> bytes:
    """The plain text of a heartbeat, with so many bytes behind it."""
    deaf = beat.deaf[:MOST_DEAF]
    numbers = (number % _CYCLE for number in (beat.sent, beat.echo, beat.held, beat.received, beat.expected))
    interval = min(round(beat.interval * 1000), 0xFFFF)
    head = _HEARTBEAT.pack(HEARTBEAT, beat.flags & 0xFF, interval, *numbers, min(beat.size, 0xFFFF), len(deaf))
    return b"".join((head, *deaf, bytes(padding)))


def parse_heartbeat(inner: bytes) -> Heartbeat | None:
    """What *inner* says, None if it is no heartbeat; what stands behind it is padding, or of a later version."""
    if len(inner) < _HEARTBEAT.size:
        return None
    kind, flags, interval, sent, echo, held, received, expected, size, count = _HEARTBEAT.unpack_from(inner)
    end = _HEARTBEAT.size + count * LABEL_SIZE
    if kind != HEARTBEAT or count > MOST_DEAF or len(inner) < end:
        return None
    deaf = tuple(inner[at : at + LABEL_SIZE] for at in range(_HEARTBEAT.size, end, LABEL_SIZE))
    return Heartbeat(flags, interval / 1000, sent, echo, held, received, expected, size, deaf)


# ---- labels and numbers


def new_label(network: bytes) -> bytes:
    """A label as it is towards the exit, that nobody has."""
    return network + secrets.token_bytes(LABEL_SIZE - NETWORK_SIZE)


def turned(label: bytes) -> bytes:
    """*label* in the other direction."""
    return bytes([label[0] ^ TO_INGRESS]) + label[1:]


def forth(label: bytes) -> bytes:
    """*label* as it is towards the exit, by which it is known."""
    return bytes([label[0] & ~TO_INGRESS]) + label[1:]


def number_of(epoch: int, counter: int, *, probe: bool = False) -> int:
    """The number that says all of it."""
    return (PROBE if probe else 0) | epoch << COUNTER_BITS | counter


def parse_number(number: int) -> tuple[bool, int, int]:
    """Whether it is a probe's; its epoch; its counter."""
    return bool(number & PROBE), number >> COUNTER_BITS & MOST_EPOCH, number & COUNTER


def runs(data: bytes, size: int) -> Iterator[tuple[int, int]]:
    """From where to where *data*, datagrams of *size* bytes, is of one label and epoch; a probe or a challenge, or what
    is too short for either, stands alone."""
    start, end = 0, len(data)
    while start < end:
        stop = start + size
        if stop < end and size > CHALLENGE_SIZE and not data[start + LABEL_SIZE] & PROBE_BIT:
            alike = data[start : start + LABEL_SIZE + EPOCH_SIZE]
            if not start and end >= MANY * size and _is_one(data, size, alike):
                stop = end
            while stop + CHALLENGE_SIZE < end and data.startswith(alike, stop):
                stop += size
        yield start, min(stop, end)
        start = stop


def _is_one(data: bytes, size: int, alike: bytes) -> bool:
    """Whether all of *data* is one run, since all datagrams begin as *alike*. Each byte of that is compared in all of
    them at once, which takes a third of the time of one datagram after the other."""
    count = -(-len(data) // size)
    if len(data) - (count - 1) * size <= CHALLENGE_SIZE:
        return False
    return all(data[at::size] == alike[at : at + 1] * count for at in range(len(alike)))


def mac(hop_key: bytes, head: bytes) -> bytes:
    """By which a relay knows that the ingress made the probe with this label and number."""
    return hashlib.blake2b(head, key=hop_key, digest_size=MAC_SIZE).digest()


# ---- challenges


def challenge(head: bytes, word: bytes) -> bytes:
    """To where the probe with this label and number came from: *word* is to come back."""
    return turned(head) + word


def is_challenge(data: bytes | memoryview) -> bool:
    """Whether *data* is a challenge, or the answer to one."""
    return len(data) == CHALLENGE_SIZE


def answer_challenge(data: bytes | memoryview) -> bytes:
    """What goes back to where *data*, a challenge, came from."""
    return turned(bytes(data))


# ---- what is sealed


def inner_head(kind: int, generation: int, association: int, order: int) -> bytes:
    """What stands before the target's address; before a piece's there is more."""
    return INNER.pack(kind, generation, association, order)


def parse_inner(inner: bytes | memoryview) -> tuple[int, int, int, int] | None:
    """Kind (COPY included), generation, association, order; None if it is too short for a target and a port."""
    if len(inner) < INNER.size + 1 + 2:
        return None
    kind, generation, association, order = INNER.unpack_from(inner)
    return kind, generation, association, order


def orders_of(inners: Sequence[bytes]) -> tuple[int, ...]:
    """The order of each; of one that is cut short, whatever is there."""
    if len(inners) == 1:
        return (int.from_bytes(inners[0][6:10], "big"),)
    orders = [inner[6:10] for inner in inners]
    try:
        return struct.unpack(f">{len(inners)}I", b"".join(orders))
    except struct.error:
        return tuple(int.from_bytes(order, "big") for order in orders)


ATYP_IPV4, ATYP_NAME, ATYP_IPV6 = 1, 3, 4
_ADDRESS_SIZES = {ATYP_IPV4: 4, ATYP_IPV6: 16}


def address_end(data: bytes | memoryview, start: int) -> int:
    """Where an address with its port ends, of those that SOCKS5 has (RFC 1928 section 5), that begins at *start*; 0 if
    there is none, or it is cut short, or its name is empty."""
    if start >= len(data):
        return 0
    size = _ADDRESS_SIZES.get(data[start])
    if size is None:
        if data[start] != ATYP_NAME or start + 1 >= len(data) or not data[start + 1]:
            return 0
        size = 1 + data[start + 1]
    end = start + 1 + size + 2
    return end if end <= len(data) else 0


def newer(one: int, other: int, bits: int) -> bool:
    """Whether *one* comes behind *other*, as serial numbers of so many bits (RFC 1982)."""
    return 0 < (one - other) % (1 << bits) < 1 << bits - 1
