"""./run says what is missing on a machine in one line, with the command that mends it."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TOOLS = ("sh", "cat", "cksum", "dirname", "id", "rm")
GOOD_PYTHON = '#!/bin/sh\ncase "$*" in *ensurepip*) exit {venv};; *) exit 0;; esac\n'
OLD_PYTHON = '#!/bin/sh\ncase "$*" in *platform*) echo 3.9.2; exit 0;; *) exit 1;; esac\n'


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder of programs that stands for a machine, beside a checkout whose path has a space."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for tool in TOOLS:
        (bin_folder / tool).symlink_to(shutil.which(tool) or tool)
    for tool in ("curl", "git", "apt-get"):
        write_program(bin_folder / tool, "#!/bin/sh\n")
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    shutil.copy(ROOT / "run", checkout)
    shutil.copy(ROOT / "pyproject.toml", checkout)
    return bin_folder


def write_program(path: pathlib.Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run(machine: pathlib.Path, *words: str) -> subprocess.CompletedProcess[str]:
    script = machine.parent / "a checkout" / "run"
    env = {"PATH": str(machine), "HOME": str(machine.parent)}
    line = [str(script), *words]
    return subprocess.run(line, check=False, env=env, cwd="/", capture_output=True, text=True, stdin=subprocess.DEVNULL)


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr.strip()


@pytest.mark.parametrize("command", ["demo", "tests", "check"])
def test_no_curl(machine: pathlib.Path, command: str) -> None:
    (machine / "curl").unlink()
    write_program(machine / "python3", GOOD_PYTHON.format(venv=0))
    line = only_line(run(machine, command))
    assert line.startswith("run: missing: curl: ")
    assert line.endswith("apt-get install -y curl")


@pytest.mark.parametrize("command", ["demo", "setup"])
def test_no_venv_module(machine: pathlib.Path, command: str) -> None:
    write_program(machine / "python3", GOOD_PYTHON.format(venv=1))
    line = only_line(run(machine, command))
    assert "missing: python3's venv module: " in line
    assert line.endswith("apt-get install -y python3-venv")


def test_a_later_python_is_found_beside_an_old_one(machine: pathlib.Path) -> None:
    write_program(machine / "python3", OLD_PYTHON)
    write_program(machine / "python3.12", GOOD_PYTHON.format(venv=1))
    assert only_line(run(machine, "demo")).endswith("apt-get install -y python3.12-venv")


def test_an_old_python(machine: pathlib.Path) -> None:
    write_program(machine / "python3", OLD_PYTHON)
    write_program(machine / "apt-cache", '#!/bin/sh\n[ "$2" = python3.11-venv ]\n')
    line = only_line(run(machine, "demo"))
    assert "missing: Python 3.11 or newer (python3 is 3.9.2): " in line
    assert line.endswith("apt-get install -y python3.11 python3.11-venv")


def test_a_system_that_has_no_new_python(machine: pathlib.Path) -> None:
    write_program(machine / "python3", OLD_PYTHON)
    write_program(machine / "apt-cache", "#!/bin/sh\nexit 100\n")
    assert "(python3 is 3.9.2): Debian 12" in only_line(run(machine, "demo"))


def test_all_that_is_missing_is_said_at_once(machine: pathlib.Path) -> None:
    (machine / "curl").unlink()
    (machine / "git").unlink()
    line = only_line(run(machine, "tests"))
    assert line.startswith("run: missing: curl, git, Python 3.11 or newer: ")
    assert line.endswith("apt-get install -y curl git python3 python3-venv")


def test_wrong_usage_shows_the_right_one(machine: pathlib.Path) -> None:
    done = run(machine, "deploy")
    assert done.returncode == 2
    assert "usage: ./run demo" in done.stderr
    assert run(machine, "--help").returncode == 0


def test_the_script_is_plain_shell() -> None:
    done = subprocess.run(["sh", "-n", ROOT / "run"], env={"PATH": os.environ["PATH"]}, check=False)
    assert done.returncode == 0
