"""May this exit dial this address? Judged after resolution, on the address that will be dialled."""

from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Final

from relay.model.addresses import IpAddress, plain
from relay.model.hosts import parse_literal
from relay.model.network import Allowed, Node
from relay.policy.ranges import embedded, prohibition

MOST_REMEMBERED = 4096
"""Addresses whose verdict is kept: at about 400 bytes each, less than 2 MiB."""

OWN_MACHINE: Final = "this machine itself"
"""A firewall of the host guards its services against strangers, not against a process on the host."""


class _Verdict:
    """What does not depend on the port."""

    __slots__ = ("forms", "reason", "special")

    def __init__(self, reason: str | None, forms: tuple[str, ...], special: bool) -> None:
        self.reason = reason
        self.forms = forms
        """The address and those hidden in it, as texts."""
        self.special = special
        """Prohibited, and perhaps opened: such an address may be this machine's own."""


class Policy:
    """The prohibited ranges and this machine, less what the operator *allow*ed, and never our *own* nodes.

    Args:
        allow: ranges to open. An IPv6 address with IPv4 hidden in it needs both opened.
        own: addresses and ports at which our nodes are reached or listen, refused even in an opened range. An
            unspecified address (0.0.0.0, ::) means a listener on all of this machine's addresses: its port is refused
            on every address of a prohibited range, and of *here*.
        here: this machine's own addresses, public ones too, at which it would reach itself.
    """

    def __init__(
        self,
        allow: Iterable[Allowed] = (),
        own: Iterable[tuple[IpAddress, int]] = (),
        here: Iterable[IpAddress] = (),
    ) -> None:
        endpoints = [(plain(ip), port) for ip, port in own]
        self._allow = tuple(one.cidr for one in allow)
        self._here = frozenset(plain(ip) for ip in here)
        self._own = frozenset((str(ip), port) for ip, port in endpoints)
        self._everywhere = frozenset(port for ip, port in endpoints if ip.is_unspecified)
        self._verdicts: dict[str, _Verdict] = {}

    def refusal(self, address: IpAddress | str, port: int) -> str | None:
        """Why *address* and *port* must not be dialled, in a few words for the log; None if they may be.

        A text is read by `parse_literal`; one that is no address is refused.
        """
        text = address if isinstance(address, str) else str(address)
        verdict = self._verdicts.get(text)
        if verdict is None:
            verdict = self._remember(text)
        if verdict.reason is not None:
            return verdict.reason
        if not 0 < port < 65536:
            return "no such port"
        if verdict.special and port in self._everywhere:
            return "our own node's port"
        for form in verdict.forms:
            if (form, port) in self._own:
                return "our own node"
        return None

    def _remember(self, text: str) -> _Verdict:
        if len(self._verdicts) >= MOST_REMEMBERED:
            self._verdicts.clear()
        verdict = self._verdicts[text] = self._judge(text)
        return verdict

    def _judge(self, text: str) -> _Verdict:
        ip = parse_literal(text)
        if ip is None:
            return _Verdict("not an address", (), True)
        if isinstance(ip, IPv6Address) and ip.scope_id is not None:
            return _Verdict("an address with a zone", (), True)
        forms = (ip, *embedded(ip))
        reasons = [(form, reason) for form in forms if (reason := self._prohibition(form)) is not None]
        closed = (reason for form, reason in reasons if not self._is_opened(form))
        return _Verdict(next(closed, None), tuple(map(str, forms)), bool(reasons))

    def _prohibition(self, ip: IpAddress) -> str | None:
        return prohibition(ip) or (OWN_MACHINE if ip in self._here else None)

    def _is_opened(self, ip: IpAddress) -> bool:
        return any(ip in cidr for cidr in self._allow)


def told_addresses(node: Node) -> frozenset[IpAddress]:
    """Where *node*'s machine is reached, as far as its entry in the file says so in literal addresses."""
    literals = map(parse_literal, (node.address.host, *node.advertise))
    return frozenset(plain(ip) for ip in literals if ip is not None)
