"""Payloads that are larger than a path carries: split where they are sealed, joined where they are opened.

Every piece is a datagram with an order of its own, one behind the other, and with the target's address; so copies and
replays of pieces are known like any others', and `order - piece` is the same for all of one payload.
"""

import attrs

from relay.wire.datagrams import INNER, KIND, LARGEST, MOST_PIECES, PART, PIECE, address_end

PATIENCE = 1.0
"""Seconds for which pieces wait for the others."""
MOST_HELD = 256 * 1024
"""Bytes of pieces that wait, of one session."""


def split(
    head: tuple[int, int, int, int], address: bytes | memoryview, payload: bytes | memoryview, room: int
) -> list[bytes]:
    """What is sealed for *payload*, when at most *room* bytes of it fit behind the address; it takes as many orders.

    *head* is what `inner_head` takes; its kind is replaced. Nothing, if it would be more than MOST_PIECES.
    """
    kind, generation, association, order = head
    count = -(-len(payload) // room)
    if not 1 < count <= MOST_PIECES:
        return []
    size = -(-len(payload) // count)
    kind = kind & ~KIND | PART
    return [
        b"".join(
            (
                INNER.pack(kind, generation, association, (order + index) % 2**32),
                PIECE.pack(index, count),
                address,
                payload[index * size : (index + 1) * size],
            )
        )
        for index in range(count)
    ]


@attrs.define
class _Joining:
    """A payload of which some pieces are here."""

    address: bytes
    parts: list[bytes | None]
    since: float
    size: int = 0


class Joiner:
    """The pieces of one session that wait for others of theirs."""

    __slots__ = ("_held", "_joining", "given_up")

    def __init__(self) -> None:
        self._joining: dict[tuple[int, int], _Joining] = {}
        self._held = 0
        self.given_up = 0
        """Payloads of which not all came in time, or that were too much."""

    def join(self, inner: bytes, now: float) -> tuple[bytes, bytes] | None:
        """*inner* is a piece that is new: address and payload, if it was the last that was missing."""
        start = INNER.size + PIECE.size
        if len(inner) < start:
            return None
        _, _, association, order = INNER.unpack_from(inner)
        piece, count = PIECE.unpack_from(inner, INNER.size)
        end = address_end(inner, start)
        if not end or not 1 < count <= MOST_PIECES or piece >= count:
            return None
        self._forget_old(now)
        return self._add((association, (order - piece) % 2**32), piece, count, inner[start:end], inner[end:], now)

    def _add(
        self, key: tuple[int, int], piece: int, count: int, address: bytes, part: bytes, now: float
    ) -> tuple[bytes, bytes] | None:
        joining = self._joining.get(key)
        if joining is None:
            joining = self._joining[key] = _Joining(address, [None] * count, now)
        if len(joining.parts) != count or joining.parts[piece] is not None:
            return None
        joining.parts[piece] = part
        joining.size += len(part)
        self._held += len(part)
        if joining.size > LARGEST or self._held > MOST_HELD:
            self._give_up(key if joining.size > LARGEST else next(iter(self._joining)))
            return None
        parts = [one for one in joining.parts if one is not None]
        if len(parts) < count:
            return None
        self._drop(key)
        return joining.address, b"".join(parts)

    def _forget_old(self, now: float) -> None:
        while self._joining:
            key, joining = next(iter(self._joining.items()))
            if now - joining.since <= PATIENCE:
                return
            self._give_up(key)

    def _give_up(self, key: tuple[int, int]) -> None:
        self._drop(key)
        self.given_up += 1

    def _drop(self, key: tuple[int, int]) -> None:
        self._held -= self._joining.pop(key).size

    @property
    def held(self) -> int:
        """Bytes that wait."""
        return self._held
