"""`ingress demo` itself, with the real commands in it."""

import subprocess
import sys

import pytest

from ingress.demo.target.content import sha256_of
from tests.child import child

pytestmark = pytest.mark.network
DEMO = [sys.executable, "-m", "ingress", "demo"]
PATIENCE = 60.0
FETCH = f"""
import hashlib, os, subprocess
from urllib.request import urlopen
page = urlopen(os.environ["INGRESS_DEMO_TARGET"]).read()
assert b"through the exit us-" in page, page
data = urlopen(os.environ["INGRESS_DEMO_TARGET_ADDRESS"] + "/bytes/1000000").read()
assert hashlib.sha256(data).hexdigest() == {sha256_of(1_000_000)!r}
told = subprocess.run(["ingress", "paths"], check=True, capture_output=True, text=True).stdout
assert "ix-dmit" in told, told
print("fetched")
"""


def run_demo(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DEMO, "--", *command], check=False, capture_output=True, text=True, timeout=PATIENCE)


def test_a_command_that_knows_only_http_proxy_fetches_through_it_and_may_ask_for_paths() -> None:
    done = run_demo(sys.executable, "-c", FETCH)
    assert (done.returncode, done.stdout) == (0, "fetched\n"), done.stderr


def test_a_download_outlives_the_line_it_began_on() -> None:
    with child(DEMO, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as demo:
        assert demo.stdin is not None and demo.stdout is not None
        told = []
        for line in demo.stdout:
            told.append(line)
            if line.startswith("best now: "):
                demo.stdin.write("download 100MB\ncut ix-dmit\n")
                demo.stdin.flush()
                break
        while not (line := demo.stdout.readline()).startswith("download: "):
            assert line, told
            told.append(line)
        demo.communicate("paths\nwhy target.test:80\nquit\n", PATIENCE)
    assert "SHA-256 right" in line
    assert demo.returncode == 0
