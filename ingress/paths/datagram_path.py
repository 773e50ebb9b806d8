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
from relay.wire.datagrams import ACTIVE, ANSWER, MOST_EPOCH, SECRET_SIZE, Heartbeat

UNTOLD = "its label was not asked for yet"
TRIALS = 3
"""Heartbeats that a path is asked after it got its label; if none is answered, it is deaf to datagrams."""
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
        "_cipher",
        "_trials",
        "end",
        "gauge",
        "labeling",
        "live",
        "next_beat",
        "out",
        "renewed_at",
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
        self._trials = 0
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
        """Ask the exit, on the thin carrier, to take the label with new keys."""
        if self.live.thin is None:
            return
        self._asked_epoch = self._asked_epoch % MOST_EPOCH + 1
        self.renewed_at = now
        secret = secrets.token_bytes(SECRET_SIZE)
        self.end.open_epoch(self._asked_epoch, self._cipher, secret)
        relays = len(self.labeling.hop_keys)
        self.live.thin.end.send(bodies.label(self.labeling.label, self._asked_epoch, self._cipher, relays, secret))

    def labeled(self, epoch: int, verdict: int, exit_: str, now: float) -> bool:
        """The exit's answer; whether the path carries datagrams from now on, and did not before."""
        if epoch != self._asked_epoch:
            return False
        if verdict != Verdict.TAKEN:
            self.why = f"{exit_}: {WHY_NOT.get(Verdict(verdict), 'it does not take its label')}"
            return False
        is_new = not self.end.can_seal
        self.end.seal_with(epoch)
        if is_new:
            self.next_beat, self._trials = now, 0
        return is_new

    def wants_renewal(self, now: float) -> bool:
        """Whether its keys have served long enough."""
        return self.carries and not self.is_bare and (self.end.wants_renewal or now - self.renewed_at >= RENEW)

    # ---- heartbeats

    def beat(self, deaf: tuple[bytes, ...], *, is_active: bool, now: float) -> None:
        """Say a heartbeat; *deaf* are labels on which nothing is heard."""
        if self.out is not None:
            flags = ACTIVE if is_active else 0
            self.out.put(self.end.probe(now, Heartbeat(flags, self.gauge.interval, deaf=deaf)))
            self._trials += 1

    def heard(self, beat: Heartbeat, now: float) -> None:
        """The exit has said *beat* here: the round trip, and what was lost."""
        gauge, end = self.gauge, self.end
        self.was_lost = False
        if beat.flags & ANSWER and beat.echo:
            trip = datagrams.elapsed(beat.echo, datagrams.micros(now)) - beat.held / 1e6
            gauge = gauge.answered(max(trip, 0.0), now)
        self.gauge = gauge.counted((beat.expected, beat.received), (end.expected, end.received), now)
