"""`ingress alert test` without an ingress that runs, and what `ingress check` says of alerts."""

import importlib.util
import stat
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingress.cli import alert
from ingress.cli.check import alert_warnings
from ingress.cli.wording import Wording
from ingress.config import load
from relay.admin import path as places
from relay.admin.path import AdminError
from relay.errors import OperatorError
from tests.hook import Hook, serve_hook
from tests.ingress.config.test_alert import NETWORK


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serve_hook() as hook:
        yield hook


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(places, "SYSTEM_FOLDER", tmp_path / "none")
    monkeypatch.setenv("LC_ALL", "C")
    return Namespace(admin=None, config=str(tmp_path / "paths.toml"), ingress=None, action="test")


def write(options: Namespace, alerts: str) -> None:
    Path(options.config).write_text(f"{NETWORK}\n{alerts}")


def test_a_trial_from_here(options: Namespace, hook: Hook, capsys: pytest.CaptureFixture[str]) -> None:
    write(options, f'[[alert]]\nwebhook = "{hook.url}"\n[[alert]]\ncommand = ["{sys.executable}", "-c", "exit(7)"]\n')
    assert alert.run(options) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "no ingress runs here: sent from here, directly alone"
    assert told[1].endswith("webhook: taken, directly")
    assert told[2].endswith("command: not taken: ended with 7")
    assert hook.came.get()["title"] == "shanghai: a test"


def test_a_socket_that_was_named_has_to_be_there(options: Namespace, tmp_path: Path) -> None:
    options.admin = str(tmp_path / "no.sock")
    with pytest.raises(AdminError):
        alert.run(options)


def test_a_file_without_alerts(options: Namespace) -> None:
    write(options, "")
    with pytest.raises(OperatorError, match=r"no \[\[alert\]\]"):
        alert.run(options)


def test_how_each_went_in_chinese() -> None:
    told = [{"to": "a", "way": "paths", "error": None}, {"to": "b", "way": "", "error": "Connection refused"}]
    assert alert.lines(told, Wording("zh")) == ["a：已送达，经自己的路径发送", "b：未送达：连接被拒绝"]


def test_check_says_what_keeps_alerts_back(options: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "bark.url"
    secret.write_text("barks://host/key")
    secret.chmod(stat.S_IRUSR | stat.S_IROTH)
    write(options, '[[alert]]\nto = { file = "bark.url" }\n')
    alerts = load(options.config).alerts
    (open_to_all,) = alert_warnings(alerts, tmp_path)
    assert "chmod 600" in open_to_all
    secret.chmod(0o600)
    assert list(alert_warnings(alerts, tmp_path)) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    (missing,) = alert_warnings(alerts, tmp_path)
    assert "pip install apprise" in missing


def test_check_says_which_command_is_no_program(options: Namespace, tmp_path: Path) -> None:
    (tmp_path / "tell").write_text("#!/bin/sh\n")
    write(options, '[[alert]]\ncommand = ["sh", "-c", "cat"]\n[[alert]]\ncommand = ["./tell"]\n')
    alerts = load(options.config).alerts
    (found,) = alert_warnings(alerts, tmp_path)
    assert "alert 2 (line " in found and found.endswith(", command: ./tell is no program that can be run here")
    (tmp_path / "tell").chmod(0o755)
    assert list(alert_warnings(alerts, tmp_path)) == []
