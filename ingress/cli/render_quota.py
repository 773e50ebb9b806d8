"""How the quota of a line, or of somebody, is shown: what was used of what, and until when."""

from collections.abc import Mapping
from typing import Any

from ingress.cli.wording import Wording
from ingress.messages.message import Message, word
from relay.cli.render_units import size


def quota_note(whose: str, quota: Mapping[str, Any], say: Wording) -> str:
    """One line: of the line or the owner called *whose*."""
    used, amount, day = quota["used"], quota["amount"], quota["ends_on"]
    if quota["counts"] != "p95":
        how = Message("cli.quota-sum", used=size(used), amount=size(amount), share=quota["fraction"], day=day)
    elif amount is None:
        how = Message("cli.quota-rate", used=used, day=day)
    else:
        how = Message("cli.quota-rate-of", used=used, amount=amount, day=day)
    if quota["effect"] == "none":
        return say("cli.quota", whose=whose, how=how)
    return say("cli.quota-does", whose=whose, how=how, does=word("effect", quota["effect"]))
