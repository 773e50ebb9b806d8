"""A label that a relay passes on: from the ingress's side to the next node, and back. Nothing is opened here.

What must stay true: nothing goes on but good probes, what comes from where good probes were answered from, and what
the next node sends. So who saw a label can neither push a flood onto the line behind, nor steer replies.
"""

import secrets
from collections.abc import Callable

from relay.datagram.latch import Latch
from relay.datagram.window import ReplayWindow
from relay.engine import DatagramAddress, DatagramOut, Where
from relay.wire import datagrams
from relay.wire.datagrams import COUNTER, HEAD_SIZE, LABEL_SIZE, MAC_SIZE


class PassedLabel:
    """What one relay keeps of one label."""

    __slots__ = (
        "_drop",
        "_key",
        "_moved_to",
        "_place",
        "_source",
        "_window",
        "carriers",
        "onwards",
        "owner",
        "until",
        "via",
    )

    def __init__(self, owner: str, drop: Callable[[int], None]) -> None:
        """*owner* is the ingress. *drop* counts datagrams that do not go on."""
        self.owner = owner
        self.carriers = 0
        """That were passed on with this label and live."""
        self.until = 0.0
        """When it is forgotten, once there are none."""
        self.onwards: DatagramOut | None = None
        self._drop = drop
        self._key = b""
        self._place = 0
        self._window = ReplayWindow()
        self._source: Latch[Where] = Latch()
        self._moved_to: Where | None = None
        self.via: DatagramOut | None = None
        """To the latched source."""

    def use(self, place: int, key: bytes, onwards: DatagramOut) -> None:
        """Another carrier says where it goes on, and with which key the ingress makes its MACs."""
        if key != self._key:
            self._window = ReplayWindow()
        self._place, self._key, self.onwards = place, key, onwards

    def forth(self, data: bytes, size: int, where: Where, *, is_sure: bool = False) -> None:
        """Datagrams of one size for the next node, none of them a probe. *is_sure*: by a carrier of the ingress."""
        if self.onwards is not None and (is_sure or where == self._source.address):
            self.onwards.pass_on(data, size)
        else:
            self._drop(-(-len(data) // size))

    def probe(self, data: bytes, where: Where, now: float, *, is_sure: bool = False) -> None:
        """A probe for the exit: goes on if it is the ingress's, and new; then its source may be latched."""
        head, at = data[:HEAD_SIZE], HEAD_SIZE + MAC_SIZE * (self._place - 1)
        counter = int.from_bytes(head[LABEL_SIZE:], "big") & COUNTER
        is_ours = data[at : at + MAC_SIZE] == datagrams.mac(self._key, head)
        if self.onwards is None or not is_ours or not self._window.fresh(counter):
            self._drop(1)
            return
        self.onwards.pass_on(data, len(data))
        if is_sure:
            self._move(where)
        asked = self._source.ask(where, head, secrets.token_bytes(8), now)
        if asked is not None:
            port, address, local = where
            port.send((asked,), len(asked), address, local)

    def answered(self, data: bytes, where: Where, now: float) -> None:
        """A challenge has come back, perhaps."""
        if self._source.confirm(data, where, now):
            self._move(where)
        else:
            self._drop(1)

    def _move(self, where: Where) -> None:
        """Replies go to *where* from now on."""
        port, address, local = where
        if self.via is None or where != self._moved_to:
            self._source.address = self._moved_to = where
            self.via = port.out(address, local)

    def back(self, data: bytes, size: int, source: DatagramAddress) -> None:
        """Datagrams for the ingress, probes among them."""
        if self.via is not None and self.onwards is not None and source == self.onwards.address:
            self.via.pass_on(data, size)
        else:
            self._drop(-(-len(data) // size))

    def asked(self, data: bytes, source: DatagramAddress) -> None:
        """The next node asks whether it was us who passed a probe on: say so."""
        if self.onwards is not None and source == self.onwards.address:
            self.onwards.put(datagrams.answer_challenge(data))
        else:
            self._drop(1)
