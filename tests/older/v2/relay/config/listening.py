"""Addresses to listen at: one program cannot take the same one twice."""

import ipaddress
from collections.abc import Sequence

from relay.config.mistakes import Key, Mistakes
from relay.model.network import Address


def refuse_overlaps(mistakes: Mistakes, places: Sequence[tuple[Key, Address]]) -> None:
    """Note each of *places* whose address is taken by an earlier one. All addresses are literal."""
    for count, (key, address) in enumerate(places):
        for _, other in places[:count]:
            if _overlap(address, other):
                mistakes.add(key, f"{address} is taken: the same program listens at {other}", "take another port")


def _overlap(one: Address, other: Address) -> bool:
    first, second = ipaddress.ip_address(one.host), ipaddress.ip_address(other.host)
    is_any = first.is_unspecified or second.is_unspecified
    return one.port == other.port and first.version == second.version and (first == second or is_any)
