"""apt, which sends its requests without waiting for answers, and its fields as it likes."""

import hashlib
import random

import pytest

from tests.interop.conftest import NAME, Room, find

pytestmark = pytest.mark.network
PACKAGES = 24
SIZE = 30_000


def make_repository(room: Room) -> str:
    """A flat repository on the site; gives its line for sources.list."""
    dice, listed = random.Random(8), ""
    folder = room.site.files / "debian"
    folder.mkdir(exist_ok=True)
    for number in range(PACKAGES):
        data = dice.randbytes(SIZE)
        (folder / f"p{number}.deb").write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        listed += f"Package: p{number}\nVersion: 1\nArchitecture: all\nMaintainer: m <m@example.com>\n"
        listed += f"Description: p\nFilename: ./p{number}.deb\nSize: {SIZE}\nSHA256: {digest}\n\n"
    (folder / "Packages").write_text(listed)
    digest = hashlib.sha256(listed.encode()).hexdigest()
    (folder / "Release").write_text(f"Date: Fri, 27 Nov 2026 00:00:00 UTC\nSHA256:\n {digest} {len(listed)} Packages\n")
    return f"deb [trusted=yes] {room.site.url(NAME)}/debian ./\n"


def test_e8_apt_fetches_packages_whole(room: Room) -> None:
    apt = find("apt-get")
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (room.home / folder).mkdir(parents=True)
    (room.home / "status").touch()
    (room.home / "sources.list").write_text(make_repository(room))
    settings = {
        "Dir::Etc::sourcelist": room.home / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": room.home / "state",
        "Dir::State::status": room.home / "status",
        "Dir::Cache": room.home / "cache",
        "APT::Sandbox::User": "",
        "Acquire::http::Proxy": f"http://{room.proxy}",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    room.run(apt, *options, "update")
    room.run(apt, *options, "download", *(f"p{number}" for number in range(PACKAGES)))
    for number in range(PACKAGES):
        fetched = room.home / f"p{number}_1_all.deb"
        assert fetched.read_bytes() == (room.site.files / "debian" / f"p{number}.deb").read_bytes()
