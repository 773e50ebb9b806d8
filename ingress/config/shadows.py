"""Rules that are never reached, because an earlier one takes all that they are for."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ingress.config.allowance import ANYBODY, Allowance
from ingress.config.rule import NamePattern, PortRange, Rule
from ingress.lists.entries import Scope
from relay.model.network import IpNetwork

T = TypeVar("T")


def shadowed(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Each rule that is never reached, and the first one before it that takes all of it."""
    for at, rule in enumerate(rules):
        above = next((earlier for earlier in rules[:at] if takes_all_of(earlier, rule)), None)
        if above is not None:
            yield rule, above


def covers(earlier: Allowance, later: Allowance) -> bool:
    """Whether *earlier* fits whomever *later* fits."""
    every_user = ANYBODY in earlier.users and bool(later.users)
    return (every_user or _all(later.users, earlier.users, str.__eq__)) and _all(
        later.clients, earlier.clients, _network
    )


def takes_all_of(earlier: Rule, later: Rule) -> bool:
    """Whether *earlier* matches whatever *later* matches. Of lists only the same one is known to."""
    return (
        _target(earlier, later)
        and _all(later.clients, earlier.clients, _network)
        and _all(later.ports, earlier.ports, _ports)
        and _all(later.users, earlier.users, str.__eq__)
        and _all(later.protocols, earlier.protocols, str.__eq__)
        and (not earlier.listens or (bool(later.listens) and set(later.listens) <= set(earlier.listens)))
    )


def _target(earlier: Rule, later: Rule) -> bool:
    if not earlier.targets:
        return True
    if not later.targets or (later.resolve and not earlier.resolve):
        return False
    return (
        all(any(_name(one, other) for other in earlier.hosts) for one in later.hosts)
        and all(any(_network(one, other) for other in earlier.cidrs) for one in later.cidrs)
        and set(later.lists) <= set(earlier.lists)
        and set(later.countries) <= set(earlier.countries)
    )


def _all(later: Sequence[T], earlier: Sequence[T], is_within: Callable[[T, T], bool]) -> bool:
    """Whether each value of a condition lies within one of the earlier rule's, or that has no such condition."""
    return not earlier or (bool(later) and all(any(is_within(one, other) for other in earlier) for one in later))


def _network(one: IpNetwork, other: IpNetwork) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


def _ports(one: PortRange, other: PortRange) -> bool:
    return other.first <= one.first and one.last <= other.last


def _name(one: NamePattern, other: NamePattern) -> bool:
    """Whether *other* stands for every name that *one* stands for."""
    if one == other:
        return True
    is_below = one.name.endswith("." + other.name)
    match other.scope:
        case Scope.COVERED:
            return is_below or one.name == other.name
        case Scope.BELOW:
            return is_below
        case _:
            return False
