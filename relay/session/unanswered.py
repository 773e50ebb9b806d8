"""The PINGs of one carrier that wait for their PONG.

On the wire each has a number that nobody can guess: who answered before he was asked would have a round trip as short
as he likes. Each is known until it is answered, however late, or until the carrier ends.
"""

import secrets

from relay.wire.errors import ProtocolError

MOST = 256
"""PINGs that may wait at once; over a minute of them at the fastest pace. A carrier that is silent dies long before:
this is for one that says everything but PONG."""


class Unanswered:
    """By the number on the wire: how whoever asked calls each of them."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._names)

    @property
    def oldest(self) -> int | None:
        """The name of the first that waits; None if none does."""
        return next(iter(self._names.values()), None)

    def ask(self, name: int) -> int:
        """The number under which the PING that its asker calls *name* goes out.

        Raises:
            ProtocolError: MOST wait: the peer reads, and does not answer.
        """
        if len(self._names) >= MOST:
            raise ProtocolError(f"{MOST} PINGs without an answer")
        number = secrets.randbits(32)
        while number in self._names:
            number = secrets.randbits(32)
        self._names[number] = name
        return number

    def answer(self, number: int) -> int:
        """The name of the PING that a PONG with *number* answers, which is known no more.

        Raises:
            ProtocolError: nobody asked so on this carrier, or it was answered before.
        """
        name = self._names.pop(number, None)
        if name is None:
            raise ProtocolError("a PONG for what was not asked, or was answered before")
        return name
