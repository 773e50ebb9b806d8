"""pip installs from an index that only the exit can reach."""

import hashlib
import importlib.util
import random
import sys
import zipfile
from pathlib import Path

import pytest

from tests.interop.conftest import NAME, Room

pytestmark = pytest.mark.network
WHEEL = "parcel-1.0-py3-none-any.whl"


def put_wheel(folder: Path) -> bytes:
    """A package of some size, in an index at *folder*; gives what it holds."""
    content = random.Random(5).randbytes(3_000_000)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.writestr("parcel/content", content)
        wheel.writestr("parcel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n")
        wheel.writestr("parcel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("parcel-1.0.dist-info/RECORD", "parcel/content,,\n")
    digest = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    (folder / "index.html").write_text(f'<a href="{WHEEL}#sha256={digest}">{WHEEL}</a>')
    return content


@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="pip is not installed")
@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_package_is_installed(room: Room, scheme: str) -> None:
    site = room.tls_site if scheme == "https" else room.site
    content = put_wheel(site.files / "simple" / "parcel")
    pip = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "--no-cache-dir"]
    trust = ["--cert", room.ca] if scheme == "https" else ["--trusted-host", NAME]
    index = ["--proxy", f"http://{room.proxy}", "--index-url", f"{site.url(NAME)}/simple/", *trust]
    room.run(*pip, "install", "-q", "--no-deps", "--target", "here", *index, "parcel")
    assert (room.home / "here" / "parcel" / "content").read_bytes() == content
