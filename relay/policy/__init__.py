"""Which addresses an exit may dial. Pure: no socket, no resolver, no clock.

The order that keeps an exit safe is parse, resolve, judge, dial: a text is read by `relay.model.hosts` and nowhere
else, a name is resolved once, every address is judged after that, and exactly the address that was judged is dialled.
"""

from relay.policy.allowed import idle
from relay.policy.judge import Policy, told_addresses
from relay.policy.ranges import is_public

__all__ = ["Policy", "idle", "is_public", "told_addresses"]
