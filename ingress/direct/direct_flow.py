"""Datagrams to targets that are reached from this machine: an association as an exit has it, without a line between."""

from collections.abc import Sequence
from typing import Protocol

from relay.exit.association import Association, AssociationCounts
from relay.exit.datagram_targets import DatagramTargets
from relay.model.network import UdpFilter


class DirectOwner(Protocol):
    """Whoever the datagrams are for."""

    def on_replies(self, inners: Sequence[bytes], start: int) -> None:
        """Datagrams have come: in each, address bytes begin at *start*, and the payload follows."""


class DirectFlow:
    """One client's. It takes what a target's exit would, and judges likewise."""

    __slots__ = ("_association", "_owner", "exit", "goes_in_tcp", "is_direct", "path", "within")

    def __init__(self, finder: DatagramTargets, counts: AssociationCounts, owner: DirectOwner) -> None:
        self.exit = ""
        self.path = ""
        self.is_direct = True
        self.within: frozenset[str] | None = None
        self.goes_in_tcp = False
        self._owner = owner
        self._association = Association(0, finder, UdpFilter.NONE, counts, self)

    def __repr__(self) -> str:
        return f"<DirectFlow {self._association!r}>"

    def send(self, address: bytes, payloads: Sequence[bytes], redundant: bool | None = None) -> None:
        """Datagrams towards a target. There is one way only, so *redundant* means nothing."""
        for payload in payloads:
            self._association.send(address, payload)

    def follow(self, within: frozenset[str] | None) -> bool:
        """It takes no path, whichever are left."""
        return True

    def reply(self, association: Association, source: bytes, data: memoryview, size: int) -> None:
        """As `Replies.reply`."""
        starts = range(0, len(data) or 1, size or 1)
        self._owner.on_replies([source + bytes(data[start : start + size]) for start in starts], 0)

    def close(self) -> None:
        """It is not used any more."""
        self._association.close()
