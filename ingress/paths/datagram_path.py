"""The datagrams of one path: its label and keys, its end, and what is known of it.

A label belongs to a path and a session, and outlives carriers: what has lost its TCP connection may carry datagrams as
well as before. The ingress says LABEL on every thin carrier that comes up, each time with another epoch and secret, and
seals by it once LABELED has come.
"""

import secrets
from collections.abc import Sequence
from typing import Protocol

from ingress.measure.gauge import Gauge, Loss
from ingress.measure.policing import Policing
from ingress.messages.message import Message
from ingress.paths.datagram_carriers import DatagramCarrier, DatagramCarriers
from ingress.paths.labeling import Labeling
from ingress.paths.live import LivePath
from relay.datagram.end import DatagramEnd
from relay.engine.udp import UdpOut
from relay.wire import bodies, datagrams
from relay.wire.codes import Cipher, Verdict
from relay.wire.datagrams import ACTIVE, ANSWER, LABEL_SIZE, MOST_EPOCH, SECRET_SIZE, Heartbeat

UNTOLD = Message("udp.unasked")
TRIALS, TRIAL = 3, 0.25
"""Heartbeats that a path is asked after it got its label, and seconds between them; if none is answered, in four round
trips either, it is deaf to datagrams: on a machine that is busy an answer takes longer."""
BASE_SIZE = 1232
"""Bytes of a datagram that every path carries: IPv6 must carry packets of 1,280 (RFC 8200 section 5)."""
SIZES = (1372, 1412, 1452, 1472)
"""Bytes that may get through as well: through a tunnel (WireGuard's packets have 1,420), through PPPoE over IPv6, over
IPv6, over IPv4 on Ethernet."""
SIZE_ROUNDS, SIZE_APART = 3, 0.25
"""How often they are tried, and seconds between two times, at least; each along with a heartbeat."""
FIRST_GUESS = 0.5
"""Seconds that a round trip may take while nobody knows better."""
LOST_FOR = 2.0
"""Seconds for which UDP must have been lost on a path whose carrier is well, before its datagrams take one of their
own."""
NATIVE_AGAIN = 45.0
"""Seconds between trials whether UDP gets through again, where datagrams go by a carrier; each is of TRIALS words."""
NATIVE_ANSWER = 5.0
"""Seconds in which an answer to them comes."""
NATIVE_PACE = 0.3
"""Seconds between these."""
RENEW = 3600.0
"""Seconds after which its keys are renewed."""
WHY_NOT = {
    Verdict.NOT_YOURS: Message("udp.not-yours"),
    Verdict.FULL: Message("udp.full"),
    Verdict.NO_DATAGRAMS: Message("udp.none-behind"),
    Verdict.UNKNOWN_CIPHER: Message("udp.cipher"),
    Verdict.UNKNOWN_ADDRESS: Message("udp.address"),
}


DEAF_BEHIND = (Verdict.NO_DATAGRAMS, Verdict.UNKNOWN_ADDRESS)
"""What a relay says when no datagrams go over the line behind it."""


def best_cipher() -> Cipher:
    """What seals fastest here."""
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
            has_aes = " aes" in info.read()
    except OSError:
        has_aes = True
    return Cipher.AES_128_GCM if has_aes else Cipher.CHACHA20_POLY1305


class PathHome(Protocol):
    """Who keeps all paths."""

    def carried(self, path: "DatagramPath", data: bytes) -> None:
        """A datagram has come by a carrier of *path*."""

    def woken(self) -> None:
        """Something is to be asked at once."""


REFUSED = Message("udp.refused")


class DatagramPath:
    """One label at the ingress. Without `out` it carries nothing, and `why` says why."""

    __slots__ = (
        "_asked_epoch",
        "_asked_secret",
        "_cipher",
        "_has_answer",
        "_home",
        "_is_refused",
        "_largest",
        "_least_lines",
        "_native_asked",
        "_native_at",
        "_native_left",
        "_not_before",
        "_size_at",
        "_size_rounds",
        "_trials",
        "carried_at",
        "carrier",
        "end",
        "gauge",
        "is_leaving",
        "labeling",
        "live",
        "lost_at",
        "native",
        "next_beat",
        "out",
        "payloads",
        "policing",
        "renewed_at",
        "riders",
        "size",
        "token",
        "unsent",
        "was_lost",
        "why",
    )

    def __init__(
        self,
        live: LivePath,
        labeling: Labeling,
        cipher: Cipher,
        now: float,
        home: "PathHome",
    ) -> None:
        self.live = live
        self.labeling = labeling
        self.token = live.peer.session.token
        """Of the session that it belongs to."""
        self.end = DatagramEnd(
            labeling.label, is_ingress=True, hop_keys=labeling.hop_keys, now=now, carried=live.carried.datagrams
        )
        self.gauge = Gauge()
        self.policing = Policing()
        self.native: UdpOut | None = None
        """What leads over the first line by UDP."""
        self.carrier: DatagramCarrier | None = None
        """What stands for it where a line is deaf to UDP."""
        self.out: UdpOut | DatagramCarrier | None = None
        """That of the two that is used."""
        self.why: str = UNTOLD
        self.is_leaving = False
        """A node on it is about to stop."""
        self.payloads = 0
        """Datagrams of clients that went over it as the primary, without copies."""
        self.carried_at = now
        """When its carrier came up."""
        self.riders = 0
        """Flows that go by it instead of a path that polices UDP."""
        self.lost_at: float | None = None
        """Since when it is lost."""
        self._home = home
        self._least_lines = 0
        """Lines of which it is known that the last of them is deaf."""
        self._not_before = now
        """When a carrier may be tried."""
        self._native_at = float("inf")
        self._native_left = 0
        self._native_asked = float("-inf")
        self.unsent = 0
        """Datagrams that would have been late by carriers that are gone."""
        self._is_refused = False
        """No carrier comes up."""
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
        return self._trials > TRIALS + 4 * self.guess / TRIAL and not self.gauge.is_measured

    # ---- set-up

    def set_up(self, out: UdpOut | None, nodes: Sequence[str], takes: Sequence[Verdict | None], *, knows: bool) -> bool:
        """A thin carrier came up: *out* leads over the first line, *takes* is what the relays among *nodes* said, the
        exit *knows* datagrams. Whether LABEL may be said."""
        self.native = out
        if self.carrier is None or not (self.carrier.is_up or self.carrier.is_asleep):
            self.out = out
        self._least_lines = 1 if out is None else 0
        self.why = self._why_not(nodes, takes, knows=knows)
        return not self.why

    def _why_not(self, nodes: Sequence[str], takes: Sequence[Verdict | None], *, knows: bool) -> str:
        """Why it carries none, whichever way; and the lines that are deaf, for all that is known."""
        for at, (node, verdict) in enumerate(zip(nodes, takes, strict=False)):
            if verdict is None:
                return Message("udp.update", node=node)
            if verdict in DEAF_BEHIND:
                self._least_lines = at + 2
            elif verdict is not Verdict.TAKEN:
                return Message("about", name=node, text=WHY_NOT.get(verdict, REFUSED))
        return "" if knows else Message("udp.update", node=nodes[-1])

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
            self.why = Message("about", name=exit_, text=WHY_NOT.get(Verdict(verdict), REFUSED))
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

    # ---- by a carrier

    @property
    def in_tcp(self) -> tuple[str, ...]:
        """The lines over which its datagrams go by a carrier."""
        carrier = self.carrier
        return () if carrier is None or self.out is not carrier else tuple(hop.line.name for hop in carrier.path.hops)

    @property
    def all_unsent(self) -> int:
        """Datagrams that would have been late by a carrier."""
        return self.unsent + (0 if self.carrier is None else self.carrier.dropped)

    def needs_carrier(self, now: float) -> bool:
        """Whether UDP does not get through, though the path's carriers are well."""
        if self.carrier is not None or self.why or not self.end.can_seal or now < self._not_before:
            return False
        is_lost = self.lost_at is not None and now - self.lost_at >= LOST_FOR
        return self.live.is_usable and (self.native is None or self._least_lines > 0 or self.is_deaf or is_lost)

    @property
    def is_stuck(self) -> bool:
        """Whether nothing is heard by its carrier, or none comes up."""
        return self.carrier is not None and (self._is_refused or (self.out is self.carrier and self.is_deaf))

    def ride(self, carriers: DatagramCarriers, lines: int = 1) -> None:
        """Have a carrier opened over so many *lines*, or as few more as may do."""
        self.carrier = carriers.open(self.live, max(self._least_lines, lines), self)

    def ride_further(self, carriers: DatagramCarriers, now: float) -> None:
        """Nothing is heard by the present carrier: one more line is deaf; or, if all are in it, it is given up."""
        if self.carrier is None:
            return
        self._is_refused = False
        lines = len(self.carrier.path.hops) + 1
        self.leave_carrier(now)
        if lines <= len(self.live.path.hops):
            self.carrier = carriers.open(self.live, lines, self)

    @property
    def is_asleep(self) -> bool:
        """Whether its carrier was let go, until something is to be sent."""
        return self.carrier is not None and self.carrier.is_asleep

    def leave_carrier(self, now: float) -> None:
        """Go by UDP, if it gets through or not; no carrier is tried for a while."""
        carrier, self.carrier = self.carrier, None
        self.unsent += 0 if carrier is None else carrier.dropped
        self.out, self._native_at, self._not_before = self.native, float("inf"), now + NATIVE_AGAIN
        if carrier is not None:
            carrier.close()

    def carrier_up(self, carrier: DatagramCarrier, now: float) -> None:
        """As `DatagramRider.carrier_up`: the path is measured anew."""
        if carrier is self.carrier:
            self.out, self._native_at, self._is_refused = carrier, now + NATIVE_AGAIN, False
            self.carried_at = now
            self._begin_anew(now)

    def _begin_anew(self, now: float) -> None:
        """It goes another way now, of which nothing is known."""
        up, down = self.gauge.up, self.gauge.down
        self.gauge = Gauge(up=Loss(up.expected, up.received), down=Loss(down.expected, down.received))
        self._trials, self.next_beat = 0, now
        self.was_lost, self.lost_at = False, None
        self._home.woken()

    def carrier_refused(self, carrier: DatagramCarrier) -> None:
        """As `DatagramRider.carrier_refused`: another node may let it in."""
        self._is_refused = carrier is self.carrier

    def carried(self, data: bytes) -> None:
        """As `DatagramRider.carried`."""
        self._home.carried(self, data)

    def try_native(self, now: float) -> float:
        """While it goes by a carrier, ask now and then whether UDP gets through; when it is to be asked next."""
        if self.carrier is None or self.native is None or self._least_lines or now < self._native_at:
            return self._native_at
        self.native.put(self.end.probe(now, Heartbeat(ACTIVE, self.gauge.interval)))
        self._native_asked = now
        self._native_left = self._native_left - 1 if self._native_left else TRIALS - 1
        self._native_at = now + (NATIVE_PACE if self._native_left else NATIVE_AGAIN)
        return self._native_at

    def heard_natively(self, now: float) -> None:
        """A heartbeat came by UDP while it goes by a carrier: UDP gets through again."""
        if self.out is self.carrier and now - self._native_asked < NATIVE_ANSWER:
            self.leave_carrier(now)
            self._begin_anew(now)

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

    def _find_size(self, out: UdpOut | DatagramCarrier, bare: int, now: float) -> None:
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
        self.was_lost, self.lost_at = False, None
        if beat.flags & ANSWER:
            self._largest = max(self._largest, beat.size)
        if beat.flags & ANSWER and beat.echo:
            trip = datagrams.elapsed(beat.echo, datagrams.micros(now)) - beat.held / 1e6
            gauge = gauge.answered(max(trip, 0.0), now)
        self.gauge = gauge.counted((beat.expected, beat.received), (end.expected, end.received), now)
