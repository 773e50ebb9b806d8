"""Who may be whom: every certificate in every role but its own is turned away, and no application byte gets out."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

pytestmark = pytest.mark.network
LINES = [
    {"name": "ix-one", "start": "shanghai", "end": "jp-one", "round_trip": 0.01},
    {"name": "one-us", "start": "jp-one", "end": "us-one", "round_trip": 0.02},
    {"name": "direct", "start": "shanghai", "end": "us-one", "round_trip": 0.05},
]
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


def heard_as_client(network: Any, node: str, who: str | None) -> str:
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
def test_nodes_are_not_let_in_where_an_ingress_is_needed(network: Any, node: str, who: str | None) -> None:
    assert heard_as_client(network, node, who) == "refused"


@pytest.mark.parametrize("node", NODES)
def test_the_ingress_is_let_in(network: Any, node: str) -> None:
    assert heard_as_client(network, node, "shanghai") == "quiet"


@contextlib.contextmanager
def impostor(network: Any, node: str, who: str) -> Iterator[list[bytes]]:
    """Somebody with *who*'s certificate listens where *node* did; gives the application bytes it was sent."""
    heard: list[bytes] = []
    made = context(ssl.PROTOCOL_TLS_SERVER, network.folder, who)

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.settimeout(5)
                with contextlib.suppress(OSError), made.wrap_socket(sock, server_side=True) as secure:
                    heard.append(secure.recv(1000))

    with socket.create_server(("127.0.0.1", network.ports[node])) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield heard
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("node", ["jp-one", "us-one"])
def test_an_impostor_gets_nothing_and_is_named(start_network: Any, node: str) -> None:
    network = start_network(LINES, ["us-one"])
    network.kill(node)
    for who in ("jp-one", "us-one", "shanghai", "stranger"):
        if who == node:
            continue
        with impostor(network, node, who) as heard:
            network.until(lambda answer: any(path["state"] == "auth" for path in answer["paths"]))
        assert not any(heard)
        network.until(lambda answer: all(path["state"] != "auth" for path in answer["paths"]))
    if node == "jp-one":
        assert network.get("/bytes/10")  # the other path serves
