import argparse
import datetime
import errno
import io
import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

from ingress import cli
from ingress.cli import main
from ingress.config import read_file
from ingress.demo.ports import free_ports
from ingress.keys import make_keys
from ingress.users_file import add_user, load_users
from relay.listen import open_listener

NETWORK = """\
version = 1
[ingress.sh]
listen = "127.0.0.1:1080"
[node.us]
address = "203.0.113.20:1"
exit = true
[line.direct]
from = "sh"
to = "us"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small network, where the command is run."""
    monkeypatch.chdir(tmp_path)
    for name in ("INGRESS_CONFIG", "INGRESS_KEYS", "INGRESS_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "paths.toml").write_text(NETWORK)
    return tmp_path


Output = pytest.CaptureFixture[str]


def test_check_counts(capsys: Output) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "ok: 1 ingress, 1 node, 1 line, 1 path\n"


def test_check_reads_the_file_it_is_given(folder: Path, capsys: Output) -> None:
    (folder / "other.toml").write_text(NETWORK + '[node.eu]\naddress = "a:1"\n')
    assert main(["check", "other.toml"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "ok: 1 ingress, 2 nodes, 1 line, 1 path"
    assert second.startswith("warning: node.eu: no path goes through it")


def test_check_tells_all_mistakes(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace("exit", "exist") + "form = 1\n")
    assert main(["check"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        'ingress: paths.toml:6: node.us.exist: is not a key here; did you mean "exit"?',
        'ingress: paths.toml:10: line.direct.form: is not a key here; did you mean "from"?',
    ]


def test_check_print_can_be_kept_as_a_file(folder: Path, capsys: Output) -> None:
    assert main(["check", "--print"]) == 0
    captured = capsys.readouterr()
    (folder / "kept.toml").write_text(captured.out)
    assert read_file(folder / "kept.toml").network == read_file(folder / "paths.toml").network
    assert 'drain = "10s"' in captured.out
    assert captured.err.startswith("ok: ")


def make(folder: Path, days_ago: float) -> None:
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days_ago)
    make_keys(folder / "keys", ["sh"], ["us"], now)


def test_check_looks_at_the_keys_that_are_here(folder: Path, capsys: Output) -> None:
    make(folder, days_ago=0)
    (folder / "keys" / "us" / "node.key").chmod(0o644)
    assert main(["check"]) == 1
    assert "chmod 600 keys/us/node.key" in capsys.readouterr().err


def test_check_warns_of_certificates_that_end_soon(folder: Path, capsys: Output) -> None:
    make(folder, days_ago=5 * 365 - 29)
    assert main(["check"]) == 0
    _, *warnings = capsys.readouterr().out.splitlines()
    assert [warning.rpartition("run ")[2] for warning in warnings] == [
        "`ingress keys --renew sh`",
        "`ingress keys --renew us`",
    ]


def test_check_refuses_keys_of_the_wrong_role(folder: Path, capsys: Output) -> None:
    make_keys(folder / "keys", ["us"], ["sh"], datetime.datetime.now(datetime.UTC))
    assert main(["check"]) == 1
    assert [line.split(";")[0] for line in capsys.readouterr().err.splitlines()] == [
        "ingress: keys/sh: has the keys of a node, and is an ingress in the file",
        "ingress: keys/us: has the keys of an ingress, and is a node in the file",
    ]


def test_check_wants_a_folder_for_what_is_learned(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", 'state = "paths.toml"\n[node.us]'))
    assert main(["check"]) == 1
    assert "paths.toml: is a file and no folder; name another one" in capsys.readouterr().err
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", 'state = "keys"\n[node.us]'))
    assert main(["check"]) == 0


def test_check_wants_the_users_that_the_file_names(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", 'users = "users.toml"\n[node.us]'))
    assert main(["check"]) == 1
    said = "users.toml: there is no such file; run `ingress user add NAME` (ingress.sh.users names it)\n"
    assert capsys.readouterr().err.endswith(said)
    add_user(folder / "users.toml", "bob", "one")
    assert main(["check"]) == 0


def test_g6_check_finds_users_that_cannot_be_used(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", 'users = "users.toml"\n[node.us]'))
    add_user(folder / "users.toml", "bob", "one")
    (folder / "users.toml").chmod(0o644)
    assert main(["check"]) == 1
    assert "others than its owner can read it (mode 644); run: chmod 600" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves files to others")
def test_g6_what_root_writes_for_a_service_can_be_read_by_it(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", 'users = "users.toml"\n[node.us]'))
    give(folder, NOBODY)
    add_user(folder / "users.toml", "bob", "one")
    assert main(["keys"]) == 0
    assert main(["keys", "--renew", "us"]) == 0
    written = [path for path in folder.rglob("*") if path.name != "paths.toml"]
    assert len(written) > 8 and {path.stat().st_uid for path in written} == {NOBODY}
    assert main(["check"]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root judges for others")
def test_g6_root_checks_as_the_owner_of_the_folder(folder: Path, capsys: Output) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", 'users = "users.toml"\n[node.us]'))
    add_user(folder / "users.toml", "bob", "one")
    give(folder, NOBODY)
    assert main(["check"]) == 1
    user = pwd.getpwuid(NOBODY).pw_name
    said = f"users.toml: {user} cannot read it; run: chown {user}: {folder}/users.toml (ingress.sh.users names it)\n"
    assert capsys.readouterr().err.endswith(said)
    assert os.geteuid() == 0 and os.getegid() == 0


NOBODY = 65534


def give(folder: Path, user: int) -> None:
    """Let *user* own *folder*, and get to it."""
    os.chown(folder, user, user)
    for above in (folder, *folder.parents[:-2]):
        above.chmod(above.stat().st_mode | 0o011)


def test_g8_check_says_where_an_ingress_could_not_listen(
    folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "paths.toml").write_text(NETWORK.replace('"127.0.0.1:1080"', '["127.0.0.1:1080", "[::1]:1080"]'))
    assert main(["keys"]) == 0
    monkeypatch.setattr("relay.listen.open_listener", without_ipv6)
    capsys.readouterr()
    assert main(["check"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "warning: cannot listen on [::1]:1080: this host has no IPv6",
    ]


def without_ipv6(address: tuple[str, int]) -> socket.socket:
    if ":" in address[0]:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    return open_listener((address[0], 0))


def test_g6_check_says_what_else_listens_there(folder: Path, capsys: Output) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folder / "paths.toml").write_text(NETWORK.replace("127.0.0.1:1080", f"127.0.0.1:{port}"))
        assert main(["keys"]) == 0
        capsys.readouterr()
        assert main(["check"]) == 0  # the file may be for another machine
    warning = capsys.readouterr().out.splitlines()[1]
    assert warning.startswith(
        f"warning: ingress.sh: cannot listen on 127.0.0.1:{port}: Address already in use; another"
    )


def test_check_tries_the_ports_of_forwards_for_datagrams_too(folder: Path, capsys: Output) -> None:
    forward = '[[forward]]\nprotocol = "udp"\nlisten = "127.0.0.1:{}"\ntarget = "game.example:53"\n'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        (folder / "paths.toml").write_text(NETWORK.replace("1080", str(free_ports(1)[0])) + forward.format(port))
        assert main(["keys"]) == 0
        capsys.readouterr()
        assert main(["check"]) == 0
        (warning,) = [line for line in capsys.readouterr().out.splitlines() if "datagrams" in line]
        assert warning.startswith(
            f"warning: ingress.sh: cannot listen on 127.0.0.1:{port} for datagrams: Address already in use"
        )
    assert main(["check"]) == 0
    assert "datagrams" not in capsys.readouterr().out


def test_keys_are_made_once_and_renewed_by_name(folder: Path, capsys: Output) -> None:
    assert main(["keys"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8
    assert main(["keys"]) == 0
    assert capsys.readouterr().out == "nothing is missing: 2 folders in keys, the CA in ca\n"
    assert main(["keys", "--renew", "us"]) == 0
    assert capsys.readouterr().out.splitlines() == ["keys/us/node.key", "keys/us/node.pem"]
    assert main(["keys", "--renew", "uss"]) == 1
    assert 'no node or ingress "uss" in the file; did you mean "us"?' in capsys.readouterr().err


def test_keys_stand_where_the_option_says(folder: Path) -> None:
    assert main(["keys", "--keys", "elsewhere/keys"]) == 0
    assert (folder / "elsewhere" / "ca" / "ca.pem").exists()
    assert (folder / "elsewhere" / "keys" / "us" / "node.pem").exists()


def test_users_are_added_listed_and_removed(folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\nrest"))
    assert main(["user", "add", "bob", "--password-stdin"]) == 0
    assert "bob was added; not asked for yet: write users" in capsys.readouterr().out
    assert load_users(folder / "users.toml").verify(b"bob", b"one")
    assert main(["user", "list"]) == 0
    assert capsys.readouterr().out == "bob\n"
    assert main(["user", "remove", "bobb"]) == 1
    assert 'no user "bobb"; did you mean "bob"?' in capsys.readouterr().err
    assert main(["user", "remove", "bob"]) == 0
    assert main(["user", "add", "a:b", "--password-stdin"]) == 1
    assert "has a colon" in capsys.readouterr().err


def test_users_of_the_page_have_a_file_of_their_own(
    folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("one"))
    assert main(["user", "--page", "add", "bob", "--password-stdin"]) == 0
    assert 'not asked for yet: write web_users = "web-users.toml"' in capsys.readouterr().out
    page = 'web = "127.0.0.1:9090"\nweb_users = "others.toml"\n[node.us]'
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", page))
    assert main(["check"]) == 1
    assert "others.toml: there is no such file" in (said := capsys.readouterr().err) and "for its page" in said
    monkeypatch.setattr(sys, "stdin", io.StringIO("two"))
    assert main(["user", "--page", "add", "ann", "--password-stdin"]) == 0
    assert "run: ingress reload" in capsys.readouterr().out
    assert load_users(folder / "others.toml").verify(b"ann", b"two") and main(["check"]) == 0


def test_a_password_without_end_is_refused(folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    for longest in ("x" * 255, "x" * 255 + "\r\n"):
        monkeypatch.setattr(sys, "stdin", io.StringIO(longest))
        assert main(["user", "add", "bob", "--password-stdin"]) == 0
    with open("/dev/zero", encoding="utf-8") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        assert main(["user", "add", "bob", "--password-stdin"]) == 1
    assert load_users(folder / "users.toml").verify(b"bob", b"x" * 255)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_password_is_asked_for_twice(folder: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["one", "two", "three", "three"]
    monkeypatch.setattr("getpass.getpass", lambda prompt: answers.pop(0))
    assert main(["user", "add", "bob"]) == 1
    assert "use --password-stdin" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert main(["user", "add", "bob"]) == 1
    assert "the two passwords differ; nothing was changed" in capsys.readouterr().err
    assert main(["user", "add", "bob"]) == 0
    assert load_users(folder / "users.toml").verify(b"bob", b"three")


def test_users_are_those_of_the_ingress_that_has_them(folder: Path, capsys: Output) -> None:
    second = '[ingress.bj]\nlisten = "127.0.0.1:1"\nusers = "own.toml"\n[line.bj-us]\nfrom = "bj"\nto = "us"\n'
    (folder / "paths.toml").write_text(NETWORK + second)
    add_user(folder / "own.toml", "bob", "one")
    assert main(["user", "list"]) == 0
    assert capsys.readouterr().out == "bob\n"
    (folder / "paths.toml").write_text(NETWORK.replace("[node.us]", 'users = "users.toml"\n[node.us]') + second)
    assert main(["user", "list"]) == 1
    assert "name one of sh, bj with --ingress" in capsys.readouterr().err
    assert main(["user", "--ingress", "bj", "list"]) == 0
    assert capsys.readouterr().out == "bob\n"


def given_to(monkeypatch: pytest.MonkeyPatch, *argv: str) -> argparse.Namespace:
    """The options that the handler of a command would be called with."""
    kept: list[argparse.Namespace] = []

    def keep(program: str, options: argparse.Namespace, handlers: Mapping[str, str]) -> int:
        kept.append(options)
        return 0

    monkeypatch.setattr(cli, "run", keep)
    assert main(argv) == 0
    return kept[0]


def test_options_reach_their_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = given_to(monkeypatch, "demo", "--", "curl", "--", "-x", "--keys", "k")
    assert (demo.command, demo.keys) == (["curl", "--", "-x", "--keys", "k"], Path("keys"))
    assert given_to(monkeypatch, "demo").command == []
    assert given_to(monkeypatch, "serve").name is None
    assert given_to(monkeypatch, "serve", "sh").name == "sh"
    paths = given_to(monkeypatch, "paths", "--why", "a.example:443")
    assert (paths.watch, paths.json, paths.why) == (False, False, "a.example:443")


@pytest.mark.parametrize(
    "argv",
    [[], ["chekc"], ["demo", "--"], ["demo", "x"], ["serve", "--"], ["paths", "--watch", "--json"], ["user"]],
)  # fmt: skip
def test_wrong_usage_is_2(argv: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert "usage: ingress" in capsys.readouterr().err


@pytest.mark.parametrize("command", sorted(cli.HANDLERS))
def test_every_command_explains_itself(command: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "INGRESS_CONFIG" in text
    assert len(text.splitlines()) > 15


@pytest.mark.parametrize("command", sorted(cli.HANDLERS))
def test_every_command_has_its_handler(command: str) -> None:
    module, _, function = cli.HANDLERS[command].partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("argv", [["--help"], ["check"], ["check", "--print"]])
def test_light_commands_import_nothing_heavy(folder: Path, argv: list[str]) -> None:
    make(folder, days_ago=0)
    script = (
        "import sys, ingress.cli\n"
        "try: ingress.cli.main()\n"
        "except SystemExit: pass\n"
        "print('heavy:', {'trio', 'rich', 'cryptography', 'dns', 'h11', 'cattrs'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script, *argv], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.endswith("heavy: set()\n"), done.stdout
