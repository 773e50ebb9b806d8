"""Further programs, each with a proxy setting of its own."""

import hashlib

import pytest

from ingress.demo.target.content import sha256_of
from tests.interop.conftest import NAME, Room, find

pytestmark = pytest.mark.network
SIZE = 3_000_000


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_wget_goes_by_the_environment(room: Room, scheme: str) -> None:
    site = room.tls_site if scheme == "https" else room.site
    (site.files / "wanted").write_bytes(b"wanted")
    command = [find("wget"), "-q", "-O", "-", f"--ca-certificate={room.ca}", site.url(NAME) + "/wanted"]
    assert room.run(*command, http_proxy=f"http://{room.proxy}", https_proxy=f"http://{room.proxy}") == b"wanted"


@pytest.mark.parametrize("kind", ["socks5", "socks4", "http"])
def test_proxychains_leads_a_program_that_knows_no_proxy(room: Room, kind: str) -> None:
    proxychains = find("proxychains4")
    host, _, port = room.proxy.rpartition(":")
    (room.home / "conf").write_text(f"strict_chain\nproxy_dns\n[ProxyList]\n{kind} {host} {port}\n")
    found = room.run(proxychains, "-q", "-f", "conf", "curl", "-sS", f"{room.target}/bytes/{SIZE}")
    assert hashlib.sha256(found).hexdigest() == sha256_of(SIZE)


def test_aria2_downloads_in_pieces(room: Room) -> None:
    command = [find("aria2c"), "-q", f"--all-proxy=http://{room.proxy}", "-x4", "-s4", "-k1M", "-o", "found"]
    (room.site.files / "large").write_bytes(bytes(range(250)) * 20_000)
    room.run(*command, room.site.url(NAME) + "/large")
    assert (room.home / "found").read_bytes() == bytes(range(250)) * 20_000
