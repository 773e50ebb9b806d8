"""Whoever has stolen an ingress's key, at a node's door."""

import secrets
import socket
from pathlib import Path

import attrs

from bench.hostile.peers.carrier import HostileCarrier, secure
from relay.identity import load_identity
from relay.wire.codes import Purpose
from relay.wire.setup import DIGEST_SIZE, TOKEN_SIZE, Hello, Parsed, Welcome


@attrs.frozen
class StolenIngress:
    """It dials `address`, a node's, with the key of the ingress `name` in the folder `keys`."""

    keys: Path
    name: str
    address: tuple[str, int]

    def carrier(self, token: bytes = b"", purpose: Purpose = Purpose.THIN) -> HostileCarrier:
        """A carrier that is up; with the same *token* one of the same session, without one of a new session."""
        carrier, answer = self.ask(token, purpose)
        assert isinstance(answer, Welcome), answer
        return carrier

    def ask(self, token: bytes = b"", purpose: Purpose = Purpose.THIN) -> tuple[HostileCarrier, Parsed]:
        """As `carrier`, which may be refused: the answer is told as well."""
        context = load_identity(self.keys, self.name).client_context()
        carrier = secure(socket.create_connection(self.address), context, server_side=False)
        token = token or secrets.token_bytes(TOKEN_SIZE)
        carrier.send_message(Hello(purpose, token, False, bytes(DIGEST_SIZE), 0, "hostile", "stolen"))
        return carrier, carrier.read_message()
