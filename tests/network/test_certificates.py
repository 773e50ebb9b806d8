"""Who may be whom: every certificate in every role but its own is turned away, and no application byte gets out."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trustme

from tests.network.network import Network, until

pytestmark = pytest.mark.network
NODES = ("jp-dmit", "us-dmit")
STRANGER = trustme.CA().issue_cert("shanghai", common_name="shanghai")
NOBODY = None


def context(role: int, folder: Path, who: str | None) -> ssl.SSLContext:
    """TLS as *who* (a name in the folder of keys, `stranger`, or nobody) that checks nothing of the other side."""
    made = ssl.SSLContext(role)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if who == "stranger":
        STRANGER.configure_cert(made)
    elif who is not None:
        made.load_cert_chain(folder / "keys" / who / "node.pem", folder / "keys" / who / "node.key")
    return made


def heard_as_client(network: Network, node: str, who: str | None) -> str:
    """What a client with that certificate hears from *node*: `refused`, or `quiet` when it is let in and waited for."""
    made = context(ssl.PROTOCOL_TLS_CLIENT, network.folder, who)
    with socket.create_connection(("127.0.0.1", network.ports[node]), timeout=5) as sock:
        try:
            with made.wrap_socket(sock) as secure:
                secure.settimeout(0.5)
                assert secure.recv(1) == b""
        except TimeoutError:
            return "quiet"
        except (ssl.SSLError, ConnectionError):
            return "refused"
    return "refused"


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize("who", [NOBODY, "stranger", "jp-dmit", "us-dmit", "us-nube"])
def test_nodes_are_not_let_in_where_an_ingress_is_needed(network: Network, node: str, who: str | None) -> None:
    assert heard_as_client(network, node, who) == "refused"


@pytest.mark.parametrize("node", NODES)
def test_the_ingress_is_let_in(network: Network, node: str) -> None:
    assert heard_as_client(network, node, "shanghai") == "quiet"


class Impostor:
    """Listens where *node* did, with one certificate of *whose* after another, a new one for each carrier."""

    def __init__(self, network: Network, node: str, whose: Sequence[str]) -> None:
        self.heard: list[bytes] = []
        """The application bytes that it was sent."""
        self.tried: list[str] = []
        """Under whose name it was spoken to."""
        self._contexts = {who: context(ssl.PROTOCOL_TLS_SERVER, network.folder, who) for who in whose}
        self._listener = socket.create_server(("127.0.0.1", network.ports[node]))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.settimeout(5)
                with contextlib.suppress(OSError), sock:
                    self._speak(sock)

    def _speak(self, sock: socket.socket) -> None:
        if not sock.recv(1, socket.MSG_PEEK):
            return  # a dial that measures the line: it says nothing
        who = next((who for who in self._contexts if who not in self.tried), next(iter(self._contexts)))
        self.tried.append(who)
        with self._contexts[who].wrap_socket(sock, server_side=True) as secure:
            self.heard.append(secure.recv(1000))

    def end(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()


@pytest.fixture
def impostors(breakable: Network) -> Iterator[dict[str, Impostor]]:
    """A relay and an exit are gone, and somebody listens in their places."""
    found = {}
    for node, other in (("jp-one", "us-one"), ("us-two", "jp-two")):
        breakable.kill(node)
        found[node] = Impostor(breakable, node, [other, "shanghai", "stranger"])
    yield found
    for impostor in found.values():
        impostor.end()


def test_impostors_get_nothing_and_are_named(breakable: Network, impostors: dict[str, Impostor]) -> None:
    def was_everybody() -> bool:
        return all(len(set(impostor.tried)) == 3 for impostor in impostors.values())

    until(was_everybody, lambda: [impostor.tried for impostor in impostors.values()])
    breakable.until(lambda answer: all(states(answer)[path] == "auth" for path in ("ix-one/one-one", "ix-two/two-two")))
    assert not any(byte for impostor in impostors.values() for byte in impostor.heard)
    told = [event["why"] for event in breakable.log("shanghai") if event["event"] == "carrier-failed"]
    assert any('the other end is "us-one", and not "jp-one"' in why for why in told)
    assert any("what answers there is not to be trusted" in why for why in told)
    assert breakable.get("/bytes/10")  # by the way that is left


def states(answer: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {path["path"]: path["state"] for path in answer["paths"]}
