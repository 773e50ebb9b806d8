"""The bytes of every download: the same for everyone who knows how many, so that each end can check them alone.

They repeat after a prime number of bytes: a block lost, doubled or moved by whatever size buffers have is seen.
"""

import hashlib
from random import Random

PERIOD = 1_048_573
"""Bytes until they repeat: the largest prime below 1 MiB."""
_BLOCK = Random("ingress").randbytes(PERIOD) * 2


def content(offset: int, size: int) -> bytes:
    """The bytes from *offset* on; *size* is at most PERIOD."""
    start = offset % PERIOD
    return _BLOCK[start : start + size]


def sha256_of(size: int) -> str:
    """SHA-256 of the first *size* bytes, as hexadecimal digits."""
    sha = hashlib.sha256()
    for offset in range(0, size, PERIOD):
        sha.update(content(offset, min(PERIOD, size - offset)))
    return sha.hexdigest()
