"""Files are read again while streams ride: what changed is in force, what did not is not touched."""

import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network.clients import http_over
from tests.network.files import with_entry, with_table, without_line
from tests.network.load import Load
from tests.network.network import INGRESS, Network, best, until

pytestmark = pytest.mark.network


def reload_by_command(network: Network, name: str) -> tuple[int, str]:
    """Exit code and all that is said by `ingress reload` or `relay reload`."""
    program = "ingress" if name == INGRESS else "relay"
    done = network.run(program, "reload", "--admin", network.admin_of(name))
    return done.returncode, done.stdout + done.stderr


def count(network: Network, node: str, event: str) -> int:
    return sum(one["event"] == event for one in network.log(node))


def stale(answer: dict[str, list[dict[str, object]]]) -> set[object]:
    """The nodes whose file is another than the ingress's."""
    return {node["node"] for node in answer["nodes"] if node["stale_config"]}


def test_a_line_is_taken_out_while_streams_ride_on_it(breakable: Network) -> None:
    before = breakable.paths()["totals"]
    load = Load(breakable)
    load.until_flowing()
    line = best(breakable.paths()).split("/")[0]
    breakable.config.write_text(without_line(breakable.original, line))
    for name in (*breakable.nodes, INGRESS):
        code, told = reload_by_command(breakable, name)
        assert (code, told.count("\n")) == (0, 1) and "reloaded" in told
    answer = breakable.until(lambda answer: len(answer["paths"]) == 2)
    assert not any(line in path["path"] for path in answer["paths"])
    load.until_past()
    load.end()
    after = breakable.paths()["totals"]
    assert after["resumes"] == before["resumes"]  # they left by plan: nobody had to be rescued
    assert after["moves"] >= before["moves"] + 3
    assert after["lost"] == before["lost"]


def test_a_line_is_added_and_used_and_who_is_behind_is_named(breakable: Network) -> None:
    text = with_table(breakable.original, "[line.side]", 'from = "jp-two"', 'to = "us-one"')
    breakable.reload(text)
    answer = breakable.until(lambda answer: states(answer).get("ix-two/side") == "stale config")
    assert "jp-two" in next(path["reason"] for path in answer["paths"] if path["path"] == "ix-two/side")
    assert stale(answer) == {"jp-two", "us-one"}  # who dials the line, and where it ends: nobody else is concerned
    assert breakable.get("/bytes/1000")  # a difference hinders nobody who does not need it
    for node in breakable.nodes:
        breakable.signal(node, signal.SIGHUP)
    breakable.until(lambda answer: not stale(answer) and states(answer)["ix-two/side"] == "up")
    breakable.reload(without_line(without_line(text, "one-one"), "two-one"))  # now it alone leads to us-one
    breakable.until(lambda answer: best(answer) == "ix-two/side")
    before = bytes_over(breakable.paths(), "ix-two/side")
    assert breakable.get("/bytes/100000")
    breakable.until(lambda answer: bytes_over(answer, "ix-two/side") > before + 100_000)


def states(answer: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {path["path"]: path["state"] for path in answer["paths"]}


def bytes_over(answer: dict[str, list[dict[str, int]]], name: str) -> int:
    """Bytes that came over a path."""
    return next(path["bytes_down"] for path in answer["paths"] if str(path["path"]) == name)


def test_a_file_with_mistakes_changes_nothing_and_they_are_all_named(breakable: Network) -> None:
    with breakable.connect() as sock:
        http = http_over(sock)
        as_it_was = states(breakable.paths())
        text = breakable.original.replace('from = "shanghai"', 'from = "shanghay"', 1)
        breakable.config.write_text(with_entry(text, "[line.one-one]", 'colour = "blue"'))
        for name in (INGRESS, "jp-one", "us-one"):
            before = count(breakable, name, "reload-failed")
            code, told = reload_by_command(breakable, name)
            assert code == 1 and "shanghay" in told and "colour" in told and "Traceback" not in told
            assert all(line.startswith(("ingress: ", "relay: ")) for line in told.splitlines())
            breakable.signal(name, signal.SIGHUP)
            until(lambda name=name, both=before + 2: count(breakable, name, "reload-failed") == both)  # type: ignore[misc]
        assert states(breakable.paths()) == as_it_was
        http.request("GET", "/bytes/10")
        assert len(http.getresponse().read()) == 10
    breakable.config.write_text(breakable.original)


def test_a_pipe_in_the_place_of_the_file_holds_up_nobody(breakable: Network, pipe: Path) -> None:
    with breakable.connect() as sock:
        http = http_over(sock)
        for name in (INGRESS, "jp-one", "us-one"):
            before = count(breakable, name, "reload-failed")
            code, told = reload_by_command(breakable, name)
            assert code == 1 and told.endswith(f"{pipe.name}: is a named pipe and no file; put a file in its place\n")
            breakable.signal(name, signal.SIGHUP)
            until(lambda name=name, both=before + 2: count(breakable, name, "reload-failed") == both)  # type: ignore[misc]
        done = breakable.run("ingress", "check")
        assert done.returncode == 1 and "is a named pipe and no file" in done.stderr
        http.request("GET", "/bytes/10")
        assert len(http.getresponse().read()) == 10


@pytest.fixture
def pipe(breakable: Network) -> Iterator[Path]:
    """In the place of paths.toml, for one test: who writes into it would wait for ever, too."""
    breakable.config.unlink()
    os.mkfifo(breakable.config)
    yield breakable.config
    breakable.config.unlink()
    breakable.config.write_text(breakable.original)


def test_renewed_certificates_are_used_from_the_next_carrier_on(breakable: Network) -> None:
    with breakable.connect() as sock:
        http = http_over(sock)
        for name in ("us-one", INGRESS):
            done = breakable.run("ingress", "keys", "--renew", name)
            assert done.returncode == 0, done.stderr
            assert reload_by_command(breakable, name)[0] == 0
        assert shown_by(breakable, "us-one") == certificate_of(breakable, "us-one")
        assert breakable.get("/bytes/10")
        http.request("GET", "/bytes/10")  # on the carrier that was there before
        assert len(http.getresponse().read()) == 10
    breakable.kill("jp-two")
    assert shown_to(breakable, "jp-two") == certificate_of(breakable, INGRESS)


def certificate_of(network: Network, name: str) -> bytes:
    """The certificate that lies in the folder of *name*, as it is sent."""
    return ssl.PEM_cert_to_DER_cert(Path(network.keys, name, "node.pem").read_text())


def shown_by(network: Network, node: str) -> bytes | None:
    """The certificate that *node* shows to a caller."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = ("127.0.0.1", network.ports[node])
    with socket.create_connection(address, timeout=10) as sock, context.wrap_socket(sock) as tls:
        return tls.getpeercert(binary_form=True)


def shown_to(network: Network, node: str) -> bytes | None:
    """The certificate that the next caller shows, who finds us in the place of *node*."""
    folder = Path(network.keys, node)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "node.pem", folder / "node.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", network.ports[node])) as listener:
        listener.settimeout(30)
        while True:
            sock, _ = listener.accept()
            with sock:
                sock.settimeout(10)
                if sock.recv(1, socket.MSG_PEEK):  # else it was a dial that measures the line
                    with context.wrap_socket(sock, server_side=True) as tls:
                        return tls.getpeercert(binary_form=True)
