"""Where a system runs: its ports, its certificates, the emulated lines between its nodes, the target behind it."""

import datetime
import ipaddress
import json
import pathlib
import random
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
PORTS = range(20000, 32000)
"""Below what the kernel gives to outgoing connections, so that none of those takes a listener's port."""


def free_ports() -> Iterator[int]:
    """Ports on which nobody listens, in no order and none twice."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        yield port


@dataclass(frozen=True)
class Certificate:
    """One certificate for every hop of a peer, its key, and both in one file."""

    cert: str
    key: str
    both: str


def make_certificate(folder: pathlib.Path) -> Certificate:
    """A self-signed P-256 certificate for localhost and 127.0.0.1, valid for a week."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))]
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_pem = cert.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = {"cert.pem": cert_pem, "key.pem": key_pem, "both.pem": cert_pem + key_pem}
    for file, data in made.items():
        (folder / file).write_bytes(data)
    return Certificate(*(str(folder / file) for file in made))


@dataclass(frozen=True)
class Hop:
    """A node behind the ingress: where it listens, and where it is dialled (a line's entry, or the same)."""

    role: str
    port: int
    entry: int
    host: str = HOST
    """Its address; on one machine all have the same."""


@dataclass(frozen=True)
class Place:
    """Where one system runs."""

    folder: pathlib.Path
    certificate: Certificate
    socks: int
    """The port of the ingress."""
    hops: Sequence[Hop]
    target: str

    def write(self, name: str, content: object) -> str:
        """Write a configuration file: text as it is, all else as JSON. Gives its path."""
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return str(path)


@dataclass(frozen=True)
class Weather:
    """What an emulated line is like: round trip in seconds, rate in Mbit/s, if it has any.

    How long bytes may wait for the rate is the emulator's to say: ingress.demo.emulator.flight.QUEUE.
    """

    round_trip: float
    rate: float | None = None


REFERENCE = (Weather(0.030), Weather(0.100), Weather(0.002))
"""Shanghai to Japan, Japan to the US west, one data centre to the next: 132 ms in all."""


def roles(count: int) -> list[str]:
    """The names of so many nodes behind the ingress: hop1, …, exit."""
    return [*(f"hop{number}" for number in range(1, count)), "exit"]
