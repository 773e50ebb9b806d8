"""Which exits reach no targets, whatever they say of themselves: judged by what became of real streams. Pure.

A failure alone says nothing of an exit: the target may be down, or may not want this exit. It counts once another exit
has reached the same site, and makes an exit *sick* only together with others, of several sites and clients, while the
exit reaches nothing else. As soon as it is suspected it is asked for what it reached before; so it is while it is sick,
until it has answered well enough.

Names are told apart: an exit whose DNS is dead still reaches what it has looked up before, and literal addresses.
"""

import enum
from collections.abc import Mapping, Sequence

import attrs

from ingress.choice.demand import Demand
from ingress.lru import Lru
from ingress.messages.message import Message
from relay.model.cause import Cause

WINDOW = 10.0
"""Seconds for which a failure counts."""
SURE = 1.0
"""Seconds from the first failure that counts until an exit is called sick: in them it answers questions, if it can."""
SITES = 2
ENOUGH = 4
"""Sites that it must have failed, at least, and so many sites and clients together: three sites of one client, or two
of two."""
ALONE = 5
SURE_ALONE = 5.0
"""Sites that it must have failed if no other exit has reached them either, and seconds that it takes then: programs
that try many dead targets, as those of file sharing do, say nothing of an exit that answers questions."""
GOOD = 3
MOST_GOOD = 24
"""Connects, more than failures, after which a sick exit is well: twice as many for each time that it was sick lately,
up to the second figure."""
LATELY = 600.0
"""Seconds."""
MOST_SITES = 64
"""Failed sites that are remembered of one exit."""
ASK_EVERY = 1.0
"""Seconds between two questions to an exit that is suspected or sick."""


class Trouble(enum.Enum):
    """What it looks like from outside. The values are what operators read of a sick exit."""

    SILENT = Message("exit.silent")
    NO_ROUTE = Message("exit.no-route")
    DNS = Message("exit.dns")
    NAMES = Message("exit.names")
    """As long as it was asked for nothing else."""
    REFUSED = Message("exit.refused")


TROUBLES = {
    Cause.CONNECT_TIMEOUT: Trouble.SILENT,
    Cause.NO_ROUTE: Trouble.NO_ROUTE,
    Cause.HOST_UNREACHABLE: Trouble.NO_ROUTE,
    Cause.DNS_TIMEOUT: Trouble.DNS,
    Cause.DNS_FAILED: Trouble.DNS,
    Cause.REFUSED: Trouble.REFUSED,
}
"""The causes that may be an exit's own fault."""


NAMELESS = frozenset({Trouble.DNS, Trouble.NAMES})


@attrs.frozen
class Failure:
    """Of one site, at one exit."""

    trouble: Trouble
    demand: Demand
    """Of a question of our own it has no client."""
    first: float
    at: float
    """The last time."""
    is_proven: bool = False
    """Another exit has reached the site since."""


@attrs.frozen
class Sickness:
    """What is said of an exit that reaches no targets."""

    exit: str
    trouble: Trouble
    since: float

    @property
    def sentence(self) -> Message:
        """As `blame` and the log have it."""
        return Message("exit.sick", exit=self.exit, trouble=self.trouble.value)


class _Exit:
    """What speaks against one exit, and for it."""

    __slots__ = ("asked", "bouts", "failures", "score", "sickness", "vouched")

    def __init__(self) -> None:
        self.failures: Lru[str, Failure] = Lru(MOST_SITES)
        self.vouched = float("-inf")
        """When it last reached anything."""
        self.sickness: Sickness | None = None
        self.score = 0
        self.asked = float("-inf")
        self.bouts: list[float] = []
        """When it was called sick, of late."""

    def standing(self) -> list[Failure]:
        """The failures that nothing has refuted: to have reached something proves a way out, and no DNS."""
        return [one for one in self.failures.values() if one.at > self.vouched or one.trouble is Trouble.DNS]

    def forget_old(self, now: float) -> None:
        """Failures beyond WINDOW, and bouts beyond LATELY, count no more."""
        for site, failure in list(self.failures.items()):
            if now - failure.at > WINDOW:
                del self.failures[site]
        self.bouts = [at for at in self.bouts if now - at < LATELY]


@attrs.frozen
class Change:
    """An exit is sick from now on, or well again (None)."""

    exit: str
    sickness: Sickness | None


class ExitHealth:
    """All exits of an ingress. While none has failed lately, it costs a look at an empty mapping."""

    __slots__ = ("_suspects", "sick")

    def __init__(self) -> None:
        self._suspects: dict[str, _Exit] = {}
        self.sick: Mapping[str, Sickness] = {}
        """By exit; replaced, never changed."""

    @property
    def is_calm(self) -> bool:
        """Whether nothing speaks against any exit."""
        return not self._suspects

    def failing(self) -> set[str]:
        """Exits that have failed streams a moment ago, and nothing speaks for them since."""
        return {name for name, one in self._suspects.items() if one.sickness is not None or _is_suspected(one)}

    # ---- what has happened

    def failed(self, exit_: str, demand: Demand, cause: Cause, now: float) -> None:
        """*exit_* could not connect to the target of *demand*, a stream's or one of a question of ours."""
        trouble = TROUBLES.get(cause)
        if trouble is None:
            return
        one = self._suspects.setdefault(exit_, _Exit())
        if one.sickness is not None:
            one.score = max(one.score - 1, 0)
        before = one.failures.get(demand.site)
        stands = before is not None and (before.at > one.vouched or trouble is Trouble.DNS)
        first, is_proven = (before.first, before.is_proven) if before is not None and stands else (now, False)
        one.failures.put(demand.site, Failure(trouble, demand, first, now, is_proven))

    def reached(self, exit_: str, site: str, now: float, *, probed: bool) -> None:
        """*exit_* has connected a stream to *site*, or was *probed*. Streams may go to what it has looked up before,
        and say nothing of its DNS."""
        for name, one in self._suspects.items():
            failure = one.failures.get(site)
            if name == exit_:
                one.vouched = now
                one.score += probed or one.sickness is None or one.sickness.trouble not in NAMELESS
                if failure is not None:
                    del one.failures[site]
            elif failure is not None and not failure.is_proven:
                one.failures.put(site, attrs.evolve(failure, is_proven=True))

    # ---- what follows

    def look(self, now: float) -> Sequence[Change]:
        """To be called every round: who is sick from now on, and who is well again."""
        if not self._suspects:
            return ()
        changes = [change for name in list(self._suspects) if (change := self._look_at(name, now)) is not None]
        if changes or self.sick:
            self.sick = {name: one.sickness for name, one in self._suspects.items() if one.sickness is not None}
        return changes

    def _look_at(self, name: str, now: float) -> Change | None:
        one = self._suspects[name]
        if one.sickness is not None:
            if one.score < min(GOOD << max(len(one.bouts) - 1, 0), MOST_GOOD):
                one.sickness = _look_closer(one, one.sickness)
                return None
            one.sickness = None
            one.failures.clear()
            return Change(name, None)
        one.forget_old(now)
        if not one.failures and not one.bouts:
            del self._suspects[name]
            return None
        failures = one.standing()
        if not is_sick(failures, now):
            return None
        one.sickness, one.score = Sickness(name, diagnose(failures, one.vouched), now), 0
        one.bouts.append(now)
        return Change(name, one.sickness)

    # ---- what to ask

    def to_ask(self, now: float) -> list[str]:
        """The exits that should be asked for something now; each counts as asked."""
        found = []
        for name, one in self._suspects.items():
            is_asked = one.sickness is not None or _is_suspected(one) or len(one.standing()) > 1
            if is_asked and now - one.asked >= ASK_EVERY:
                one.asked = now
                found.append(name)
        return found

    def failed_by(self, exit_: str) -> list[Demand]:
        """What it has failed, one of each site, those first that another exit reaches."""
        one = self._suspects.get(exit_)
        found = [] if one is None else list(one.failures.values())
        return [failure.demand for failure in sorted(found, key=lambda failure: not failure.is_proven)]


def _look_closer(one: _Exit, sickness: Sickness) -> Sickness:
    """What it has failed since, and has reached, may tell more of what it has."""
    failures = one.standing()
    if sickness.trouble is not Trouble.NAMES or not failures:
        return sickness
    return attrs.evolve(sickness, trouble=diagnose(failures, one.vouched))


def _is_suspected(one: _Exit) -> bool:
    """Whether something stands against it; a refusal alone is its target's affair."""
    return any(failure.trouble is not Trouble.REFUSED for failure in one.standing())


def is_sick(failures: Sequence[Failure], now: float) -> bool:
    """Whether *failures* of one exit, which nothing has refuted, are enough, and not too new, to call it sick."""
    proven = [one for one in failures if one.is_proven]
    clients = {one.demand.client for one in proven if one.demand.client}
    if len(proven) >= SITES and len(proven) + len(clients) >= ENOUGH:
        return now - min(one.first for one in proven) >= SURE
    return len(failures) >= ALONE and now - min(one.first for one in failures) >= SURE_ALONE


def diagnose(failures: Sequence[Failure], vouched: float) -> Trouble:
    """What *failures*, at least one, of an exit look like that last reached something at *vouched*."""
    others = [one.trouble for one in failures if one.trouble is not Trouble.DNS]
    if others:  # without a way out, names find no answer either
        return max(others, key=others.count)
    return Trouble.DNS if vouched > min(one.first for one in failures) else Trouble.NAMES
