"""curl, in every way it knows to use a proxy."""

import hashlib
import json
import random
import shutil

import pytest

from ingress.demo.target.content import sha256_of
from tests.interop.conftest import NAME, Room

pytestmark = pytest.mark.network
SIZE = 8_000_000
BY_ADDRESS = ("socks4", "socks5")
"""curl looks names up itself for these."""
WAYS = {
    "socks4": ["-x", "socks4://{proxy}"],
    "socks4a": ["-x", "socks4a://{proxy}"],
    "socks5": ["-x", "socks5://{proxy}"],
    "socks5h": ["-x", "socks5h://{proxy}"],
    "connect": ["-p", "-x", "http://{proxy}"],
    "plain": ["-x", "http://{proxy}"],
}


def curl(room: Room, way: str) -> list[str]:
    """The command, up to its address."""
    return ["curl", "-sS", "-f", *(word.format(proxy=room.proxy) for word in WAYS[way])]


def test_curl_is_installed() -> None:
    assert shutil.which("curl")


@pytest.mark.parametrize("way", WAYS)
def test_a_large_download_and_a_large_upload_are_whole(room: Room, way: str) -> None:
    target = room.target_by_address if way in BY_ADDRESS else room.target
    found = room.run(*curl(room, way), f"{target}/bytes/{SIZE}")
    assert hashlib.sha256(found).hexdigest() == sha256_of(SIZE)
    data = random.Random(4).randbytes(SIZE)
    told = json.loads(room.run(*curl(room, way), "-T", "-", f"{target}/hash", given=data))
    assert told == {"bytes": SIZE, "sha256": hashlib.sha256(data).hexdigest()}


@pytest.mark.parametrize("way", ["connect", "socks5h", "socks4a"])
def test_tls_goes_through_untouched(room: Room, way: str) -> None:
    (room.site.files / "page").write_bytes(b"hello")
    assert room.run(*curl(room, way), "--cacert", room.ca, room.tls_site.url(NAME) + "/page") == b"hello"


def test_many_at_once_share_their_connections_to_the_proxy(room: Room) -> None:
    urls = [f"{room.target}/bytes/{size}" for size in range(100_000, 100_040)]
    words = [word for url in urls for word in ("-o", url.rpartition("/")[2], url)]
    room.run(*curl(room, "plain"), "--parallel", "--parallel-max", "8", *words)
    assert all((room.home / str(size)).stat().st_size == size for size in range(100_000, 100_040))
