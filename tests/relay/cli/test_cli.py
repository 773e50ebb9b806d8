import argparse
import datetime
import os
import pwd
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ingress.keys import make_keys
from relay import __version__
from relay.cli import HANDLERS, main
from relay.cli.common import add_command, new_parser, run
from relay.errors import OperatorError
from relay.private import write_private

NETWORK = """\
version = 1
[ingress.sh]
[node.jp]
address = "203.0.113.10:1"
[node.us]
address = "203.0.113.20:1"
exit = true
hosts = "hosts"
[line.ix]
from = "sh"
to = "jp"
[line.pacific]
from = "jp"
to = "us"
both = true
proxy = { url = "socks5://a.example:1", user = "u", password = { file = "password" } }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that the nodes need, where the command is run."""
    monkeypatch.chdir(tmp_path)
    for name in ("INGRESS_CONFIG", "INGRESS_KEYS", "INGRESS_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "paths.toml").write_text(NETWORK)
    (tmp_path / "hosts").write_text("")
    write_private(tmp_path / "password", b"p")
    make_keys(tmp_path / "keys", ["sh"], ["jp", "us"], datetime.datetime.now(datetime.UTC))
    return tmp_path


def test_check_says_what_a_node_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "us"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [  # who is not root is warned about port 1
        "ok: us is an exit",
        "listens at: 0.0.0.0:1, [::]:1",
        "lines that lead here: pacific",
        "lines it dials: pacific",
    ]


def test_f7_check_says_which_allow_does_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allow = 'allow = [{ cidr = "ff02::/16", reason = "r" }, { cidr = "::ffff:10.0.0.0/104", reason = "r" }]'
    (folder / "paths.toml").write_text(NETWORK.replace('hosts = "hosts"', f'hosts = "hosts"\n{allow}'))
    assert main(["check", "us"]) == 0
    (said,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert said == "warning: node.us.allow: ff02::/16 does nothing: no TCP connection leads to a multicast address"


def test_check_says_everything_that_a_node_lacks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("hosts", "password", "keys/us/node.pem"):
        (folder / name).unlink()
    assert main(["check", "us"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        "keys/us/node.pem",
        str(folder / "hosts"),
        str(folder / "password"),
    ]
    assert all(line.startswith("relay: ") for line in lines)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root judges for others")
def test_g6_check_judges_as_the_owner_of_the_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        os.chown(path, 65534, 65534)
    for above in folder.parents[:-2]:
        above.chmod(above.stat().st_mode | 0o011)
    assert main(["check", "us"]) == 0
    user = pwd.getpwuid(65534).pw_name
    assert capsys.readouterr().out.splitlines()[-1] == f"all of it can be read by: {user}"
    for name in ("keys/us/node.key", "hosts"):
        os.chown(folder / name, 0, 0)
        (folder / name).chmod(0o600)
    assert main(["check", "us"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"relay: keys/us/node.key: {user} cannot read it; run: chown {user}: keys/us/node.key",
        f"relay: {folder}/hosts: {user} cannot read it; run: chown {user}: {folder}/hosts",
    ]
    os.chown(folder / "keys" / "us", 0, 0)
    (folder / "keys" / "us").chmod(0o700)
    assert main(["check", "us"]) == 1
    mend = f"{user} cannot get into {folder}/keys/us; run: chown -R {user}: {folder}/keys/us"
    assert mend in capsys.readouterr().err


def test_g6_check_tries_to_listen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (folder / "paths.toml").write_text(NETWORK.replace("exit = true", f'exit = true\nlisten = "{address}"'))
        assert main(["check", "us"]) == 1
        assert capsys.readouterr().err.startswith(f"relay: cannot listen on {address}: Address already in use")
    assert main(["check", "us"]) == 0


def test_check_does_not_compete_with_the_node_that_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket(socket.AF_UNIX) as admin:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (folder / "paths.toml").write_text(NETWORK.replace("exit = true", f'exit = true\nlisten = "{address}"'))
        admin.bind(str(folder / "admin"))
        admin.listen()
        assert main(["check", "us", "--admin", str(folder / "admin")]) == 0


def test_check_of_a_folder_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "us", "--config", "nowhere/paths.toml"]) == 1
    said = "relay: nowhere/paths.toml: there is no such file; name it with --config or INGRESS_CONFIG\n"
    assert capsys.readouterr().err == said


def test_check_refuses_the_keys_of_an_ingress(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "paths.toml").write_text(
        NETWORK.replace("ingress.sh", "ingress.bj").replace('"sh"', '"bj"') + '[node.sh]\naddress = "a:1"\n'
    )
    assert main(["check", "sh"]) == 1
    assert "the keys are those of an ingress; run `ingress keys --renew sh`" in capsys.readouterr().err


def test_mistakes_in_the_file_are_one_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace("both = true", "both = 1\nbotch = 1"))
    assert main(["check", "us"]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("relay: paths.toml:15: line.pacific.both: 1 is neither true nor false")
    assert second.startswith("relay: paths.toml:16: line.pacific.botch: is not a key here")


@pytest.mark.parametrize("command", sorted(HANDLERS))
def test_every_command_has_its_handler(command: str) -> None:
    module, _, function = HANDLERS[command].partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize(
    "argv", [[], ["serv", "jp"], ["serve"], ["check", "us", "--log-level", "loud"], ["status", "x"]]
)
def test_wrong_usage_is_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: relay" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"relay {__version__}\n"


def options(*argv: str) -> argparse.Namespace:
    parser = new_parser("relay", "")
    add_command(parser.add_subparsers(dest="command_name"), "status", "", "")
    return parser.parse_args(argv)


def test_common_options_stand_before_and_behind_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGRESS_CONFIG", "env.toml")
    monkeypatch.setenv("INGRESS_ADMIN", "env.sock")
    assert (options("status").config, options("status").admin) == (Path("env.toml"), "env.sock")
    for argv in (("--config", "own.toml", "status"), ("status", "--config", "own.toml")):
        assert options(*argv).config == Path("own.toml")
        assert options(*argv).admin == "env.sock"


def handler(error: BaseException) -> int:
    """Run a command that fails with *error*, through a module of that name."""

    def fail(options: argparse.Namespace) -> int:
        raise error

    sys.modules["failing"] = argparse.Namespace(run=fail)  # type: ignore[assignment]
    try:
        return run("relay", options("status"), {"status": "failing:run"})
    finally:
        del sys.modules["failing"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperatorError("what; do"), "relay: what; do\n"),
        (OperatorError("one\ntwo"), "relay: one\nrelay: two\n"),
        (OSError(98, "Address in use"), "relay: Address in use; stop what listens there, or take another port\n"),
        (PermissionError(13, "Permission denied", "f"), "relay: f: Permission denied; give this user the right to it"),
        (OSError("odd"), "relay: odd\n"),
        (
            ExceptionGroup("", [OperatorError("one"), ExceptionGroup("", [OSError(5, "two")])]),
            "relay: one\nrelay: two\n",
        ),
        (KeyboardInterrupt(), "\n"),
    ],
)
def test_foreseeable_errors_are_lines(error: BaseException, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert handler(error) == 1
    assert capsys.readouterr().err.startswith(expected)


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(RuntimeError):
        handler(RuntimeError())
    with pytest.raises(BaseExceptionGroup):
        handler(BaseExceptionGroup("", [OperatorError("one"), RuntimeError()]))


def test_a_reader_that_left_is_no_traceback(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "import relay.cli, sys; sys.exit(relay.cli.main())", "check", "us"]
    with os.fdopen(writer) as stdout:
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (1, b"")
