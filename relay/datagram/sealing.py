"""Keys: one for each label, direction and epoch, and what they seal and open.

The nonce is four zero bytes and the number, which no key sees twice: probes have a bit of their own in it, and either
counter only grows. Label and direction are in the key, so nothing else needs to be authenticated.
"""

from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from relay.datagram.window import ReplayWindow
from relay.wire.codes import Cipher
from relay.wire.datagrams import turned

NONCE_HEAD: Final = bytes(4)
KEY_SIZES = {Cipher.AES_128_GCM: 16, Cipher.CHACHA20_POLY1305: 32}
Crypt = Callable[[bytes, bytes | memoryview, None], bytes]
__all__ = ["Epoch", "InvalidTag"]


def _aead(cipher: Cipher, key: bytes) -> AESGCM | ChaCha20Poly1305:
    return AESGCM(key) if cipher is Cipher.AES_128_GCM else ChaCha20Poly1305(key)


def derive(secret: bytes, label: bytes, epoch: int, cipher: Cipher) -> bytes:
    """The key of one direction, which *label* says (RFC 5869, without salt)."""
    info = b"ingress datagram 1" + label + epoch.to_bytes(2, "big") + bytes([cipher])
    return HKDF(SHA256(), KEY_SIZES[cipher], None, info).derive(secret)


class Epoch:
    """What two ends of a label have in common for a while: both keys, and what each direction has counted."""

    __slots__ = ("counter", "decrypt", "encrypt", "name", "secret", "window")

    def __init__(self, name: int, cipher: Cipher, secret: bytes, outgoing: bytes) -> None:
        """*outgoing* is the label with the direction in which this end sends."""
        self.name = name
        self.secret = secret
        self.encrypt: Crypt = _aead(cipher, derive(secret, outgoing, name, cipher)).encrypt
        self.decrypt: Crypt = _aead(cipher, derive(secret, turned(outgoing), name, cipher)).decrypt
        self.counter = 0
        """Datagrams that were sealed; probes count for themselves, in all epochs together."""
        self.window = ReplayWindow()
