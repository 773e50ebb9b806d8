"""What an operator has asked for by hand (`ingress use`): paths that are to be taken as long as one of them works.

Above the absence of rules, below what a rule says of exits and paths.
"""

import ipaddress
import time
from collections.abc import Iterable, Mapping, Sequence

import attrs

from ingress.config.chains import names_of, touches
from relay.config.mistakes import nearest
from relay.errors import OperatorError
from relay.model.addresses import plain
from relay.model.hosts import NoHost, read_host
from relay.model.network import Network
from relay.model.walk import Path

EVERYBODY = ""


@attrs.frozen
class Wish:
    """One of them."""

    use: str
    """A path, line, exit or node, or a group of lines or nodes."""
    whom: str = EVERYBODY
    """A user, a client's address or a host; or everybody."""
    until: float | None = None
    """Seconds since 1970."""

    def __str__(self) -> str:
        whom = f" for {self.whom}" if self.whom else ""
        until = "" if self.until is None else time.strftime(" until %Y-%m-%d %H:%M", time.localtime(self.until))
        return f"{self.use}{whom}{until}"


class Wishes:
    """Those in force, and which paths they mean. `plan` comes first."""

    def __init__(self) -> None:
        self._wishes: dict[str, Wish] = {}
        """By whom they are for."""
        self._spelled: dict[str, str] = {}
        """Whom they are for, by the one spelling of a host or an address that each may be."""
        self._paths: Mapping[str, frozenset[str]] = {}
        self._network: Network | None = None
        self._used: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._wishes)

    def write(self) -> list[tuple[str, str, float | None]]:
        """In plain values, for `read_wishes`."""
        return [(wish.use, wish.whom, wish.until) for wish in self._wishes.values()]

    def plan(self, network: Network, used: tuple[Path, ...]) -> None:
        """Go by another file. A wish for what it does not have any more means nothing until it has it again."""
        self._network, self._used = network, used
        self._find_paths()

    def put(self, wish: Wish) -> None:
        """*wish* is in force, instead of another one for the same.

        Raises:
            OperatorError: no path is so, or it is for a network.
        """
        if not self._meant(wish.use):
            known = {path.name for path in self._used} | (set() if self._network is None else names_of(self._network))
            raise OperatorError(f"no path goes over {wish.use}: {nearest(wish.use, known)}")
        if "/" in wish.whom and _is_network(wish.whom):
            raise OperatorError(f"{wish.whom} is a network, and a wish is for one address; name one, or write a rule")
        self._go_by([*self._wishes.values(), wish])

    def drop(self, whom: str | None) -> None:
        """Take back the wish for *whom* (EVERYBODY: the one that names nobody), or all (None).

        Raises:
            OperatorError: there is none such, and there are others.
        """
        in_force = self.in_force(time.time())
        if whom is not None and whom not in self._wishes:
            whom = self._spelled.get(_spelling(whom), whom)
        if whom is not None and whom not in self._wishes and in_force:
            others = ", ".join(map(str, in_force))
            named = f"--for {whom}" if whom else "without --for"
            raise OperatorError(f"nothing is asked for {named}; in force: {others}; say --for WHO, or --all")
        self._go_by([] if whom is None else [wish for wish in self._wishes.values() if wish.whom != whom])

    def recall(self, wishes: Iterable[Wish]) -> None:
        """These were in force before a restart; what was said since stands."""
        self._go_by([*wishes, *self._wishes.values()])

    def _go_by(self, wishes: Iterable[Wish]) -> None:
        """Of those for the same the last."""
        self._wishes = {wish.whom: wish for wish in wishes}
        self._spelled = {_spelling(whom): whom for whom in self._wishes}
        self._find_paths()

    def in_force(self, wall: float) -> Sequence[Wish]:
        """All of them; *wall* in seconds since 1970."""
        return [wish for wish in self._wishes.values() if wish.until is None or wall < wish.until]

    def paths_of(self, wish: Wish) -> frozenset[str]:
        """The names of the paths that it means."""
        return self._paths.get(wish.whom, frozenset())

    def find(self, host: str, client: str, user: str) -> Wish | None:
        """The one for a stream, the most particular first: by host, user, client, for everybody."""
        if not self._wishes:
            return None
        now, spelled = time.time(), self._spelled
        whoms = (spelled.get(_spelling(host)), user, spelled.get(client))
        for whom in (*filter(None, whoms), EVERYBODY):
            wish = self._wishes.get(whom)
            if wish is not None and (wish.until is None or now < wish.until) and self._paths[whom]:
                return wish
        return None

    def _find_paths(self) -> None:
        self._paths = {wish.whom: self._meant(wish.use) for wish in self._wishes.values()}

    def _meant(self, use: str) -> frozenset[str]:
        network = self._network
        if network is None:
            return frozenset()
        exits = {name for name, node in network.nodes.items() if node.exit and use in (name, node.group)}
        if exits:
            return frozenset(path.name for path in self._used if path.end in exits)
        names = frozenset((use,))
        return frozenset(path.name for path in self._used if path.name == use or touches(network, path, names))


def _spelling(host: str) -> str:
    """As every spelling of the same host is; *host* itself if it is none."""
    meaning = read_host(host)
    if isinstance(meaning, NoHost):
        return host
    return meaning if isinstance(meaning, str) else str(plain(meaning))


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def read_wishes(found: object) -> list[Wish]:
    """Those that `Wishes.write` gave. ValueError: they are none."""
    if not isinstance(found, list):
        raise ValueError(f"{found!r} is no list of wishes")
    return [_read_wish(one) for one in found]


def _read_wish(found: object) -> Wish:
    match found:
        case [str(use), str(whom), int() | float() | None as until]:
            return Wish(use, whom, until)
    raise ValueError(f"{found!r} is no wish")
