"""Tells whoever the file names what goes wrong: what each alert makes of the facts, and a queue for each receiver.

A message is sent directly first, and where that does not work through the network's own paths; after that the way that
worked last comes first. One that is not taken is sent again, ever more seldom, and given up in the end.
"""

import contextlib
import datetime
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from ingress.alerts.hold import QuietHold
from ingress.alerts.letter import Letter, trial, write
from ingress.alerts.notice import Effect, Fact, Notice
from ingress.alerts.watch import AlertWatch
from ingress.config.alert import Alert, AlertReceiver
from ingress.messages.message import Message
from ingress.serve.alert_child import send
from ingress.serve.presence import Absence
from relay import log

EVERY: Final = 1.0
"""Seconds between two looks."""
MOST_WAITING: Final = 20
"""Messages that wait for one receiver; then the oldest are given up."""
ATTEMPTS: Final = 8
FIRST_PAUSE: Final = 30.0
"""Seconds until the second attempt; each pause is twice as long as the last, and the last is half an hour."""

Kept = tuple[int, str, str, int, str]
"""Which alert of the file; the kind, name and reason of what it told; since when that is, in seconds since 1970."""
Door = Callable[[], contextlib.AbstractContextManager[str]]
"""While it is open, a proxy at this URL that nobody else knows: it goes over the network's own paths."""


@attrs.frozen
class AlertStatistics:
    """Counts since the start."""

    sent: int
    given_up: int
    waiting: int


class Post:
    """What goes to one receiver, one message after the other."""

    def __init__(self, receiver: AlertReceiver, door: Door, base: Path) -> None:
        self.receiver = receiver
        self.sent = self.given_up = 0
        self._door = door
        self._base = base
        self._waiting: deque[Letter] = deque()
        self._news = trio.Event()
        self._goes_by_paths = False

    def put(self, letter: Letter) -> None:
        """Send it when those before it are sent, or given up."""
        if len(self._waiting) == MOST_WAITING:
            self._waiting.popleft()
            self._give_up("too many wait")
        self._waiting.append(letter)
        self._news.set()

    @property
    def waiting(self) -> int:
        """Messages that are not sent yet."""
        return len(self._waiting)

    async def run(self) -> None:
        """Send what comes, for ever."""
        while True:
            await self._news.wait()
            self._news = trio.Event()
            while self._waiting:
                letter = self._waiting[0]
                await self._deliver(letter)
                if self._waiting and self._waiting[0] is letter:
                    self._waiting.popleft()

    async def _deliver(self, letter: Letter) -> None:
        pause = FIRST_PAUSE
        for attempt in range(ATTEMPTS):
            if attempt:
                await trio.sleep(pause)
                pause = min(2 * pause, 1800.0)
            way, why = await self.attempt(letter)
            if why is None:
                self.sent += 1
                log.event("alert-sent", to=self.receiver.place, way=way, title=letter.title)
                return
            log.event("alert-not-sent", level="warning", about=self.receiver.place, to=self.receiver.place, why=why)
        self._give_up(f"not taken {ATTEMPTS} times")

    async def attempt(self, letter: Letter) -> tuple[str, str | None]:
        """Send it now: by which way, and why it was not taken by any."""
        said = []
        for by_paths in self._ways():
            why = await self._by_paths(letter) if by_paths else await send(self.receiver, letter, None, self._base)
            way = "paths" if by_paths else "direct"
            if why is None:
                self._goes_by_paths = by_paths
                return way, None
            said.append(why if self.receiver.command else f"{way}: {why}")
        return "", "; ".join(said)

    def _ways(self) -> Sequence[bool]:
        if self.receiver.command:
            return (False,)
        return (self._goes_by_paths, not self._goes_by_paths)

    async def _by_paths(self, letter: Letter) -> str | None:
        with self._door() as proxy:
            return await send(self.receiver, letter, proxy, self._base)

    def _give_up(self, why: str) -> None:
        self.given_up += 1
        log.event("alert-given-up", level="error", about=self.receiver.place, to=self.receiver.place, why=why)


@attrs.frozen(eq=False)
class _Teller:
    """One alert at work."""

    alert: Alert
    watch: AlertWatch
    hold: QuietHold
    posts: tuple[Post, ...]
    scope: trio.CancelScope


class Alerting:
    """One ingress's. *facts* says what is wrong now, *effect* what became of streams since the start."""

    def __init__(
        self,
        ingress: str,
        nursery: trio.Nursery,
        facts: Callable[[], Iterable[Fact]],
        effect: Callable[[], Effect],
        door: Door,
        base: Path,
        wall: Callable[[], float],
    ) -> None:
        self._ingress = ingress
        self._nursery = nursery
        self._facts = facts
        self._effect = effect
        self._door = door
        self._base = base
        self._wall = wall
        self._tellers: tuple[_Teller, ...] = ()
        self._past = AlertStatistics(0, 0, 0)
        """Of alerts that are not in the file any more."""
        self._looked = float("-inf")
        self._offset: float | None = None
        """Between the clock of rounds and that of the wall, from the first look on."""
        self._kept: Sequence[Kept] = ()
        """What was told before a restart, until the first look."""
        self._absence: Absence | None = None
        """From which this process is back, until the next look."""

    def use(self, alerts: Sequence[Alert]) -> None:
        """Go by *alerts* from now on; one that is as it was goes on with what it knows."""
        left, tellers = list(self._tellers), []
        for alert in alerts:
            same = next((teller for teller in left if teller.alert == alert), None)
            if same is not None:
                left.remove(same)
            tellers.append(self._begin(alert) if same is None else same)
        self._tellers = tuple(tellers)
        for teller in left:
            self._count_past(teller)
            teller.scope.cancel()

    def each_round(self, now: float) -> None:
        """To be called in every round: once a second it is looked what is wrong."""
        if not self._tellers or now - self._looked < EVERY:
            return
        self._looked = now
        facts, effect, wall = list(self._facts()), self._effect(), self._wall()
        if self._offset is None:
            self._offset = wall - now
            self._take_up(effect, self._offset)
        absence, self._absence = self._absence, None
        for teller in self._tellers:
            alert = teller.alert
            quiet = alert.quiet is not None and alert.quiet.holds(wall)
            news = [*self._back(absence, alert), *teller.watch.look(facts, effect, now)]
            notices = teller.hold.pass_on(news, is_quiet=quiet)
            if notices:
                letter = write(notices, self._ingress, alert.language, wall)
                for post in teller.posts:
                    post.put(letter)

    # ---- over a restart

    def was_away(self, absence: Absence) -> None:
        """This ingress is back from *absence*: that is told once, with the next look."""
        self._absence = absence

    def _back(self, absence: Absence | None, alert: Alert) -> list[Notice]:
        if absence is None or absence.seconds < alert.when.get("away", math.inf):
            return []
        why = Message("alert.away", start=_minute(absence.start), end=_minute(absence.end))
        return [Notice("away", self._ingress, True, why, absence.seconds)]

    def write(self) -> Sequence[Kept]:
        """What was told to be wrong and not yet to be over, for `read_kept`."""
        if self._offset is None:
            return self._kept
        return [
            (at, fact.kind, fact.name, round(since + self._offset), fact.why)
            for at, teller in enumerate(self._tellers)
            for fact, since in teller.watch.told()
        ]

    def recall(self, kept: Sequence[Kept]) -> None:
        """As `write` gave it. Too late once something was looked at."""
        self._kept = kept

    def _take_up(self, effect: Effect, offset: float) -> None:
        for at, kind, name, since, why in self._kept:
            if at < len(self._tellers):
                self._tellers[at].watch.recall(Fact(kind, name, why), effect, since - offset)

    async def test(self) -> list[dict[str, Any]]:
        """Send a trial to every receiver, and say how each went."""
        posts = [(post, teller.alert.language) for teller in self._tellers for post in teller.posts]
        told: dict[str, dict[str, Any]] = {}

        async def try_one(post: Post, language: str) -> None:
            way, why = await post.attempt(trial(self._ingress, language, self._wall()))
            told[post.receiver.place] = {"to": post.receiver.place, "way": way, "error": why}

        async with trio.open_nursery() as nursery:
            for post, language in posts:
                nursery.start_soon(try_one, post, language)
        return [told[post.receiver.place] for post, _ in posts]

    def statistics(self) -> AlertStatistics:
        """Counts since the start."""
        posts = [post for teller in self._tellers for post in teller.posts]
        sent = self._past.sent + sum(post.sent for post in posts)
        given_up = self._past.given_up + sum(post.given_up for post in posts)
        return AlertStatistics(sent, given_up, sum(post.waiting for post in posts))

    def _begin(self, alert: Alert) -> _Teller:
        posts = tuple(Post(receiver, self._door, self._base) for receiver in alert.to)
        scope = trio.CancelScope()
        self._nursery.start_soon(_run, posts, scope)
        return _Teller(alert, AlertWatch(alert.when), QuietHold(), posts, scope)

    def _count_past(self, teller: _Teller) -> None:
        sent = self._past.sent + sum(post.sent for post in teller.posts)
        given_up = self._past.given_up + sum(post.given_up + post.waiting for post in teller.posts)
        self._past = AlertStatistics(sent, given_up, 0)


def read_kept(found: object) -> list[Kept]:
    """What `Alerting.write` gave. ValueError: it is none."""
    if not isinstance(found, list):
        raise ValueError(f"{found!r} is no list of what was told")
    return [_read_one(one) for one in found]


def _read_one(found: object) -> Kept:
    match found:
        case [int(at), str(kind), str(name), int(since), str(why)] if at >= 0:
            return at, kind, name, since, why
    raise ValueError(f"{found!r} is nothing that was told")


async def try_directly(ingress: str, alerts: Sequence[Alert], base: Path) -> list[dict[str, Any]]:
    """As `Alerting.test`, where no ingress runs: directly alone."""
    told = []
    for alert in alerts:
        letter = trial(ingress, alert.language, time.time())
        for receiver in alert.to:
            why = await send(receiver, letter, None, base)
            told.append({"to": receiver.place, "way": "direct" if why is None else "", "error": why})
    return told


def _minute(wall: float) -> str:
    return datetime.datetime.fromtimestamp(wall, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


async def _run(posts: Iterable[Post], scope: trio.CancelScope) -> None:
    with scope:
        async with trio.open_nursery() as nursery:
            for post in posts:
                nursery.start_soon(post.run)
