"""Two equal exits on machines of their own, of which one has no IPv6: real processes in network namespaces.

What loopback cannot show: families, addresses of a machine that are nobody's private ones, and from where a target is
reached. Needs root and iproute2, and touches no network but its own.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.child import child
from tests.network.network import LIFE, Network, until

pytestmark = pytest.mark.network

HERE = Path(__file__).parent
NET, NET6 = "93.184.216", "2606:4700:1:"
"""Public addresses, as long as nobody else can see them."""
MACHINES = {"client": 10, "us1": 11, "us2": 12, "target": 20}
DUAL = ("us2", "target")
FILE = f"""\
version = 1
[ingress.client]
listen = "127.0.0.1:1080"
[node.us1]
address = "{NET}.11:7443"
exit = true
hosts = "names"
[node.us2]
address = "{NET}.12:7443"
exit = true
hosts = "names"
[line.a]
from = "client"
to = "us1"
[line.b]
from = "client"
to = "us2"
cost = 0.5
"""
NAMES = f"""\
{NET6}:20 six.test
{NET}.20 ftp.test
{NET}.98 many.test
{NET}.99 many.test
{NET}.20 many.test
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def ethernet() -> Iterator[dict[str, str]]:
    """One Ethernet with all machines on it: the namespace of each."""
    spaces = {name: f"t{os.getpid()}-{name}" for name in ("bridge", *MACHINES)}
    bridge = spaces["bridge"]
    with contextlib.ExitStack() as stack:
        for space in spaces.values():
            ip("netns", "add", space)
            stack.callback(ip, "netns", "del", space)
            ip("-n", space, "link", "set", "lo", "up")
        ip("-n", bridge, "link", "add", "br0", "type", "bridge")
        ip("-n", bridge, "link", "set", "br0", "up")
        for name, last in MACHINES.items():
            _join(bridge, spaces[name], name, last)
        yield spaces


def _join(bridge: str, space: str, name: str, last: int) -> None:
    ip("-n", bridge, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", space)
    ip("-n", bridge, "link", "set", name, "master", "br0", "up")
    has_ipv6 = "0" if name in DUAL else "1"
    setting = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
    subprocess.run(["ip", "netns", "exec", space, "sh", "-c", f"echo {has_ipv6} > {setting}"], check=True)
    ip("-n", space, "link", "set", "eth0", "up")
    ip("-n", space, "addr", "add", f"{NET}.{last}/24", "dev", "eth0")
    ip("-n", space, "route", "add", "default", "dev", "eth0")
    if name in DUAL:
        ip("-n", space, "addr", "add", f"{NET6}:{last}/64", "dev", "eth0", "nodad")
        ip("-n", space, "-6", "route", "add", "default", "dev", "eth0")


@attrs.frozen
class Bed:
    """A network that runs."""

    folder: Path
    spaces: dict[str, str]

    def command(self, machine: str, *command: str | Path) -> list[str]:
        """*command*, to be run on *machine*."""
        return ["ip", "netns", "exec", self.spaces[machine], *map(str, command)]

    def curl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What curl says by way of the proxy."""
        command = self.command("client", "curl", "-sS", "-m", "20", "-x", "socks5h://127.0.0.1:1080", *words)
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=self.folder)

    def status(self, url: str) -> str:
        """The status that a request for *url* gets; 000 if none."""
        return self.curl("-o", "/dev/null", "-w", "%{http_code}", url).stdout

    def paths(self) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(Network.ask(str(self.folder / "client"), '{"ask": "paths"}'))
        except OSError:
            return {"paths": [], "nodes": []}
        return answer

    def is_up(self) -> bool:
        states = [row["state"] for row in self.paths()["paths"]]
        return states == ["up", "up"]

    def told(self) -> str:
        return "\n".join(file.read_text()[-3000:] for file in self.folder.glob("*.log"))

    def start(self, stack: contextlib.ExitStack, machine: str, *command: str | Path) -> None:
        log = stack.enter_context((self.folder / f"{machine}-{len(os.listdir(self.folder))}.log").open("w"))
        stack.enter_context(child(self.command(machine, *command), LIFE, stdout=log, stderr=log, cwd=self.folder))


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2")
    folder = tmp_path_factory.mktemp("exits")
    (folder / "paths.toml").write_text(FILE)
    (folder / "names").write_text(NAMES)
    (folder / "site").mkdir()
    (folder / "site" / "page").write_text("hello")
    with contextlib.ExitStack() as stack:
        try:
            spaces = stack.enter_context(ethernet())
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no namespaces here: {error.stderr!r}")
        bed = Bed(folder, spaces)
        subprocess.run([sys.executable, "-m", "ingress", "keys"], check=True, capture_output=True, cwd=folder)
        for name, program in (("us1", "relay"), ("us2", "relay"), ("client", "ingress")):
            bed.start(stack, name, sys.executable, "-m", program, "serve", name, "--admin", folder / name)
        for machine in ("us1", "us2", "target"):
            at = "0.0.0.0" if machine == "us1" else "::"
            bed.start(stack, machine, sys.executable, "-m", "http.server", "--bind", at, "-d", folder / "site", "80")
        bed.start(stack, "target", sys.executable, HERE / "ftp_server.py", f"{NET}.20", "whole")
        until(bed.is_up, bed.told)
        until(lambda: bed.status(f"http://{NET}.20/page") == "200", bed.told)
        yield bed


@pytest.mark.parametrize("url", [f"http://[{NET6}:20]/page", "http://six.test/page"])
def test_f2_a_target_with_ipv6_alone_is_reached_every_time(bed: Bed, url: str) -> None:
    """Also by the first request, whose client was answered early by the exit without IPv6."""
    assert [bed.status(url) for _ in range(6)] == ["200"] * 6
    families = {row["node"]: row["families"] for row in bed.paths()["nodes"]}
    assert families == {"us1": ["ipv4"], "us2": ["ipv4", "ipv6"]}


def test_f4_ftp_by_name_with_data_by_address(bed: Bed) -> None:
    words = ("--disable-epsv", "--no-ftp-skip-pasv-ip", "ftp://ftp.test/file")
    for _ in range(9):
        found = bed.curl(*words)
        assert found.stdout == "whole", (found.stderr, bed.told())
        assert bed.status(f"http://{NET}.20/page") == "200"


@pytest.mark.parametrize("host", [f"{NET}.11", f"{NET}.12"])
def test_f5_an_exits_own_public_address_is_reached_from_outside_alone(bed: Bed, host: str) -> None:
    """By the other exit, as by any stranger; and no node's port by either."""
    for _ in range(3):
        assert bed.status(f"http://{host}/page") == "200"
    assert "(2)" in bed.curl(f"telnet://{host}:7443").stderr
    machine = "us1" if host.endswith("11") else "us2"
    visitors = "".join(file.read_text() for file in bed.folder.glob(f"{machine}-*.log"))
    assert f"{host} - - " not in visitors and f"::ffff:{host} - - " not in visitors


def test_f5_without_another_exit_it_is_refused(bed: Bed) -> None:
    found = bed.curl(f"http://[{NET6}:12]:8888/")  # us1 has no way there, and us2 is there
    assert "(2)" in found.stderr


def test_f8_silent_addresses_are_waited_for_once(bed: Bed) -> None:
    assert [bed.status("http://many.test/page") for _ in range(4)] == ["200"] * 4
