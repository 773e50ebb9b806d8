"""git over HTTP and HTTPS: cloning through every kind of proxy it knows, and pushing."""

import shutil

import pytest

from tests.interop.conftest import NAME, Room

pytestmark = pytest.mark.network
BLOB = bytes(range(256)) * 8000
"""More than git sends with a length: it comes in chunks."""


def test_git_is_installed() -> None:
    assert shutil.which("git")


def commit(room: Room, *where: str) -> None:
    """Everything that is new in the working tree."""
    room.run("git", *where, "add", ".")
    room.run("git", *where, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "work")


@pytest.fixture
def room(room: Room) -> Room:
    """With a repository on the site, which anybody may push to."""
    bare = str(room.site.repositories / "work.git")
    shutil.rmtree(bare, ignore_errors=True)
    room.run("git", "init", "-q", "--bare", "-b", "main", bare)
    room.run("git", "-C", bare, "config", "http.receivepack", "true")
    room.run("git", "clone", "-q", bare, "original")
    (room.home / "original" / "blob").write_bytes(BLOB)
    commit(room, "-C", "original")
    room.run("git", "-C", "original", "push", "-q", "origin", "HEAD:main")
    return room


@pytest.mark.parametrize(("scheme", "proxy"), [("https", "http"), ("http", "http"), ("https", "socks5h")])
def test_a_clone_is_whole_and_a_push_arrives(room: Room, scheme: str, proxy: str) -> None:
    site = room.tls_site if scheme == "https" else room.site
    git = ["git", "-c", f"http.proxy={proxy}://{room.proxy}", "-c", f"http.sslCAInfo={room.ca}"]
    room.run(*git, "clone", "-q", f"{site.url(NAME)}/git/work.git", "copy")
    assert (room.home / "copy" / "blob").read_bytes() == BLOB
    (room.home / "copy" / "more").write_bytes(BLOB[::-1])
    commit(room, "-C", "copy")
    room.run(*git, "-C", "copy", "-c", "core.compression=0", "push", "-q", "origin", "HEAD:more")
    assert room.run("git", "-C", str(site.repositories / "work.git"), "show", "more:more") == BLOB[::-1]
