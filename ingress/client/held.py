"""Datagrams that wait until it is known what the name of their target means: no longer than whoever looks it up lets
anybody wait, and no more than fit."""

from collections.abc import Iterable

ROOM = 16 * 1024
"""Bytes, at most, that wait for one target, or for all of one association: a dozen full datagrams, as many as QUIC
sends before it has heard anything. 4,096 associations hold 64 MiB of them."""


class HeldDatagrams:
    """What one association, or one source of a forward, has waiting; by target, in the order in which it came."""

    __slots__ = ("_room", "_waiting")

    def __init__(self) -> None:
        self._room = ROOM
        self._waiting: dict[bytes, list[bytes]] = {}

    def __contains__(self, address: bytes) -> bool:
        return address in self._waiting

    def begin(self, address: bytes) -> None:
        """What comes for the target of these address bytes waits from now on."""
        self._waiting.setdefault(address, [])

    def put(self, address: bytes, payloads: Iterable[bytes]) -> int:
        """Keep *payloads*; how many found no room."""
        dropped = 0
        for payload in payloads:
            if len(payload) <= self._room:
                self._room -= len(payload)
                self._waiting[address].append(payload)
            else:
                dropped += 1
        return dropped

    def take(self, address: bytes) -> list[bytes]:
        """All that has waited for this target; nothing waits any more."""
        found = self._waiting.pop(address, [])
        self._room += sum(map(len, found))
        return found
