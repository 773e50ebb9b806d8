"""Ways round policers: what is much and would go by a path that polices UDP goes by a carrier along all its lines.

It has a label of its own, since a label has one way at each node: what is thin stays with UDP. The carrier is opened
when the first flow wants it, and let go when none has for a while. After some seconds it is seen whether TCP is better.
"""

from collections.abc import Callable, Iterable, Sequence

import attrs

from ingress.measure.policing import Policed
from ingress.paths.datagram_carriers import DatagramCarriers
from ingress.paths.datagram_flow import DatagramFlow
from ingress.paths.datagram_path import DatagramPath
from ingress.paths.way import ExitWay
from relay import log

CALMED = 5.0
"""Seconds for which a flow must have been thin to go by UDP again."""
IDLE = 30.0
"""Seconds without a flow after which the carrier is closed."""
SETTLES, JUDGED = 3.0, 3.0
"""Seconds in which TCP finds its pace after a move, and those behind them, by which it is judged."""
ENOUGH = 100
"""Datagrams by which it can be."""


@attrs.define(eq=False)
class Detour:
    """The one round the path *base*."""

    base: DatagramPath
    path: DatagramPath
    used_at: float
    period: float = 0.0
    """That in which UDP is avoided, by its end: in each it is judged anew."""
    moved_at: float | None = None
    """When the first flow came in it; None: it is judged already."""
    mark: tuple[int, int] | None = None
    """What was sent and lost until TCP had found its pace."""

    def works(self, now: float) -> bool:
        """Whether flows may go by it."""
        path = self.path
        is_up = path.carries and path.carrier is not None and path.carrier.is_up
        return is_up and path.gauge.is_measured and not path.gauge.is_lost(path.end.heard_at, now)

    def judge(self, policed: Policed, now: float) -> bool:
        """Whether it is found, now, to lose as much as UDP has."""
        if self.period != policed.until:
            self.period, self.moved_at, self.mark = policed.until, now, None
        if self.moved_at is None or now - self.moved_at < SETTLES:
            return False
        gauge = self.path.gauge
        sent = gauge.up.expected + gauge.down.expected
        lost = sent - gauge.up.received - gauge.down.received
        if self.mark is None:
            self.mark = sent, lost
        if now - self.moved_at < SETTLES + JUDGED or sent - self.mark[0] < ENOUGH:
            return False
        share = (lost - self.mark[1]) / (sent - self.mark[0])
        self.moved_at = self.mark = None
        return share >= policed.share


class Detours:
    """All of an ingress's. *begin* makes one's path, with a label that its exit was told; *end* forgets it."""

    def __init__(
        self,
        carriers: DatagramCarriers,
        begin: Callable[[DatagramPath], DatagramPath],
        end: Callable[[DatagramPath], None],
    ) -> None:
        self._carriers = carriers
        self._begin = begin
        self._end = end
        self._by_base: dict[DatagramPath, Detour] = {}

    def __len__(self) -> int:
        return len(self._by_base)

    def look(self, way: ExitWay, flows: Iterable[DatagramFlow], now: float) -> None:
        """Look at *way*, an exit's, and at *flows*, all that there are: move what should go elsewhere."""
        for path in way.paths.values():
            if path.gauge.is_measured:
                self._look_at(path, way, flows, now)
        for one in way.all:
            primary = one.primary
            is_avoided = primary is not None and primary.policing.is_avoided(now)
            if is_avoided or way.detours:
                own = [flow for flow in flows if flow.way is one]
                self._move(primary if is_avoided else None, own, now)
        self._close_idle(now)

    def _look_at(self, path: DatagramPath, way: ExitWay, flows: Iterable[DatagramFlow], now: float) -> None:
        before = path.policing.policed
        path.policing = path.policing.looked(path.gauge, now)
        policed = path.policing.policed
        if policed is before:
            return
        if policed is None:
            log.event("udp-free", about=path.live.name, path=path.live.name)
            return
        lately = [flow.lately for flow in flows if flow.exit == way.exit]
        found = attrs.evolve(policed, size=sum(size for _, size in lately) / max(sum(count for count, _ in lately), 1))
        path.policing = attrs.evolve(path.policing.begun_anew(), policed=found)
        path.gauge = path.gauge.recounted()  # the cause is known, and goes
        log.event("udp-policed", level="warning", about=path.live.name, path=path.live.name, rate=round(found.rate))

    def _move(self, avoided: DatagramPath | None, flows: Sequence[DatagramFlow], now: float) -> None:
        """Those of *flows* that are many go round *avoided*, all others by UDP."""
        many = {flow for flow in flows if flow.is_many(now) or now - flow.many_at < CALMED}
        detour = None if avoided is None else self._by_base.get(avoided)
        if detour is None and avoided is not None and any(flow.many_at == now for flow in many):
            detour = self._open(avoided, now)
        by = detour.path if detour is not None and detour.works(now) else None
        for flow in flows:
            flow.go_by(by if flow in many else None)
        if detour is not None and avoided is not None and many:
            detour.used_at = now
            if by is not None and avoided.policing.policed is not None:
                self._judge(detour, avoided.policing.policed, now)

    def _open(self, base: DatagramPath, now: float) -> Detour:
        path = self._begin(base)
        path.ride(self._carriers, len(base.live.path.hops))
        detour = self._by_base[base] = Detour(base, path, now)
        return detour

    def _judge(self, detour: Detour, policed: Policed, now: float) -> None:
        if detour.judge(policed, now):
            detour.base.policing = detour.base.policing.not_better(now)
            log.event("udp-policed-tcp-too", about=detour.base.live.name, path=detour.base.live.name)

    def _close_idle(self, now: float) -> None:
        for detour in [one for one in self._by_base.values() if now - one.used_at > IDLE]:
            self.forget(detour.base)

    def forget(self, base: DatagramPath) -> None:
        """Nothing goes round *base* any more, as if nothing ever had. Harmless if nothing does."""
        detour = self._by_base.pop(base, None)
        if detour is not None:
            self._end(detour.path)
