"""Which addresses an exit may dial, and what the text of a host means. Pure: no socket, no resolver, no clock.

The order that keeps an exit safe is parse, resolve, judge, dial: a text is read here and nowhere else, a name is
resolved once, every address is judged after that, and exactly the address that was judged is dialled.
"""

from relay.model.hosts import IpAddress, parse_literal, parse_name
from relay.policy.judge import Policy

__all__ = ["IpAddress", "Policy", "parse_literal", "parse_name"]
