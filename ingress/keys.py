"""Makes the CA and one key folder for each node: what `ingress keys` does.

What must stay true: nothing that exists is overwritten, unless it is renewed by name; the CA's key leaves its folder
never; a certificate serves one role, clients for an ingress and servers for a node. Folders are ready to be copied to
their node as they are.
"""

import datetime
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from relay.identity import CA_FILE, CERTIFICATE_FILE, KEY_FILE, KeysError
from relay.private import read_private, write_private

CA_LIFE: Final = datetime.timedelta(days=20 * 365)
NODE_LIFE: Final = datetime.timedelta(days=5 * 365)
BACKDATED: Final = datetime.timedelta(days=1)
"""Certificates are valid from this long ago: the clocks of rented machines may be hours off."""

CA_KEY_FILE: Final = "ca.key"


@attrs.frozen
class Authority:
    """The CA: signs what `Folder` makes."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ca_folder(keys: Path) -> Path:
    """Where the CA is: beside the folder *keys*, and never copied to a node."""
    return keys.parent / "ca"


def make_keys(
    keys: Path, ingresses: Sequence[str], nodes: Sequence[str], now: datetime.datetime, renew: str | None = None
) -> list[Path]:
    """Add the CA and what is missing in the folders of *ingresses* and *nodes*; renew the certificate of one.

    Returns the files that were written. KeysError says what stands in the way.
    """
    written: list[Path] = []
    authority = _open_authority(ca_folder(keys), now, written, is_new=not _any_folder(keys, (*ingresses, *nodes)))
    for name in (*ingresses, *nodes):
        maker = _Maker(keys / name, authority, name in ingresses, now)
        written += maker.renew() if name == renew else maker.add_missing()
    return written


class _Maker:
    """Makes one node's files."""

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
            write_private(key, _key_bytes(ec.generate_private_key(ec.SECP256R1())))
            written.append(key)
        if not certificate.exists():
            self._certify(_read_key(key))
            written.append(certificate)
        return written

    def renew(self) -> list[Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        written = self._add_ca()
        write_private(self._folder / KEY_FILE, _key_bytes(key))
        self._certify(key)
        return [*written, self._folder / KEY_FILE, self._folder / CERTIFICATE_FILE]

    def _add_ca(self) -> list[Path]:
        path, data = self._folder / CA_FILE, _certificate_bytes(self._authority.certificate)
        if not path.exists():
            write_private(path, data)
            return [path]
        if path.read_bytes() != data:
            raise KeysError(
                f"{path}: is of another CA; move the folder {self._folder} away and run `ingress keys` again"
            )
        return []

    def _certify(self, key: ec.EllipticCurvePrivateKey) -> None:
        certificate = _sign_node(self._authority, self._folder.name, key, self._is_ingress, self._now)
        write_private(self._folder / CERTIFICATE_FILE, _certificate_bytes(certificate))


def _any_folder(keys: Path, names: Sequence[str]) -> bool:
    return any((keys / name / CERTIFICATE_FILE).exists() for name in names)


def _open_authority(folder: Path, now: datetime.datetime, written: list[Path], *, is_new: bool) -> Authority:
    certificate, key = folder / CA_FILE, folder / CA_KEY_FILE
    if certificate.exists() and key.exists():
        return Authority(_read_certificate(certificate), _read_key(key))
    if certificate.exists() or key.exists() or not is_new:
        lost = key if certificate.exists() else certificate
        raise KeysError(f"{lost}: is missing; bring back the CA that made these keys, or move them away to start anew")
    authority = _make_authority(now)
    write_private(key, _key_bytes(authority.key))
    write_private(certificate, _certificate_bytes(authority.certificate))
    written += [key, certificate]
    return authority


def _make_authority(now: datetime.datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _random_name())])
    certificate = (
        _builder(name, name, key, now, now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def _random_name() -> str:
    """Of a CA. A node shows its certificate, and with it this name, to whoever connects: it may not tell what runs
    there, nor be alike in two networks."""
    return secrets.token_hex(8)


def _sign_node(
    authority: Authority, name: str, key: ec.EllipticCurvePrivateKey, is_ingress: bool, now: datetime.datetime
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    role = ExtendedKeyUsageOID.CLIENT_AUTH if is_ingress else ExtendedKeyUsageOID.SERVER_AUTH
    ends = min(now + NODE_LIFE, authority.certificate.not_valid_after_utc)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return (
        _builder(subject, authority.certificate.subject, key, now, ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([role]), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
    ends: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(ends)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate_bytes(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


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
