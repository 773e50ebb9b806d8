"""The demo as a process, from outside: exit codes, environment, orders, and that nothing is left behind.

The emulator, the target, the keeper and the demo are real; `ingress` and `relay` have stand-ins.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ingress.demo.keeper import find_marked
from tests.child import child, read_fifo

STANDIN = Path(__file__).with_name("standin.py")
DEMO = f"""
import sys
from ingress.cli import main
from ingress.demo import console, running

console.public_command = running.public_command = lambda name: [sys.executable, {str(STANDIN)!r}, name]
sys.exit(main(["demo", *sys.argv[1:]]))
"""
USES_PROXY = """
import os, socket
with socket.create_connection(os.environ["INGRESS_DEMO_PROXY"].split(":")) as proxy:
    proxy.recv(5)
"""
PATIENCE = 20.0


def start_demo(*arguments: str, **options: Any) -> AbstractContextManager[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return child([sys.executable, "-c", DEMO, *arguments], **{**pipes, **options})


def run_demo(*command: str, **options: Any) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `ingress demo -- COMMAND`."""
    with start_demo("--", *command, **options) as demo:
        output, errors = demo.communicate(timeout=PATIENCE)
        return demo.returncode, output, errors


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where demos make their folders; none may be left, nor a process that knows one of them."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)
        assert os.listdir(folder) == []


def test_command_ends_the_demo_with_its_exit_code() -> None:
    assert run_demo(sys.executable, "-c", USES_PROXY + "raise SystemExit(7)")[0] == 7


def test_command_that_goes_past_the_proxy_is_an_error_in_one_line() -> None:
    code, output, errors = run_demo("echo", "done")
    assert (code, output) == (1, "done\n")
    assert errors.count("\n") == 1 and "nothing went through the proxy" in errors


def test_command_that_is_killed_gives_what_a_shell_would() -> None:
    assert run_demo("sh", "-c", "kill -9 $$")[0] == 128 + 9


def test_no_such_command_is_said_before_anything_starts() -> None:
    code, _, errors = run_demo("nonesuch-command")
    assert (code, errors) == (1, "ingress: nonesuch-command: there is no such command\n")


def test_the_environment_leads_through_the_proxy_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NO_PROXY", "*")
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    code, output, errors = run_demo(sys.executable, "-c", USES_PROXY + show)
    assert code == 0, errors
    found = json.loads(output)
    proxy = found["INGRESS_DEMO_PROXY"]
    assert found["ALL_PROXY"] == found["all_proxy"] == f"socks5h://{proxy}"
    assert {found[name] for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")} == {f"http://{proxy}"}
    assert "no_proxy" not in found and "NO_PROXY" not in found
    host, port = found["INGRESS_DEMO_TARGET"].removeprefix("http://").split(":")
    assert host == "target.test" and found["INGRESS_DEMO_TARGET_ADDRESS"] == f"http://127.0.0.1:{port}"


def test_what_command_leaves_running_is_ended(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    code, _, _ = run_demo("sh", "-c", f"setsid sleep 1000 > /dev/null 2>&1 & echo $! > {left}; exit 3")
    assert code == 3
    try:
        state = Path(f"/proc/{left.read_text().strip()}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return
    assert state == "Z"  # dead, and not yet fetched by init


@pytest.fixture
def waiting_demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A demo whose COMMAND waits for ever, in a process group of its own; and its folder."""
    os.mkfifo(tmp_path / "up")
    script = f"sleep 1000 & echo $INGRESS_DEMO_FOLDER > {tmp_path / 'up'}; exec sleep 1000"
    with start_demo("--", "sh", "-c", script, start_new_session=True) as demo:
        yield demo, read_fifo(tmp_path / "up").strip()


def keeper_of(folder: str) -> int:
    """A descriptor that tells of the end of the keeper of *folder*."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if folder.encode() in words:
            return os.pidfd_open(int(name))
    raise AssertionError("there is no keeper")


@pytest.mark.parametrize(
    ("number", "to_all", "code"),
    [
        (signal.SIGINT, True, 130),
        (signal.SIGINT, False, 130),
        (signal.SIGTERM, False, 143),
        (signal.SIGKILL, False, -9),
    ],
)
def test_nothing_is_left_however_it_ends(
    waiting_demo: tuple[subprocess.Popen[str], str], number: signal.Signals, to_all: bool, code: int
) -> None:
    demo, folder = waiting_demo
    assert len(find_marked(folder)) >= 8  # two relays, two exits, ingress, emulator, target, COMMAND
    keeper = keeper_of(folder)
    if to_all:
        os.killpg(demo.pid, number)  # as Ctrl-C on a terminal
    else:
        demo.send_signal(number)
    assert demo.wait(PATIENCE) == code
    assert select.select([keeper], [], [], PATIENCE)[0]
    os.close(keeper)
    assert find_marked(folder) == [] and not Path(folder).exists()


def test_orders_reach_lines_and_nodes() -> None:
    orders = {
        "cut ix-dmit": "ok",
        "heal ix-dmit": "ok",
        "slow ix-dmit 80ms": "ok",
        "freeze ix-dmit": "ok",
        "freeze jp-dmit": "ok",
        "thaw jp-dmit": "ok",
        "start jp-dmit": "error: jp-dmit runs",
        "kill jp-dmit": "ok",
        "start jp-dmit ": "ok",
        "drain jp-dmit": "ok",
        "kill nobody": "error: usage: kill NODE, one of jp-dmit, jp-nube, us-dmit, us-nube, shanghai",
        "cut nobody": "error: no line nobody;",
        "": "error: nothing: not one of",
    }
    script = f"""
import os, socket
with socket.socket(socket.AF_UNIX) as control:
    control.connect(os.environ["INGRESS_DEMO_CONTROL"])
    with control.makefile("rw") as file:
        for order in {list(orders)!r}:
            print(order, file=file, flush=True)
            print(file.readline(), end="")
"""
    code, output, errors = run_demo(sys.executable, "-c", USES_PROXY + script)
    assert code == 0, errors
    assert all(line.startswith(answer) for line, answer in zip(output.splitlines(), orders.values(), strict=True))


EXPECTED = (
    "curl -x socks5h://127.0.0.1:",
    "paths --watch --admin /",
    "in a browser, for 10 min:   http://127.0.0.1:",
    "cut ix-dmit: ok",
    "drain NODE",
    "the paths",
    "nonsense: not a size",
    "wrong: error: wrong: not one of kill, freeze, thaw, drain, start, cut, status, ",
    "ix-dmit: up (it is the best)",
)


def test_without_a_terminal_it_says_what_is_needed_and_obeys_its_input() -> None:
    with start_demo(stdin=subprocess.PIPE) as demo:
        output, errors = demo.communicate("cut ix-dmit\nhelp\npage\npaths\ndownload nonsense\nwrong\nquit\n", PATIENCE)
    assert (demo.returncode, errors) == (0, "")
    for expected in EXPECTED:
        assert expected in output


def test_a_demo_without_input_runs_until_it_is_told_to_end() -> None:
    with start_demo() as demo:
        assert demo.stdout is not None
        while "best now" not in demo.stdout.readline():
            assert demo.poll() is None
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 0


def test_a_download_that_quit_ends_is_told() -> None:
    with start_demo(stdin=subprocess.PIPE) as demo:
        output, _ = demo.communicate("download 200MB\nquit\n", PATIENCE)
    assert "download: ended by quit; 0 kB of 200 MB had come.\n" in output


def test_a_download_that_the_proxy_breaks_is_told_in_a_sentence() -> None:
    with start_demo(stdin=subprocess.PIPE) as demo:
        assert demo.stdin is not None and demo.stdout is not None
        print("download 1MB", file=demo.stdin, flush=True)
        while not (line := demo.stdout.readline()).startswith("download: "):
            assert line
        demo.communicate("quit\n", PATIENCE)
    assert "it ended 1000 kB too early" in line


def test_on_a_terminal_lines_are_typed_into_a_live_screen_which_leaves_no_trace() -> None:
    terminal, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    before = termios.tcgetattr(theirs)
    command = ["setsid", "--ctty", sys.executable, "-c", DEMO]
    with child(command, stdin=theirs, stdout=theirs, stderr=theirs) as demo:
        screen = read_until(terminal, "emulated")
        os.write(terminal, b"hex\x7flp\rcut ix-dmit\r")
        screen += read_until(terminal, "CUT")
        os.write(terminal, b"quit")
        screen += read_until(terminal, "> quit")
        os.write(terminal, b"\r")
        demo.wait(PATIENCE)
    assert demo.returncode == 0
    assert "drain NODE" in screen and "cut ix-dmit: ok" in screen
    assert termios.tcgetattr(theirs) == before
    os.close(terminal)
    os.close(theirs)


def read_until(terminal: int, word: str) -> str:
    """What the screen is sent, up to *word*; it is refreshed for ever, so that its length is the limit."""
    text = ""
    while word not in text:
        assert len(text) < 30_000 and select.select([terminal], [], [], PATIENCE)[0], text[-5000:]
        text += os.read(terminal, 65536).decode(errors="replace")
    return text
