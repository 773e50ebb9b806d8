"""ssh, whose server speaks first, by way of netcat."""

import getpass
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from ingress.demo.ports import free_ports
from tests.child import child
from tests.interop.conftest import ADDRESS, NAME, Room, find
from tests.network.network import until

pytestmark = pytest.mark.network
CONFIG = """
ListenAddress {address}:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
ForceCommand cat
StrictModes no
UsePAM no
PidFile none
"""
SEPARATION = Path("/run/sshd")
"""sshd wants it when it runs as root; on a system with systemd it is there."""


@attrs.frozen
class Server:
    """An sshd that sends back what it gets."""

    folder: Path
    port: int


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    sshd, keygen = find("sshd"), find("ssh-keygen")
    folder, (port,) = tmp_path_factory.mktemp("sshd"), free_ports(1)
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    (folder / "config").write_text(CONFIG.format(address=ADDRESS, port=port, folder=folder))
    if os.geteuid() == 0:
        SEPARATION.mkdir(exist_ok=True)
    told = folder / "log"
    with told.open("wb") as log, child([sshd, "-D", "-e", "-f", str(folder / "config")], stderr=log):
        until(lambda: "Server listening" in told.read_text(), told.read_text)
        yield Server(folder, port)


@pytest.mark.parametrize("way", ["5", "connect"])
def test_ssh_carries_bytes_both_ways(room: Room, server: Server, way: str) -> None:
    nc = find("nc.openbsd", "nc")
    if "-X" not in subprocess.run([nc, "-h"], check=False, capture_output=True, text=True).stderr:
        pytest.skip("this netcat knows no proxies: netcat-openbsd does")
    options = {
        "ProxyCommand": f"{nc} -X {way} -x {room.proxy} %h %p",
        "IdentityFile": server.folder / "user",
        "UserKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "no",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    data = random.Random(6).randbytes(5_000_000)
    where = ["-p", str(server.port), f"{getpass.getuser()}@{NAME}"]
    assert room.run(find("ssh"), "-F", "none", *words, *where, given=data) == data
