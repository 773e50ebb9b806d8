"""One `[[allowance]]` as a value, and how it is read: whom it is for, and what each of them may use."""

from collections.abc import Mapping

import attrs

from relay.config import values
from relay.config.mistakes import nearest
from relay.config.quota import read_owner_quota
from relay.config.table import Table
from relay.model.addresses import is_inside
from relay.model.network import IpNetwork
from relay.model.quota import Quota

ANYBODY = "*"
"""Of users: everybody who logs in."""
GRANTS = ("rate", "streams", "associations", "quota")
MOST = 1_000_000


@attrs.frozen
class RateBounds:
    """Bytes per second, from the client (up) and to it; None: as much as there is."""

    up: float | None = None
    down: float | None = None


@attrs.frozen(kw_only=True)
class Allowance:
    """What each of those that meet its conditions may use; None: as much as there is."""

    place: str = attrs.field(default="an allowance", eq=False)
    """Where it stands in the file, for people: `allowance 2 (line 97)`."""
    users: tuple[str, ...] = ()
    clients: tuple[IpNetwork, ...] = ()
    together: bool = False
    """All of them share one, instead of having one each."""
    rate: RateBounds = RateBounds()
    streams: int | None = None
    """At once."""
    associations: int | None = None
    """Of datagrams, at once."""
    quota: Quota | None = None
    """In a day or a month."""

    def fits(self, user: str, client: str) -> bool:
        """Whether it is for *user* (empty: nobody has logged in) at the address *client*."""
        if self.users and not (user in self.users or (user and ANYBODY in self.users)):
            return False
        return not self.clients or is_inside(client, self.clients)

    @property
    def subject(self) -> str:
        """Whom it is for, as what was used is kept under: it may stand elsewhere in the next file."""
        who = [*self.users, *map(str, self.clients)]
        return " ".join([*who, "together"] if self.together else who)

    def owner(self, user: str, client: str) -> str:
        """Whose it is, of those that it fits: users have one each, and where only addresses are named, these."""
        if self.together:
            return ""
        return user if self.users else client


def read_allowances(document: Table) -> tuple[Allowance, ...]:
    """The allowances, in the order of the file. What is wrong stands in the document's mistakes."""
    return tuple(_read(table) for table in document.array("allowance"))


def _read(table: Table) -> Allowance:
    found = Allowance(
        place=table.mistakes.place_of(table.key),
        users=table.some("user", values.text),
        clients=table.some("client", values.cidr),
        together=table.get("together", values.flag, False),
        rate=table.get("rate", _rate, RateBounds()),
        streams=table.get("streams", values.whole(0, MOST), None),
        associations=table.get("associations", values.whole(0, MOST), None),
        quota=read_owner_quota(table.table("quota")),
    )
    if "user" not in table and "client" not in table:
        table.mistakes.add(
            table.key, "it does not say for whom it is", 'write user = "*", or client = "192.168.1.0/24"'
        )
    if not any(key in table for key in GRANTS):
        table.mistakes.add(table.key, "it bounds nothing", f"write {', '.join(GRANTS[:-1])} or {GRANTS[-1]}")
    table.finish()
    return found


def _rate(value: object) -> RateBounds:
    """One rate for both ways, or `{ up = …, down = … }`."""
    if not isinstance(value, Mapping):
        both = values.rate(value)
        return RateBounds(both, both)
    for key in value:
        if key not in ("up", "down"):
            raise values.Wrong(f'"{key}" is no direction of a rate', nearest(str(key), ("up", "down")))
    if not value:
        raise values.Wrong("bounds neither way", 'write { up = "50Mbit/s", down = "100Mbit/s" }, or one of them')
    up, down = (values.rate(value[key]) if key in value else None for key in ("up", "down"))
    return RateBounds(up, down)
