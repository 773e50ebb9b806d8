"""Makes the CA and one key folder for each node: what `ingress keys` does.

What must stay true: nothing that exists is overwritten, unless it is renewed by name; the CA's key is never written
outside its own folder. Folders are ready to be copied to their node as they are.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingress.certificates import Authority, certificate_bytes, key_bytes, make_authority, new_key, sign_node
from relay.files import read_file
from relay.identity import CA_FILE, CERTIFICATE_FILE, KEY_FILE, KeysError
from relay.private import read_private, write_private

CA_KEY_FILE: Final = "ca.key"


def ca_folder(keys: Path) -> Path:
    """Where the CA is: beside the folder *keys*, and never copied to a node."""
    return keys.parent / "ca"


def make_keys(
    keys: Path, ingresses: Sequence[str], nodes: Sequence[str], now: datetime.datetime, renew: str | None = None
) -> list[Path]:
    """Add the CA and what is missing in the folders of *ingresses* and *nodes*; renew the certificate of one.

    Returns the files that were written. KeysError says what stands in the way.
    """
    may_make = not _any_folder(keys, (*ingresses, *nodes))
    authority, written = _open_authority(ca_folder(keys), now, may_make=may_make)
    for name in (*ingresses, *nodes):
        folder = _NodeFolder(keys / name, authority, name in ingresses, now)
        written += folder.renew() if name == renew else folder.add_missing()
    return written


class _NodeFolder:
    """The folder of one node or ingress; its methods return the files they wrote."""

    def __init__(self, folder: Path, authority: Authority, is_ingress: bool, now: datetime.datetime) -> None:
        self._folder = folder
        self._authority = authority
        self._is_ingress = is_ingress
        self._now = now

    def add_missing(self) -> list[Path]:
        key, certificate = self._folder / KEY_FILE, self._folder / CERTIFICATE_FILE
        if not key.exists() and certificate.exists():
            raise KeysError(f"{key}: is missing; run `ingress keys --renew {self._folder.name}` to make a new pair")
        written = self._add_ca()
        if not key.exists():
            write_private(key, key_bytes(new_key()))
            written.append(key)
        if not certificate.exists():
            self._certify(_read_key(key))
            written.append(certificate)
        return written

    def renew(self) -> list[Path]:
        key = new_key()
        written = self._add_ca()
        write_private(self._folder / KEY_FILE, key_bytes(key))
        self._certify(key)
        return [*written, self._folder / KEY_FILE, self._folder / CERTIFICATE_FILE]

    def _add_ca(self) -> list[Path]:
        path, data = self._folder / CA_FILE, certificate_bytes(self._authority.certificate)
        if not path.exists():
            write_private(path, data)
            return [path]
        if read_file(path) != data:
            raise KeysError(
                f"{path}: is of another CA; move the folder {self._folder} away and run `ingress keys` again"
            )
        return []

    def _certify(self, key: ec.EllipticCurvePrivateKey) -> None:
        certificate = sign_node(self._authority, self._folder.name, key, self._is_ingress, self._now)
        write_private(self._folder / CERTIFICATE_FILE, certificate_bytes(certificate))


def _any_folder(keys: Path, names: Sequence[str]) -> bool:
    return any((keys / name / CERTIFICATE_FILE).exists() for name in names)


def _open_authority(folder: Path, now: datetime.datetime, *, may_make: bool) -> tuple[Authority, list[Path]]:
    """The CA in *folder*, and the files that were written to make it: none, if it was there."""
    certificate, key = folder / CA_FILE, folder / CA_KEY_FILE
    if certificate.exists() and key.exists():
        return Authority(_read_certificate(certificate), _read_key(key)), []
    if certificate.exists() or key.exists() or not may_make:
        lost = key if certificate.exists() else certificate
        raise KeysError(f"{lost}: is missing; bring back the CA that made these keys, or move them away to start anew")
    authority = make_authority(now)
    write_private(key, key_bytes(authority.key))
    write_private(certificate, certificate_bytes(authority.certificate))
    return authority, [key, certificate]


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(read_private(path))
    except ValueError as error:
        raise KeysError(f"{path}: is not a certificate; bring it back from a copy") from error


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError) as error:
        raise KeysError(f"{path}: is not a private key without password; bring it back from a copy") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeysError(f"{path}: is not an elliptic-curve key; bring it back from a copy")
    return key
