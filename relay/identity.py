"""Who this node is, and who is at the other end: TLS 1.3 with our own CA, and nothing else, both ways.

What must stay true: there is no way to switch a check off. The CA and the role (clients are ingresses, servers are
nodes) are checked inside the handshake, by the extended key usage; the name is checked by `require_peer` right
after it, against the only name in the certificate. No name is sent in clear (no SNI).

An identity is proved when it is loaded, by a handshake with itself in memory, so that a wrong key folder is an error
at the start and not at the first dial.
"""

import datetime
import hashlib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import attrs

from relay.errors import OperatorError
from relay.files import read_file
from relay.private import read_private, unreadable

CA_FILE: Final = "ca.pem"
CERTIFICATE_FILE: Final = "node.pem"
KEY_FILE: Final = "node.key"

EXPIRY_WARNING: Final = 30 * 86_400.0
"""Seconds before a certificate's end from which it is spoken of: time enough to bring new keys to every node."""

_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED, and the like below (openssl/x509_vfy.h)
_NOT_YET_VALID: Final = 9
_WRONG_PURPOSE: Final = 26


class KeysError(OperatorError):
    """The files of a key folder cannot be used; the text names the file and what to do."""


class PeerError(Exception):
    """The other end has a certificate of ours, and is not who it has to be; `found` is its name, if it has one."""

    def __init__(self, text: str, found: str = "") -> None:
        super().__init__(text)
        self.found = found


@attrs.frozen
class Identity:
    """One node's certificate, ready to use. Contexts may be shared by any number of connections."""

    name: str
    expires: float
    """When the certificate ends, in seconds since 1970 UTC."""
    is_ingress: bool
    """Whether the certificate is for clients (an ingress) and not for servers (a node)."""
    network: bytes
    """The tag of the network, with which the labels of its datagrams begin."""
    _server: ssl.SSLContext = attrs.field(repr=False)
    _client: ssl.SSLContext = attrs.field(repr=False)

    def server_context(self) -> ssl.SSLContext:
        """For carriers that arrive: the client has to show an ingress certificate of our CA."""
        return self._server

    def client_context(self) -> ssl.SSLContext:
        """For carriers that are dialled: the server has to show a node certificate of our CA."""
        return self._client


def load_identity(keys_folder: Path | str, name: str) -> Identity:
    """What the folder *name* in *keys_folder* holds. KeysError names the file that is wrong, and the mend."""
    folder = Path(keys_folder) / name
    for file in (CA_FILE, CERTIFICATE_FILE, KEY_FILE):
        _refuse_unreadable(folder / file)
    _read_private_key(folder / KEY_FILE)
    server, client = _context(folder, ssl.PROTOCOL_TLS_SERVER), _context(folder, ssl.PROTOCOL_TLS_CLIENT)
    server.num_tickets = 0  # a ticket behind the handshake would be read as the next hop's bytes
    is_ingress, certificate = _prove(folder, server, client)
    found = _only_name(certificate)
    if found != name:
        raise KeysError(f'{folder / CERTIFICATE_FILE}: is of "{found}", not of "{name}"; bring the folder of {name}')
    expires = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return Identity(name, expires, is_ingress, _network_of(client), server, client)


def _network_of(context: ssl.SSLContext) -> bytes:
    """The tag of the network whose CA *context* believes; its highest bit is 0."""
    certificates = b"".join(sorted(context.get_ca_certs(binary_form=True)))
    digest = hashlib.sha256(b"ingress datagram network" + certificates).digest()
    return bytes([digest[0] & 0x7F, *digest[1:4]])


def peer_name(connection: ssl.SSLObject) -> str:
    """The name in the certificate of the other end, whose handshake is done. PeerError if it has not exactly one."""
    found = _only_name(connection.getpeercert() or {})
    if found is None:
        raise PeerError("the certificate of the other end has not exactly one name")
    return found


def require_peer(connection: ssl.SSLObject, name: str) -> None:
    """PeerError unless the other end is *name*."""
    found = peer_name(connection)
    if found != name:
        raise PeerError(f'the other end is "{found}", and not "{name}"', found)


def expiry_warning(name: str, expires: float, now: float) -> str | None:
    """One line that says when the certificate of *name* ends and what to run, None while that is far off.

    *expires* and *now* are seconds since 1970 UTC.
    """
    if expires - now >= EXPIRY_WARNING:
        return None
    day = datetime.datetime.fromtimestamp(expires, datetime.UTC).date()
    return (
        f"the certificate of {name} {'ends' if now < expires else 'ended'} on {day}; run `ingress keys --renew {name}`"
    )


def _only_name(certificate: Mapping[str, object]) -> str | None:
    match certificate.get("subjectAltName"):
        case (("DNS", str(name)),):
            return name
    return None


def _refuse_unreadable(path: Path) -> None:
    """KeysError if OpenSSL, which opens *path* by itself, would fail at it, or wait for ever."""
    try:
        read_file(path)
    except (FileNotFoundError, NotADirectoryError):
        raise KeysError(
            f"{path}: there is no such file; run `ingress keys`, or bring the folder {path.parent}"
        ) from None
    except OSError as error:
        raise KeysError(f"{path}: {unreadable(path, error)}") from error


def _read_private_key(path: Path) -> None:
    try:
        read_private(path)
    except OperatorError as error:
        raise KeysError(str(error)) from error


def _context(folder: Path, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # names of nodes are not host names: require_peer checks them
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with _errors_about(folder / CA_FILE):
        context.load_verify_locations(folder / CA_FILE)
    with _errors_about(folder / CERTIFICATE_FILE):
        context.load_cert_chain(folder / CERTIFICATE_FILE, folder / KEY_FILE, password=lambda: b"")
    return context


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Errors of OpenSSL about *path* become ours."""
    try:
        yield
    except ssl.SSLError as error:
        is_pair = error.reason == "KEY_VALUES_MISMATCH"
        what = f"does not belong to {KEY_FILE}" if is_pair else f"cannot be understood ({error.reason or error})"
        raise KeysError(f"{path}: {what}; {_renew(path.parent)}") from error
    except OSError as error:
        raise KeysError(f"{path}: {unreadable(path, error)}") from error


def _renew(folder: Path) -> str:
    return f"run `ingress keys --renew {folder.name}` where the CA is, and bring the folder again"


def _prove(folder: Path, server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[bool, Mapping[str, object]]:
    """Whether the certificate is an ingress's, and the certificate itself, as another node would see it.

    It serves one role only: what is refused as a node's is an ingress's, or it is wrong.
    """
    try:
        return False, _seen_by_client(server, client)
    except ssl.SSLError as error:
        if getattr(error, "verify_code", None) != _WRONG_PURPOSE:
            raise KeysError(_explain(folder, error)) from error
    trusting = _context(folder, ssl.PROTOCOL_TLS_CLIENT)
    trusting.verify_mode = ssl.CERT_NONE  # it talks to itself in memory, and only the server's verdict is asked for
    try:
        return True, _seen_by_server(server, trusting)
    except ssl.SSLError as error:
        raise KeysError(_explain(folder, error)) from error


def _explain(folder: Path, error: ssl.SSLError) -> str:
    certificate, code = folder / CERTIFICATE_FILE, getattr(error, "verify_code", None)
    if code == _EXPIRED:
        return f"{certificate}: has expired; {_renew(folder)}"
    if code == _NOT_YET_VALID:
        return f"{certificate}: is not valid yet; set this machine's clock"
    reason = getattr(error, "verify_message", error.reason)
    return f"{certificate}: is not good with {folder / CA_FILE} ({reason}); {_renew(folder)}"


def _seen_by_client(server: ssl.SSLContext, client: ssl.SSLContext) -> Mapping[str, object]:
    """The server's certificate as the client accepts it, by a handshake in memory."""
    at_client, _ = _half_shake(server, client)
    return at_client.getpeercert() or {}


def _seen_by_server(server: ssl.SSLContext, client: ssl.SSLContext) -> Mapping[str, object]:
    """The client's certificate as the server accepts it."""
    _, at_server = _half_shake(server, client)
    at_server.do_handshake()
    return at_server.getpeercert() or {}


def _half_shake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends at the moment when the client is through and the server has yet to look at its certificate."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    at_client = client.wrap_bio(to_client, to_server)
    at_server = server.wrap_bio(to_server, to_client, server_side=True)
    for end in (at_client, at_server):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    at_client.do_handshake()
    return at_client, at_server
