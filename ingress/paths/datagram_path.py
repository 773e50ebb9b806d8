"""The datagrams of one path: its label and keys, its end, and what is known of it.

A label belongs to a path and a session, and outlives carriers: what has lost its TCP connection may carry datagrams as
well as before. The ingress says LABEL on every thin carrier that comes up, each time with another epoch and secret, and
seals by it once LABELED has come.
"""

import secrets
from collections.abc import Sequence

from ingress.measure.gauge import Gauge
from ingress.paths.labeling import Labeling
from ingress.paths.live import LivePath
from relay.datagram.end import DatagramEnd
from relay.engine.udp import UdpOut
from relay.wire import bodies, datagrams
from relay.wire.codes import Cipher, Verdict
from relay.wire.datagrams import ACTIVE, ANSWER, LABEL_SIZE, MOST_EPOCH, SECRET_SIZE, Heartbeat

UNTOLD = "its label was not asked for yet"
TRIALS = 3
"""Heartbeats that a path is asked after it got its label; if none is answered, it is deaf to datagrams."""
BASE_SIZE = 1232
"""Bytes of a datagram that every path carries: IPv6 must carry packets of 1,280 (RFC 8200 section 5)."""
SIZES = (1372, 1412, 1452, 1472)
"""Bytes that may get through as well: through a tunnel (WireGuard's packets have 1,420), through PPPoE over IPv6, over
IPv6, over IPv4 on Ethernet."""
SIZE_ROUNDS, SIZE_APART = 3, 0.25
"""How often they are tried, and seconds between two times, at least; each along with a heartbeat."""
FIRST_GUESS = 0.5
"""Seconds that a round trip may take while nobody knows better."""
RENEW = 3600.0
"""Seconds after which its keys are renewed."""
WHY_NOT = {
    Verdict.NOT_YOURS: "its label is another ingress's",
    Verdict.FULL: "it has too many labels",
    Verdict.NO_DATAGRAMS: "no datagrams go over the line behind it",
    Verdict.UNKNOWN_CIPHER: "it does not know the cipher",
    Verdict.UNKNOWN_ADDRESS: "it cannot look up the address of the line behind it",
}


def best_cipher() -> Cipher:
    """What seals fastest here."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
            has_aes = " aes" in info.read()
    except OSError:
        has_aes = True
    return Cipher.AES_128_GCM if has_aes else Cipher.CHACHA20_POLY1305


class DatagramPath:
    """One label at the ingress. Without `out` it carries nothing, and `why` says why."""

    __slots__ = (
        "_asked_epoch",
        "_asked_secret",
        "_cipher",
        "_has_answer",
        "_largest",
        "_size_at",
        "_size_rounds",
        "_trials",
        "end",
        "gauge",
        "labeling",
        "live",
        "next_beat",
        "out",
        "renewed_at",
        "size",
        "token",
        "was_lost",
        "why",
    )

    def __init__(self, live: LivePath, labeling: Labeling, cipher: Cipher, now: float) -> None:
        self.live = live
        self.labeling = labeling
        self.token = live.peer.session.token
        """Of the session that it belongs to."""
        self.end = DatagramEnd(labeling.label, is_ingress=True, hop_keys=labeling.hop_keys, now=now)
        self.gauge = Gauge()
        self.out: UdpOut | None = None
        self.why = UNTOLD
        self.next_beat = now
        self.renewed_at = now
        self._cipher = cipher
        self._asked_epoch = secrets.randbelow(MOST_EPOCH) + 1
        self._asked_secret = b""
        self._has_answer = True
        """To the last LABEL, if there was one."""
        self._trials = 0
        self.size = BASE_SIZE
        """Bytes of the largest datagram that is known to get through."""
        self._largest = 0
        self._size_rounds = 0
        self._size_at = now
        self.was_lost = False
        """It was found lost, and nothing was heard on it since."""

    def __repr__(self) -> str:
        return f"<DatagramPath {self.labeling.label.hex()} {self.why or 'carries'}, {self.gauge!r}>"

    @property
    def carries(self) -> bool:
        """Whether something may be sent on it."""
        return not self.why and self.out is not None and self.end.can_seal

    @property
    def is_untold(self) -> bool:
        """Whether its exit has not said yet whether it takes the label."""
        return self.why == UNTOLD

    @property
    def is_bare(self) -> bool:
        """Whether its carrier is lost, with which its nodes will forget the label before long."""
        return self.live.thin is None

    @property
    def guess(self) -> float:
        """Seconds that a round trip may take, after those of carriers."""
        return self.live.monitor.pings.srtt or FIRST_GUESS

    @property
    def is_deaf(self) -> bool:
        """Whether it was asked and never answered."""
        return self._trials > TRIALS and not self.gauge.is_measured

    # ---- set-up

    def set_up(self, out: UdpOut | None, nodes: Sequence[str], takes: Sequence[Verdict | None], *, knows: bool) -> bool:
        """A thin carrier came up: *out* leads over the first line, *takes* is what the relays among *nodes* said, the
        exit *knows* datagrams. Whether LABEL may be said."""
        self.out = out
        self.why = self._why_not(out, nodes, takes, knows=knows)
        return not self.why

    def _why_not(
        self, out: UdpOut | None, nodes: Sequence[str], takes: Sequence[Verdict | None], *, knows: bool
    ) -> str:
        if out is None:
            return "no datagrams go over its first line"
        for node, verdict in zip(nodes, takes, strict=False):
            if verdict is None:
                return f"no UDP: update {node}"
            if verdict is not Verdict.TAKEN:
                return f"{node}: {WHY_NOT.get(verdict, 'it does not take its label')}"
        return "" if knows else f"no UDP: update {nodes[-1]}"

    def say_label(self, now: float) -> None:
        """Ask the exit, on the thin carrier, to take the label with new keys; with the last ones, if it was not heard
        whether it did: it may seal by them already."""
        if self.live.thin is None:
            return
        self.renewed_at = now
        if self._has_answer:
            self._asked_epoch = self._asked_epoch % MOST_EPOCH + 1
            self._asked_secret = secrets.token_bytes(SECRET_SIZE)
            self.end.open_epoch(self._asked_epoch, self._cipher, self._asked_secret)
            self._has_answer = False
        label, relays = self.labeling.label, len(self.labeling.hop_keys)
        self.live.thin.end.send(bodies.label(label, self._asked_epoch, self._cipher, relays, self._asked_secret))

    def labeled(self, epoch: int, verdict: int, exit_: str, now: float) -> bool:
        """The exit's answer; whether the path carries datagrams from now on, and did not before."""
        if epoch != self._asked_epoch or self._has_answer:
            return False
        self._has_answer = True
        if verdict != Verdict.TAKEN:
            self.why = f"{exit_}: {WHY_NOT.get(Verdict(verdict), 'it does not take its label')}"
            return False
        is_new = not self.end.can_seal
        self.end.seal_with(epoch)
        self._largest = self._size_rounds = 0
        if is_new:
            self.next_beat, self._trials = now, 0
        return is_new

    def wants_renewal(self, now: float) -> bool:
        """Whether its keys have served long enough."""
        return (
            self.carries
            and self._has_answer
            and not self.is_bare
            and (self.end.wants_renewal or now - self.renewed_at >= RENEW)
        )

    # ---- heartbeats

    def beat(self, deaf: tuple[bytes, ...], *, is_active: bool, now: float) -> None:
        """Say a heartbeat; *deaf* are labels on which nothing is heard."""
        if self.out is not None:
            flags = ACTIVE if is_active else 0
            part = self.end.probe(now, Heartbeat(flags, self.gauge.interval, deaf=deaf))
            self.out.put(part)
            self._trials += 1
            if self.gauge.is_measured and now >= self._size_at and self._size_rounds < SIZE_ROUNDS + 2:
                self._size_at = now + max(SIZE_APART, 2 * self.guess)
                self._find_size(self.out, len(part) - LABEL_SIZE * len(deaf), now)

    def _find_size(self, out: UdpOut, bare: int, now: float) -> None:
        """Try the sizes that may get through, a few times, by probes that have *bare* bytes and padding; what was
        answered by then is what does. What is lost of it is no loss."""
        self._size_rounds += 1
        if self._size_rounds <= SIZE_ROUNDS:
            for size in SIZES:
                if size > self._largest:
                    out.put(self.end.probe(now, Heartbeat(), size - bare))
        elif self._size_rounds == SIZE_ROUNDS + 1:
            self.size = max(self._largest, BASE_SIZE)
        else:
            self.gauge = self.gauge.recounted()

    def heard(self, beat: Heartbeat, now: float) -> None:
        """The exit has said *beat* here: the round trip, and what was lost."""
        gauge, end = self.gauge, self.end
        self.was_lost = False
        if beat.flags & ANSWER:
            self._largest = max(self._largest, beat.size)
        if beat.flags & ANSWER and beat.echo:
            trip = datagrams.elapsed(beat.echo, datagrams.micros(now)) - beat.held / 1e6
            gauge = gauge.answered(max(trip, 0.0), now)
        self.gauge = gauge.counted((beat.expected, beat.received), (end.expected, end.received), now)
