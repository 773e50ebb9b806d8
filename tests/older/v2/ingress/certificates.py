"""Certificates of a network: its CA's, and those it signs for nodes and ingresses. Pure: keys in, certificates out.

What must stay true: a certificate serves one role, clients for an ingress and servers for a node.
"""

import datetime
import secrets
from typing import Final

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFE: Final = datetime.timedelta(days=20 * 365)
NODE_LIFE: Final = datetime.timedelta(days=5 * 365)
BACKDATED: Final = datetime.timedelta(days=1)
"""Certificates are valid from this long ago: the clocks of rented machines may be hours off."""


@attrs.frozen
class Authority:
    """The CA."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_authority(now: datetime.datetime) -> Authority:
    """A new CA, which signs certificates of nodes and no other CA's."""
    key = new_key()
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


def sign_node(
    authority: Authority, name: str, key: ec.EllipticCurvePrivateKey, is_ingress: bool, now: datetime.datetime
) -> x509.Certificate:
    """The certificate of *name*: a client's for an ingress, else a server's. It ends with its CA, if not before."""
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


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate_bytes(certificate: x509.Certificate) -> bytes:
    """*certificate* as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """*key* as PEM (PKCS #8), without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
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
