import datetime
import socket
import ssl
import threading
from pathlib import Path

import pytest

from ingress.keys import make_keys
from relay.identity import (
    EXPIRY_WARNING,
    Identity,
    KeysError,
    PeerError,
    expiry_warning,
    load_identity,
    peer_name,
    require_peer,
)

NOW = datetime.datetime.now(datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=6 * 365)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sets of keys: of our CA, of another, and of ours six years ago."""
    root = tmp_path_factory.mktemp("keys")
    for name, moment in (("ours", NOW), ("foreign", NOW), ("expired", LONG_AGO)):
        make_keys(root / name / "keys", ["shanghai"], ["jp", "us"], moment)
    return root


def ours(keys: Path, name: str) -> Identity:
    return load_identity(keys / "ours" / "keys", name)


def raw_context(protocol: int, folder: Path, trusted: Path) -> ssl.SSLContext:
    """What a stranger may come with: any certificate, trusting whom he likes."""
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE if protocol == ssl.PROTOCOL_TLS_CLIENT else ssl.CERT_REQUIRED
    context.load_verify_locations(trusted / "ca.pem")
    context.load_cert_chain(folder / "node.pem", folder / "node.key")
    return context


class Meeting:
    """Both ends of one handshake over real sockets: what each saw, or the error it got."""

    def __init__(self, server: ssl.SSLContext, client: ssl.SSLContext, dialled: str | None = None) -> None:
        self._dialled = dialled
        self.at_server: str | OSError | PeerError = ""
        self.at_client: str | OSError | PeerError = ""
        near, far = socket.socketpair()
        near.settimeout(10)
        far.settimeout(10)
        thread = threading.Thread(target=self._serve, args=(server, far))
        thread.start()
        self._dial(client, near)
        thread.join()

    def _serve(self, context: ssl.SSLContext, sock: socket.socket) -> None:
        with sock:
            try:
                with context.wrap_socket(sock, server_side=True) as connection:
                    self.at_server = peer_name(connection)
                    connection.sendall(b"!")
            except (OSError, PeerError) as error:
                self.at_server = error

    def _dial(self, context: ssl.SSLContext, sock: socket.socket) -> None:
        with sock:
            try:
                with context.wrap_socket(sock) as connection:
                    connection.recv(1)  # only now does a TLS 1.3 client learn that it was refused
                    self.at_client = peer_name(connection)
                    if self._dialled is not None:
                        require_peer(connection, self._dialled)
            except (OSError, PeerError) as error:
                self.at_client = error


def test_the_right_two_meet_and_know_each_other(keys: Path) -> None:
    meeting = Meeting(ours(keys, "us").server_context(), ours(keys, "shanghai").client_context())
    assert (meeting.at_server, meeting.at_client) == ("shanghai", "us")


def test_a_node_that_is_not_the_one_dialled_is_refused(keys: Path) -> None:
    server, client = ours(keys, "jp").server_context(), ours(keys, "shanghai").client_context()
    assert str(Meeting(server, client, dialled="us").at_client) == 'the other end is "jp", and not "us"'
    assert Meeting(server, client, dialled="jp").at_client == "jp"


def test_a_certificate_is_spoken_of_30_days_before_its_end() -> None:
    noon = datetime.datetime(2030, 1, 31, 12, tzinfo=datetime.UTC).timestamp()
    assert expiry_warning("us", noon, noon - EXPIRY_WARNING) is None
    told = "the certificate of us ends on 2030-01-31; run `ingress keys --renew us`"
    assert expiry_warning("us", noon, noon - EXPIRY_WARNING + 1) == told
    assert expiry_warning("us", noon, noon) == told.replace("ends", "ended")


def test_an_identity_knows_its_role_and_its_end(keys: Path) -> None:
    assert ours(keys, "shanghai").is_ingress
    assert not ours(keys, "us").is_ingress
    assert ours(keys, "us").expires == pytest.approx((NOW + datetime.timedelta(days=5 * 365)).timestamp(), abs=2)


@pytest.mark.parametrize("stranger", ["foreign/keys/shanghai", "ours/keys/jp", "expired/keys/shanghai"])
def test_a_server_refuses_other_cas_other_roles_and_expired_clients(keys: Path, stranger: str) -> None:
    client = raw_context(ssl.PROTOCOL_TLS_CLIENT, keys / stranger, keys / "foreign/keys/us")
    meeting = Meeting(ours(keys, "us").server_context(), client)
    assert isinstance(meeting.at_server, ssl.SSLCertVerificationError)
    assert isinstance(meeting.at_client, OSError)


@pytest.mark.parametrize("stranger", ["foreign/keys/us", "ours/keys/shanghai", "expired/keys/us"])
def test_a_client_refuses_other_cas_other_roles_and_expired_servers(keys: Path, stranger: str) -> None:
    server = raw_context(ssl.PROTOCOL_TLS_SERVER, keys / stranger, keys / "ours/keys/us")
    meeting = Meeting(server, ours(keys, "shanghai").client_context())
    assert isinstance(meeting.at_client, ssl.SSLCertVerificationError)


def test_a_server_refuses_a_client_without_certificate(keys: Path) -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    meeting = Meeting(ours(keys, "us").server_context(), client)
    assert isinstance(meeting.at_server, ssl.SSLError)
    assert isinstance(meeting.at_client, OSError)


def test_older_tls_is_refused(keys: Path) -> None:
    client = raw_context(ssl.PROTOCOL_TLS_CLIENT, keys / "ours/keys/shanghai", keys / "ours/keys/shanghai")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    meeting = Meeting(ours(keys, "us").server_context(), client)
    assert isinstance(meeting.at_server, ssl.SSLError)


class Shown:
    """A connection whose other end showed this certificate."""

    def __init__(self, *names: tuple[str, str]) -> None:
        self._certificate = {"subjectAltName": names} if names else {}

    def getpeercert(self) -> dict[str, object]:
        return dict(self._certificate)


def test_the_peer_must_have_the_one_right_name() -> None:
    require_peer(Shown(("DNS", "us")), "us")  # type: ignore[arg-type]
    with pytest.raises(PeerError, match='is "jp", and not "us"'):
        require_peer(Shown(("DNS", "jp")), "us")  # type: ignore[arg-type]
    for names in ((), (("DNS", "us"), ("DNS", "jp")), (("IP Address", "192.0.2.1"),)):
        with pytest.raises(PeerError, match="not exactly one name"):
            require_peer(Shown(*names), "us")  # type: ignore[arg-type]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    make_keys(tmp_path / "keys", ["shanghai"], ["jp", "us"], NOW)
    return tmp_path / "keys"


@pytest.mark.parametrize("file", ["ca.pem", "node.pem", "node.key"])
def test_a_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / "us" / file).unlink()
    with pytest.raises(KeysError, match=f"us/{file}: there is no such file; run `ingress keys`"):
        load_identity(copy, "us")


@pytest.mark.parametrize("file", ["ca.pem", "node.pem", "node.key"])
def test_rubbish_is_named(copy: Path, file: str) -> None:
    (copy / "us" / file).write_bytes(b"rubbish")
    with pytest.raises(KeysError, match=r"us/\S+: cannot be understood .*--renew us"):
        load_identity(copy, "us")


def test_a_key_that_others_can_read_is_refused(copy: Path) -> None:
    (copy / "us" / "node.key").chmod(0o644)
    with pytest.raises(KeysError, match="chmod 600"):
        load_identity(copy, "us")


def test_a_key_of_another_certificate_is_named(copy: Path) -> None:
    (copy / "us" / "node.key").write_bytes((copy / "jp" / "node.key").read_bytes())
    with pytest.raises(KeysError, match=r"does not belong to node\.key"):
        load_identity(copy, "us")


def test_the_folder_of_another_node_is_named(copy: Path) -> None:
    (copy / "jp").rename(copy / "eu")
    with pytest.raises(KeysError, match='is of "jp", not of "eu"'):
        load_identity(copy, "eu")


def test_another_ca_is_named(copy: Path, keys: Path) -> None:
    (copy / "us" / "ca.pem").write_bytes((keys / "foreign/keys/us/ca.pem").read_bytes())
    with pytest.raises(KeysError, match=r"is not good with .*ca\.pem"):
        load_identity(copy, "us")


@pytest.mark.parametrize("name", ["us", "shanghai"])
def test_expired_keys_are_refused_at_the_start(keys: Path, name: str) -> None:
    with pytest.raises(KeysError, match=f"has expired; run `ingress keys --renew {name}`"):
        load_identity(keys / "expired" / "keys", name)


def test_keys_of_tomorrow_blame_the_clock(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys", [], ["us"], NOW + datetime.timedelta(days=3))
    with pytest.raises(KeysError, match="set this machine's clock"):
        load_identity(tmp_path / "keys", "us")
