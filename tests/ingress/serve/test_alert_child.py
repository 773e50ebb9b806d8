"""One message to one receiver, by real child processes."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ingress.alerts.letter import trial
from ingress.config.alert import AlertReceiver
from ingress.serve import alert_child
from ingress.serve.alert_child import MOST_TOLD, run_child, send
from relay.model.network import Secret
from tests.hook import Hook, serve_hook

LETTER = trial("shanghai", "en", 0.0)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serve_hook() as hook:
        yield hook


def python(code: str) -> tuple[str, ...]:
    return sys.executable, "-c", code


async def test_a_command_has_the_text_and_the_fields_and_nothing_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM", "secret")
    code = (
        "import os, sys; e = os.environ; open('told', 'w').write(sys.stdin.read() + e['INGRESS_ALERT'] + str(dict(e)))"
    )
    assert await send(AlertReceiver("here", python(code)), LETTER, None, tmp_path) is None
    told = (tmp_path / "told").read_text()
    assert told.startswith(f"{LETTER.title}\n\n{LETTER.text}\n{json.dumps(LETTER.fields)}")
    assert "secret" not in told


async def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    code = "print('no such chat'); raise SystemExit(3)"
    assert await send(AlertReceiver("here", python(code)), LETTER, None, tmp_path) == "no such chat"
    assert await send(AlertReceiver("here", python("raise SystemExit(3)")), LETTER, None, tmp_path) == "ended with 3"
    missing = AlertReceiver("here", ("/no/such/program",))
    assert await send(missing, LETTER, None, tmp_path) == "cannot be run: No such file or directory"


async def test_what_reads_nothing_and_says_much_ends_all_the_same(tmp_path: Path) -> None:
    code = "import sys; print('x' * 1_000_000); sys.exit(1)"
    said = await run_child(python(code), b"y" * 1_000_000, {}, tmp_path)
    assert said == "x" * MOST_TOLD


async def test_what_hangs_is_killed_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_child, "LONGEST", 2.0)
    code = (
        "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nchild = os.fork()\n"
        "if child: open('pids.new', 'w').write(f'{os.getpid()} {child}'); os.rename('pids.new', 'pids')\n"
        "time.sleep(600)"
    )
    assert await run_child(python(code), b"", {}, tmp_path) == "has not ended within 2 s"
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        await gone(pid)


async def gone(pid: int) -> None:
    """Until nobody runs under *pid* any more; what was killed may still stand in the table, as a zombie."""
    with trio.fail_after(30):
        while True:
            if not is_running(pid):
                return
            await trio.lowlevel.checkpoint()


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


async def test_who_is_cancelled_leaves_no_child(tmp_path: Path) -> None:
    code = "import os, time; open('pid.new', 'w').write(str(os.getpid())); os.rename('pid.new', 'pid'); time.sleep(600)"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_child, python(code), b"", {}, tmp_path)
        while not (tmp_path / "pid").exists():
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    await gone(int((tmp_path / "pid").read_text()))


async def test_a_grandchild_that_holds_the_pipe_keeps_nobody(tmp_path: Path) -> None:
    code = (
        "import os, time\npid = os.fork()\nif pid == 0: time.sleep(600)\n"
        "open('pid', 'w').write(str(pid)); print('done', flush=True); os._exit(1)"
    )
    assert await run_child(python(code), b"", {}, tmp_path) == "done"
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


async def test_a_web_address_that_stands_in_a_file(tmp_path: Path, hook: Hook) -> None:
    file = tmp_path / "hook.url"
    file.write_text(hook.url + "\n")
    file.chmod(0o600)
    receiver = AlertReceiver("here", secret=Secret(file=str(file)), is_webhook=True)
    assert await send(receiver, LETTER, None, tmp_path) is None
    assert hook.came.get_nowait() == LETTER.fields
    file.chmod(0o644)
    said = await send(receiver, LETTER, None, tmp_path)
    assert said is not None
    assert "644" in said


async def test_apprise_in_a_process_of_its_own(tmp_path: Path, hook: Hook) -> None:
    receiver = AlertReceiver("here", url=f"json://127.0.0.1:{hook.port}/secret-path")
    assert await send(receiver, LETTER, None, tmp_path) is None
    assert hook.came.get_nowait()["message"] == LETTER.text
    hook.status = 500
    said = await send(receiver, LETTER, None, tmp_path)
    assert said is not None
    assert "500" in said
    assert "secret-path" not in said


async def test_no_secret_stands_in_the_table_of_processes(tmp_path: Path) -> None:
    """While the child waits for an answer that does not come."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    receiver = AlertReceiver("here", url=f"http://127.0.0.1:{port}/secret-path", is_webhook=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(send, receiver, LETTER, "http://ingress-alert:pass-word@127.0.0.1:1", tmp_path)
        nursery.start_soon(send, receiver, LETTER, None, tmp_path)
        stream = await listeners[0].accept()
        await stream.receive_some()
        children = [child for child in processes() if b"ingress.alerts" in (child / "cmdline").read_bytes()]
        assert children
        for child in children:
            told = (child / "cmdline").read_bytes() + (child / "environ").read_bytes()
            assert b"secret-path" not in told
            assert b"pass-word" not in told
        nursery.cancel_scope.cancel()
    await trio.aclose_forcefully(stream)
    await listeners[0].aclose()


def processes() -> list[Path]:
    """Our children."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(folder)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
