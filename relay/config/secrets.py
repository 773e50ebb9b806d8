"""Passwords, read when they are needed: from a file that only its owner can read, or from the environment."""

import codecs
import os
from pathlib import Path

from relay.errors import OperatorError
from relay.model.network import Secret
from relay.private import read_private


def read_secret(secret: Secret) -> str:
    """The password itself, without the newline that editors add. OperatorError says what is missing and where."""
    if secret.file is not None:
        return _decoded(read_private(Path(secret.file)), secret.file).rstrip("\r\n")
    assert secret.env is not None, "a secret has a file or a variable"
    if secret.env not in os.environ:
        raise OperatorError(f"the environment has no {secret.env}, which holds a password; set it before starting")
    return os.environ[secret.env]


def _decoded(data: bytes, file: str) -> str:
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        raise OperatorError(f"{file}: is not UTF-8 text; save the password as UTF-8") from None
