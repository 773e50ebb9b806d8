"""nginx as an origin: what it does for clients without a proxy, it does for ours."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingress.demo.ports import free_ports, listening
from tests.child import child
from tests.interop.conftest import ADDRESS, PATIENCE, Room, find
from tests.network.network import until

pytestmark = pytest.mark.network
TEXT = "compressible " * 9000
PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Serves `page.txt` of *folder*, compressed for whoever may have it so; gives its URL."""
    program, (port,) = find("nginx"), free_ports(1)
    (folder / "page.txt").write_text(TEXT)
    kept = "".join(f"{name}_temp_path {folder}/{name};" for name in PATHS)
    whole = f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors; events {{}}"
    server = f"types {{ text/plain txt; }} gzip on; gzip_types text/plain; access_log off; {kept}"
    server += f"server {{ listen {ADDRESS}:{port}; root {folder}; }}"
    (folder / "nginx.conf").write_text(f"{whole} http {{ {server} }}")
    with child([program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")], PATIENCE):
        until(lambda: port in listening())
        yield f"http://{ADDRESS}:{port}/page.txt"


def test_e6_nginx_compresses_for_clients_of_ours(room: Room) -> None:
    with nginx(room.home) as url:
        asked = ["curl", "-sS", "-f", "-x", f"http://{room.proxy}", url]
        assert room.run(*asked).decode() == TEXT
        assert room.run(*asked, "--compressed").decode() == TEXT
        assert len(room.run(*asked, "-H", "Accept-Encoding: gzip")) < len(TEXT) // 50
        assert len(subprocess.check_output([*asked, "-H", "Accept-Encoding: gzip", "-H", "Via: 1.1 x"])) == len(TEXT)
