"""Programs that send datagrams: through a forward those that know no proxy, by UDP ASSOCIATE those that do."""

import contextlib
import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from ingress.demo.ports import free_ports
from tests.child import child
from tests.interop.conftest import PATIENCE, find
from tests.network.clients import receive
from tests.network.network import until
from tests.network.udp_place import UdpClient, UdpPlace, running_place

pytestmark = pytest.mark.network
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@attrs.frozen
class Forwarded:
    """A network with forwards to two ports of this machine."""

    place: UdpPlace
    dns: int
    dns_server: int
    both: int
    """TCP and UDP."""
    both_server: int


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forwarded]:
    dns, dns_server, both, both_server = free_ports(4)
    forwards = [(dns, "udp", dns_server), (both, "tcp", both_server), (both, "udp", both_server)]
    text = "".join(
        f'[[forward]]\nlisten = "127.0.0.1:{port}"\nprotocol = "{protocol}"\ntarget = "127.0.0.1:{server}"\n'
        for port, protocol, server in forwards
    )
    with running_place(tmp_path_factory.mktemp("udp"), behind=text) as place:
        yield Forwarded(place, dns, dns_server, both, both_server)


def run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def dns(network: Forwarded) -> Iterator[Forwarded]:
    """With a name server that knows one name."""
    options = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--pid-file="]
    where = ["--listen-address=127.0.0.1", f"--port={network.dns_server}", "--address=/game.test/192.0.2.7"]
    with child([find("dnsmasq"), *options, *where], **QUIET) as server:
        yield network
        server.terminate()


def test_dig_asks_over_a_forward(dns: Forwarded) -> None:
    answer = run(find("dig"), "+short", "+tries=10", "+time=1", "-p", str(dns.dns), "@127.0.0.1", "game.test")
    assert answer == "192.0.2.7\n"


def test_dnsperf_loses_nothing_over_a_forward(dns: Forwarded, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("game.test A\n")
    run(find("dig"), "+tries=10", "+time=1", "-p", str(dns.dns), "@127.0.0.1", "game.test")
    where = ["-s", "127.0.0.1", "-p", str(dns.dns), "-d", str(tmp_path / "names")]
    said = run(find("dnsperf"), *where, "-n", "500", "-c", "4", "-q", "20")
    assert "500 (100.00%)" in said


@pytest.mark.parametrize("way", [[], ["--reverse"]], ids=["up", "down"])
def test_iperf3_measures_over_forwards(network: Forwarded, way: list[str]) -> None:
    iperf3 = find("iperf3")
    with child([iperf3, "--server", "--one-off", "--port", str(network.both_server)], **QUIET) as server:
        until(lambda: _listens(network.both_server))
        client = [iperf3, "--client", "127.0.0.1", "--port", str(network.both), "--udp", "--json", *way]
        result = json.loads(run(*client, "--length", "1200", "--bitrate", "5M", "--bytes", "600K"))
        server.wait(PATIENCE)
    assert result["end"]["sum"]["packets"] >= 512
    assert result["end"]["sum"]["lost_percent"] <= 1


def _listens(port: int) -> bool:
    """Without connecting, which would be its only client."""
    lines = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    return f":{port:04X} 00" in lines


def test_aioquic_goes_by_pysocks(network: Forwarded, tmp_path: Path) -> None:
    fetch = pytest.importorskip("tests.interop.quic", reason="aioquic is not installed").fetch
    socks = pytest.importorskip("socks")
    sock = socks.socksocket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.set_proxy(socks.SOCKS5, *network.place.proxy)
    sock.bind(("127.0.0.1", 0))
    with sock:
        assert fetch(sock, tmp_path, 100_000) == 100_000


def test_libtorrent_takes_a_file_by_utp(network: Forwarded, tmp_path: Path) -> None:
    python = "/usr/bin/python3"
    if not Path(python).exists() or subprocess.call([python, "-c", "import libtorrent"], **QUIET):
        pytest.skip("python3-libtorrent is not installed")
    run(python, str(Path(__file__).with_name("torrent.py")), str(tmp_path), str(network.place.proxy[1]))


STUN, MAGIC = b"\x00\x01", b"\x21\x12\xa4\x42"
CHANGE = b"\x00\x03\x00\x04\x00\x00\x00"
BOTH = b"\x06"
"""Of CHANGE-REQUEST (RFC 5780 section 7.2): the answer is to come from another address and port."""


def test_u32_coturn_finds_mapping_and_filtering_independent_of_the_endpoint(network: Forwarded) -> None:
    port, other = free_ports(2)
    options = ["-n", "--no-cli", "--no-tls", "--no-dtls", "--no-auth", "--log-file=stdout"]
    where = ["-L", "127.0.0.2", "-L", "127.0.0.3", "-p", str(port), "--alt-listening-port", str(other)]
    with child([find("turnserver"), *options, *where], **QUIET) as server:
        client = UdpClient(network.place.proxy)
        bindings = [(host, at) for host in ("127.0.0.2", "127.0.0.3") for at in (port, other)]
        answers = [_bind(client, *binding) for binding in bindings]
        assert [answer[:2] for answer in answers] == bindings
        assert len({_mapped(message) for *_, message in answers}) == 1
        assert _bind(client, "127.0.0.2", port, CHANGE + BOTH)[:2] == ("127.0.0.3", other)
        client.close()
        server.terminate()


def _bind(client: UdpClient, host: str, port: int, attributes: bytes = b"") -> tuple[str, int, bytes]:
    """Who answers, and how: answers to what was asked before are passed over."""
    name = os.urandom(12)
    message = STUN + len(attributes).to_bytes(2, "big") + MAGIC + name + attributes
    while True:
        answer = client.ask(host, port, message)
        if answer[2][8:20] == name:
            return answer


def _mapped(message: bytes) -> bytes:
    """The value of XOR-MAPPED-ADDRESS (RFC 8489 section 14.2)."""
    at = 20
    while message[at : at + 2] != b"\x00\x20":
        at += 4 + int.from_bytes(message[at + 2 : at + 4], "big")
    return message[at + 4 : at + 12]


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root")
def test_wireguard_goes_over_a_forward(network: Forwarded, tmp_path: Path) -> None:
    """Two tunnels' ends in namespaces of their own, and a TCP connection inside: full packets are split on the way."""
    ip, wg, wireguard = find("ip"), find("wg"), find("wireguard-go")
    names = [f"ing{os.getpid()}{side}" for side in "sc"]
    keys = [run(wg, "genkey").strip() for _ in names]
    public = [run(wg, "pubkey", given=key).strip() for key in keys]
    with contextlib.ExitStack() as stack:
        for name in names:
            run(ip, "netns", "add", name)
            stack.callback(run, ip, "netns", "delete", name)
            environment = {**os.environ, "WG_PROCESS_FOREGROUND": "1"}
            stack.enter_context(child([wireguard, "-f", name], env=environment, **QUIET))
        for number, name in enumerate(names):
            (tmp_path / name).write_text(keys[number])
            until(lambda name=name: Path(f"/run/wireguard/{name}.sock").exists())  # type: ignore[misc]
            own = [["listen-port", str(network.both_server)], []][number]
            peer = ["peer", public[1 - number], "allowed-ips", "10.66.0.0/24"]
            to = [[], ["endpoint", f"127.0.0.1:{network.both}"]][number]
            run(wg, "set", name, *own, "private-key", str(tmp_path / name), *peer, *to)
            run(ip, "link", "set", name, "netns", name)
            run(ip, "-n", name, "address", "add", f"10.66.0.{number + 1}/24", "dev", name)
            run(ip, "-n", name, "link", "set", name, "up", "mtu", "1420")
        serving = _in_namespace(names[0], lambda: socket.create_server(("10.66.0.1", 4000)))
        client = _in_namespace(names[1], socket.socket)
        with serving, client:
            client.settimeout(PATIENCE)
            client.connect(("10.66.0.1", 4000))
            accepted, _ = serving.accept()
            with accepted:
                accepted.sendall(bytes(200_000))
                assert receive(client, 200_000) == bytes(200_000)


def _in_namespace(name: str, make: Callable[[], socket.socket]) -> socket.socket:
    """A socket of the namespace *name*, for this process, which stays where it is."""
    with open("/proc/self/ns/net") as home, open(f"/run/netns/{name}") as there:
        _enter(there.fileno())
        try:
            return make()
        finally:
            _enter(home.fileno())


def _enter(descriptor: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")
