"""What set-ups along a path say of its datagrams, and hear of them."""

import secrets

import attrs

from relay.wire import datagrams
from relay.wire.datagrams import HOP_KEY_SIZE


@attrs.frozen
class Labeling:
    """What set-ups along a path say of its datagrams."""

    label: bytes
    hop_keys: tuple[bytes, ...]
    """One for each relay on the way, in order."""

    @classmethod
    def new(cls, network: bytes, relays: int) -> "Labeling":
        """One that nobody has; *network* is the tag of ours."""
        return cls(datagrams.new_label(network), tuple(secrets.token_bytes(HOP_KEY_SIZE) for _ in range(relays)))
