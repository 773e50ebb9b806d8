"""One end of a label: seals what goes, opens what comes, knows how it is heard and what it hears.

The ingress opens an epoch when it says LABEL and seals with it from LABELED on; the exit does both at LABEL. So either
end can open whatever the other may seal with. Epochs are compared for equality, never for order; two are kept.
"""

from collections.abc import Sequence
from itertools import chain
from struct import unpack

import attrs

from relay.datagram.carried import DatagramsCarried
from relay.datagram.sealing import NONCE_HEAD, Epoch, InvalidTag
from relay.datagram.window import ReplayWindow, fresh_of
from relay.wire import datagrams
from relay.wire.codes import Cipher
from relay.wire.datagrams import COUNTER_BITS, HEAD_SIZE, LABEL_SIZE, MAC_SIZE, PROBE, Heartbeat

RENEW_AFTER = 1 << 28
"""Datagrams under one key, after which the ingress makes a new one (of AES-GCM, 2^32 would do)."""
SMALLEST_PATH = 1252
"""Bytes of a datagram that fit through any path: 1,280, what IPv6 asks of every link (RFC 8200 section 5), less the
headers of IPv4. QUIC's first datagrams (1,200 bytes, RFC 9000 section 14) are whole in it."""
_EPOCH_MASK = datagrams.MOST_EPOCH << COUNTER_BITS


class DatagramEnd:
    """An end of the label *name* (as it is towards the exit). Without an epoch it seals and opens nothing."""

    __slots__ = (
        "_epochs",
        "_hop_keys",
        "_outgoing",
        "_probes",
        "_probes_sent",
        "_relays",
        "_sealing",
        "_skipped",
        "carried",
        "echo",
        "echo_at",
        "forged",
        "heard_at",
        "label",
        "largest",
        "received",
        "replayed",
        "sent",
    )

    def __init__(
        self,
        name: bytes,
        *,
        is_ingress: bool,
        hop_keys: Sequence[bytes] = (),
        relays: int = 0,
        now: float = 0.0,
        carried: DatagramsCarried | None = None,
    ) -> None:
        """*hop_keys* are the ingress's, one for each relay in order; an exit is told how many *relays* there are. What
        is sealed and opened counts in *carried*, if one is given, with what others have counted there."""
        self.label = name
        self.carried = DatagramsCarried() if carried is None else carried
        self._outgoing = name if is_ingress else datagrams.turned(name)
        self._hop_keys = tuple(hop_keys)
        self._relays = 0 if is_ingress else relays
        self._epochs: dict[int, Epoch] = {}
        self._sealing: Epoch | None = None
        self._probes = ReplayWindow()
        self._probes_sent = 0
        """Probes have one counter through all epochs, so that relays, who know none, see it grow."""
        self.received = self.sent = 0
        """Datagrams that were opened and new; that were sealed."""
        self.forged = self.replayed = 0
        """That could not be opened; that had been there before, or came too late."""
        self._skipped = 0
        """Of epochs that are gone: what was expected."""
        self.largest = SMALLEST_PATH
        """Bytes of the largest probe that came; at first, what every path carries."""
        self.heard_at = now
        """When something was opened last; at first, when it was made."""
        self.echo = 0
        self.echo_at = 0.0
        """The `sent` of the newest heartbeat that was heard, and when that was."""

    def __repr__(self) -> str:
        return f"<DatagramEnd {self.label.hex()}, epochs {sorted(self._epochs)}, {self.sent} out, {self.received} in>"

    # ---- keys

    def knows(self, epoch: int) -> bytes | None:
        """The secret of *epoch*, if it is open."""
        known = self._epochs.get(epoch)
        return None if known is None else known.secret

    def open_epoch(self, epoch: int, cipher: Cipher, secret: bytes) -> None:
        """Open what is sealed in *epoch* from now on; the older of two others is given up, never the one that seals."""
        while len(self._epochs) > 1:
            oldest = next(one for one in self._epochs.values() if one is not self._sealing)
            self._skipped += oldest.window.top
            del self._epochs[oldest.name]
        self._epochs[epoch] = Epoch(epoch, cipher, secret, self._outgoing)

    def seal_with(self, epoch: int) -> None:
        """Seal in *epoch*, which is open, from now on."""
        self._sealing = self._epochs[epoch]

    @property
    def can_seal(self) -> bool:
        """Whether there is a key to seal with."""
        return self._sealing is not None

    @property
    def wants_renewal(self) -> bool:
        """Whether a new epoch should follow: this one has sealed much."""
        return self._sealing is not None and self._sealing.counter >= RENEW_AFTER

    # ---- out

    def seal(self, inner: bytes | memoryview) -> bytes:
        """The datagram that carries *inner*. Only where `can_seal`."""
        epoch = self._sealing
        if epoch is None:
            raise RuntimeError("a label without a key")
        counter = epoch.counter = epoch.counter + 1
        number = (epoch.name << COUNTER_BITS | counter).to_bytes(8, "big")
        self.sent += 1
        sealed = b"".join((self._outgoing, number, epoch.encrypt(NONCE_HEAD + number, inner, None)))
        carried = self.carried
        carried.datagrams_out += 1
        carried.bytes_out += len(sealed)
        return sealed

    def seal_all(self, inners: Sequence[bytes]) -> list[bytes]:
        """As `seal`, of several."""
        epoch = self._sealing
        if epoch is None:
            raise RuntimeError("a label without a key")
        encrypt, outgoing, name = epoch.encrypt, self._outgoing, epoch.name << COUNTER_BITS
        sealed = []
        for counter, inner in enumerate(inners, epoch.counter + 1):
            number = (name | counter).to_bytes(8, "big")
            sealed.append(outgoing + number + encrypt(NONCE_HEAD + number, inner, None))
        epoch.counter += len(sealed)
        self.sent += len(sealed)
        self.carried.datagrams_out += len(sealed)
        self.carried.bytes_out += sum(map(len, sealed))
        return sealed

    def probe(self, now: float, beat: Heartbeat, padding: int = 0) -> bytes:
        """A heartbeat that says *beat*, with what this end knows of times and counts filled in. Only where `can_seal`.

        *padding*: so many bytes behind it, to find out which size gets through.
        """
        epoch = self._sealing
        if epoch is None:
            raise RuntimeError("a label without a key")
        self._probes_sent += 1
        number = (PROBE | epoch.name << COUNTER_BITS | self._probes_sent).to_bytes(8, "big")
        head = self._outgoing + number
        inner = datagrams.encode_heartbeat(self._filled(beat, now), padding)
        macs = [datagrams.mac(key, head) for key in self._hop_keys]
        sealed = b"".join((head, *macs, epoch.encrypt(NONCE_HEAD + number, inner, None)))
        self.carried.probes_out += len(sealed)
        return sealed

    def _filled(self, beat: Heartbeat, now: float) -> Heartbeat:
        held = int((now - self.echo_at) * 1e6) if self.echo else 0
        return attrs.evolve(
            beat,
            sent=datagrams.micros(now),
            echo=self.echo,
            held=held,
            received=self.received % 2**32,
            expected=self.expected % 2**32,
        )

    # ---- in

    @property
    def expected(self) -> int:
        """Datagrams that the other end has sealed, after the numbers that came."""
        return self._skipped + self._probes.top + sum(epoch.window.top for epoch in self._epochs.values())

    def receive(self, datagram: bytes, now: float) -> bytes | Heartbeat | None:
        """What *datagram*, whose label is this one's, holds: the inner bytes of data or a piece, or a heartbeat.

        None if it is forged, or was there before; what is kept of it then is a count.
        """
        value = int.from_bytes(datagram[LABEL_SIZE:HEAD_SIZE], "big")
        if not value & PROBE:
            inners = self.receive_run(datagram, len(datagram) or 1, now)
            return inners[0] if inners else None
        epoch = self._epochs.get((value & _EPOCH_MASK) >> COUNTER_BITS)
        if epoch is None:
            self.forged += 1
            return None
        return self._receive_probe(datagram, epoch, value, now)

    def receive_run(self, data: bytes, size: int, now: float) -> list[bytes]:
        """As `receive`, of a run of datagrams of *size* bytes (the last may be shorter) that no probe is among, and all
        of one epoch."""
        epoch = self._epochs.get(int.from_bytes(data[LABEL_SIZE : LABEL_SIZE + 2], "big"))
        if epoch is None:
            self.forged += -(-len(data) // size)
            return []
        numbers, inners = self._opened(epoch, data, size)
        if not inners:
            return []
        counters = [number & datagrams.COUNTER for number in unpack(f">{len(numbers)}Q", b"".join(numbers))]
        fresh = fresh_of(epoch.window, counters, inners)
        self.replayed += len(inners) - len(fresh)
        if fresh:
            self.received += len(fresh)
            self.heard_at = now
            self.carried.datagrams_in += len(fresh)
            self.carried.bytes_in += len(data)
        return fresh

    def _opened(self, epoch: Epoch, data: bytes, size: int) -> tuple[list[bytes], list[bytes]]:
        """What can be opened of a run, and its numbers; the rest is forged."""
        decrypt, starts = epoch.decrypt, range(0, len(data), size)
        numbers = [data[at + LABEL_SIZE : at + HEAD_SIZE] for at in starts]
        try:
            return numbers, [
                decrypt(NONCE_HEAD + number, data[at + HEAD_SIZE : at + size], None)
                for at, number in zip(starts, numbers, strict=True)
            ]
        except (InvalidTag, ValueError):
            if len(numbers) == 1:
                self.forged += 1
                return [], []
        singly = [self._opened(epoch, data[at : at + size], size) for at in starts]
        return list(chain(*(one for one, _ in singly))), list(chain(*(one for _, one in singly)))

    def _receive_probe(self, datagram: bytes, epoch: Epoch, value: int, now: float) -> Heartbeat | None:
        number, sealed = datagram[LABEL_SIZE:HEAD_SIZE], HEAD_SIZE + MAC_SIZE * self._relays
        try:
            inner = epoch.decrypt(NONCE_HEAD + number, datagram[sealed:], None)
        except (InvalidTag, ValueError):
            self.forged += 1
            return None
        counter, beat = value & datagrams.COUNTER, datagrams.parse_heartbeat(inner)
        if beat is None or not self._probes.fresh(counter):
            self.replayed += 1
            return None
        self.received += 1
        self.heard_at = now
        self.carried.probes_in += len(datagram)
        self.largest = max(self.largest, len(datagram))
        if counter == self._probes.top:
            self.echo, self.echo_at = beat.sent, now
        return beat
