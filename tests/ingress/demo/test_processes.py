"""Processes of the demo: nothing outlives it, however it ends. The demo here runs stand-ins."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from ingress.demo import keeper
from ingress.demo.processes import DemoFailed, clean_environment, open_processes, public_command
from tests.child import child, read_fifo

SLEEPS = [sys.executable, "-c", "import signal; signal.pause()"]
STUBBORN = [
    sys.executable, "-c",
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); open(sys.argv[1], 'w').write('up')\n"
    "while True: signal.pause()",
]  # fmt: skip
ABANDONS = ["sh", "-c", "sleep 1000 & echo $! > $0; exec sleep 1000"]
"""Leaves a child behind, whose pid it writes to the file that is its argument."""
DEMO = """
import sys, trio
from ingress.demo.processes import open_processes

async def main():
    async with open_processes() as processes:
        processes.start("one", %r)
        print(processes.folder, processes["one"].pid, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def is_alive(pid: int) -> bool:
    """Runs, and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """What a child writes here, a test reads: it waits for the child and no longer."""
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


async def test_everything_is_ended_and_removed_also_what_was_abandoned(fifo: Path) -> None:
    with trio.fail_after(20):
        async with open_processes() as processes:
            pids = [processes.start("quiet", SLEEPS).pid]
            pids.append(processes.start("parent", [*ABANDONS, str(fifo)]).pid)
            pids.append(int(await trio.to_thread.run_sync(read_fifo, fifo)))
            assert all(map(is_alive, pids))
    assert not any(map(is_alive, pids))
    assert not processes.folder.exists()


async def test_what_ignores_sigterm_or_is_stopped_is_ended_too(monkeypatch: pytest.MonkeyPatch, fifo: Path) -> None:
    monkeypatch.setattr("ingress.demo.processes.GRACE", 0.05)
    with trio.fail_after(20):
        async with open_processes() as processes:
            stubborn, frozen = processes.start("stubborn", [*STUBBORN, str(fifo)]), processes.start("frozen", SLEEPS)
            assert await trio.to_thread.run_sync(read_fifo, fifo) == "up"
            frozen.signal(signal.SIGSTOP)
    assert not stubborn.is_alive and not frozen.is_alive


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_demo_that_is_killed_leaves_nothing(number: signal.Signals, fifo: Path) -> None:
    script = DEMO % [*ABANDONS, str(fifo)]
    with child([sys.executable, "-c", script], stdout=subprocess.PIPE) as demo:
        assert demo.stdout is not None
        folder, *pids = demo.stdout.readline().split()
        pids.append(read_fifo(fifo))
        assert all(is_alive(int(pid)) for pid in pids) and Path(folder).is_dir()
        keepers = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if is_keeper_of(pid, folder)]
        descriptors = [os.pidfd_open(pid) for pid in keepers]
        demo.send_signal(number)
        demo.wait(10)
        for descriptor in descriptors:
            assert wait_pidfd(descriptor)
    assert len(keepers) == 1
    assert not any(is_alive(int(pid)) for pid in pids)
    assert not Path(folder).exists()


def is_keeper_of(pid: int, folder: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return folder.encode() in words


def wait_pidfd(descriptor: int) -> bool:
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


async def test_a_failed_step_shows_the_end_of_its_log() -> None:
    async with open_processes() as processes:
        with pytest.raises(DemoFailed, match=r"failed\nno such file"):
            await processes.run("keys", ["sh", "-c", "echo no such file; exit 1"])


async def test_a_signal_to_what_has_ended_is_nothing() -> None:
    async with open_processes() as processes:
        process = processes.start("short", ["true"])
        assert await process.wait() == 0
        process.signal(signal.SIGCONT)
        assert await process.wait() == 0


def test_processes_are_found_by_the_folder_they_carry() -> None:
    folder = "/nowhere/ingress-demo-test"
    with child(SLEEPS, env={keeper.MARK: folder}) as process:
        assert keeper.find_marked(folder) == [process.pid]
        assert keeper.find_marked(folder + "x") == []
        keeper.kill_marked(folder)
        assert process.wait(10) == -signal.SIGKILL
    assert keeper.find_marked(folder) == []


def test_no_proxy_and_no_option_of_ours_leaks_into_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "ALL_PROXY", "Http_Proxy", "INGRESS_CONFIG"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("KEPT", "x")
    environment = clean_environment()
    assert "KEPT" in environment
    assert not [name for name in environment if "proxy" in name.lower() or name.startswith("INGRESS_")]


def test_the_public_commands_are_those_of_this_python() -> None:
    assert public_command("ingress")[0].startswith(str(Path(sys.executable).parent))
    assert public_command("nonesuch") == [sys.executable, "-m", "nonesuch"]
