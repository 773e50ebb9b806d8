"""The peers are installed beside another run of apt, and leave no service behind."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import install


class Attempts:
    """Stands for `attempt`: keeps what was run, and answers in turn, then with success."""

    def __init__(self, *answers: str) -> None:
        self.ran: list[str] = []
        self._answers = list(answers)

    def __call__(self, command: Sequence[str], env: dict[str, str] | None = None) -> str:
        self.ran.append(" ".join(command))
        return self._answers.pop(0) if self._answers else ""


def attempts(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Attempts:
    made = Attempts(*answers)
    monkeypatch.setattr(install, "attempt", made)
    monkeypatch.setattr(install, "LOCK_AGAIN", 0.0)
    return made


def test_apt_is_asked_again_while_its_lists_are_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    made = attempts(monkeypatch, "E: Unable to lock directory /var/lib/apt/lists/")
    assert install.attempt_apt("update") == ""
    assert made.ran == ["apt-get -o DPkg::Lock::Timeout=300 update"] * 2


def test_other_failures_and_a_lock_that_stays_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = attempts(monkeypatch, "E: Unable to locate package v2ray", "E: Unable to lock directory")
    assert install.attempt_apt("install", "v2ray") == "E: Unable to locate package v2ray"
    monkeypatch.setattr(install, "LOCK_WAIT", -1.0)
    assert install.attempt_apt("update") == "E: Unable to lock directory"
    assert len(made.ran) == 2


def test_only_services_that_were_just_installed_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    made = attempts(monkeypatch)
    assert install.stop_services(["microsocks", "haproxy"]) == ""
    assert made.ran == ["service haproxy stop", "update-rc.d haproxy disable"]


def test_a_service_that_cannot_be_stopped_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = attempts(monkeypatch, "", "", "cannot be killed", "")
    assert install.stop_services(install.SERVICES) == "cannot be killed"
    assert made.ran[-2:] == ["service v2ray status", "update-rc.d v2ray disable"]


def test_a_service_that_did_not_run_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts(monkeypatch, "status 1", "status 3")
    assert install.stop_services(["v2ray"]) == ""


@pytest.mark.parametrize("answer", ["", "no such module"])
def test_what_go_builds_has_its_own_name_afterwards_and_nothing_else_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str
) -> None:
    def build(command: Sequence[str], env: dict[str, str]) -> str:
        if not answer:
            Path(env["GOBIN"], "main").write_text("a program")
        return answer

    monkeypatch.setattr(install, "attempt", build)
    monkeypatch.setattr(install, "BIN", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name, path=None: name if name == "go" else None)
    assert install.install_go("xray") == answer
    assert [file.name for file in tmp_path.iterdir()] == ([] if answer else ["xray"])


def test_a_command_that_is_not_there_is_a_failure_not_an_end() -> None:
    assert "nowhere" in install.attempt(["/nowhere/program"])


def test_every_step_is_told_before_it_runs_and_a_failure_does_not_end_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "install_packages", lambda: "as root: apt-get")
    monkeypatch.setattr(install, "install_pproxy", lambda: "")
    monkeypatch.setattr(install, "install_go", lambda name: "")
    assert install.install_all() == 1
    told = capsys.readouterr()
    assert [line.split()[-1] for line in told.err.splitlines()] == ["packages", "pproxy", *install.GO_PROGRAMS]
    assert told.out.startswith("packages: as root: apt-get\npproxy: installed\n")
