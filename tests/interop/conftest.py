"""One network, one site behind it, and a clean room to run programs in that nobody here wrote.

The names in their addresses are known to the exit alone: who reaches one went through the network.
"""

import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trustme

from tests.interop.site import Site
from tests.network.conftest import NETWORKS, all_up, pytest_runtest_makereport
from tests.network.network import Network, running
from tests.network.places import serving

__all__ = ["pytest_runtest_makereport"]

LINES = [
    {"name": "ix", "start": "shanghai", "end": "jp", "round_trip": 0.01},
    {"name": "pacific", "start": "jp", "end": "us", "round_trip": 0.02},
    {"name": "direct", "start": "shanghai", "end": "us", "round_trip": 0.06},
]
"""Two paths to one exit; short, so that a test is."""
ADDRESS = "127.0.1.1"
"""What the only exit of a demo knows the target's name by."""
NAME = "target.test"
PATIENCE = 60.0


@attrs.frozen
class Room:
    """Where a program runs: a home of its own, none of our environment."""

    home: Path
    proxy: str
    """host:port."""
    target: str
    """The URL of the demo's target, by name."""
    target_by_address: str
    site: Site
    tls_site: Site
    ca: Path
    """Of the site with TLS."""

    def run(self, *command: str | Path, given: bytes | None = None, **environment: str) -> bytes:
        """What *command* says, if it ends well."""
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"} | environment
        done = subprocess.run(
            command, input=given, env=clean, cwd=self.home, capture_output=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 0, (command, done.returncode, done.stderr.decode(errors="replace"))
        return done.stdout


def find(*names: str) -> str:
    """The first of these programs that is installed; the test is skipped if none is."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    pytest.skip(f"{names[0]} is not installed")


@pytest.fixture(scope="session")
def interop_network() -> Iterator[Network]:
    with running(LINES, ["us"]) as network:
        network.until(all_up)
        yield network


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site, Path]]:
    """The site without and with TLS, and the certificate of who vouches for it."""
    folder = tmp_path_factory.mktemp("site")
    for name in ("files", "git"):
        (folder / name).mkdir()
    ca, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(NAME).configure_cert(tls)
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    plain, secure = Site(ADDRESS, folder), Site(ADDRESS, folder, tls)
    with serving(plain), serving(secure):
        yield plain, secure, folder / "ca.pem"


@pytest.fixture
def room(
    interop_network: Network, sites: tuple[Site, Site, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> Room:
    """A new one for each test, in the same network."""
    request.node.stash[NETWORKS] = [interop_network]
    host, port = interop_network.proxy
    at = interop_network.target[1]
    return Room(tmp_path, f"{host}:{port}", f"http://{NAME}:{at}", f"http://{ADDRESS}:{at}", *sites)
