"""The program that sends one message, to a real web server."""

import builtins
import io
import json
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ingress.alerts import __main__ as program
from ingress.alerts.letter import Letter, trial
from tests.hook import Hook, serve_hook

pytestmark = pytest.mark.filterwarnings("ignore:.*imghdr.*:DeprecationWarning")  # Apprise looks at pictures

LETTER = trial("shanghai", "zh", 0.0)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serve_hook() as hook:
        yield hook


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in program.PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # taken out again by the program


def asked(url: str, letter: Letter = LETTER, *, is_webhook: bool = True, proxy: str | None = None) -> dict[str, Any]:
    return {
        "url": url,
        "is_webhook": is_webhook,
        "title": letter.title,
        "text": letter.text,
        "fields": letter.fields,
        "proxy": proxy,
    }


def send(monkeypatch: pytest.MonkeyPatch, question: dict[str, Any]) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(question)))
    return program.main()


def nobody() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_webhook_gets_the_fields(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(monkeypatch, asked(hook.url)) == 0
    assert hook.came.get_nowait() == LETTER.fields
    assert capsys.readouterr().out == ""
    assert not any(name in os.environ for name in program.PROXIES)


def test_an_answer_that_is_none(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status = 503
    assert send(monkeypatch, asked(hook.url)) == 1
    assert capsys.readouterr().out == "127.0.0.1 answers 503\n"


def test_a_redirect_is_no_answer(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status, hook.location = 302, hook.url
    assert send(monkeypatch, asked(hook.url)) == 1
    assert capsys.readouterr().out == "127.0.0.1 answers 302\n"
    assert hook.came.qsize() == 1


def test_nobody_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(monkeypatch, asked(f"http://127.0.0.1:{nobody()}/secret-path")) == 1
    said = capsys.readouterr().out
    assert "refused" in said
    assert "secret-path" not in said


def test_apprise_takes_it_to_a_service(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert send(monkeypatch, asked(f"json://127.0.0.1:{hook.port}/key", is_webhook=False)) == 0
    came = hook.came.get_nowait()
    assert (came["title"], came["message"]) == (LETTER.title, LETTER.text)


def test_what_apprise_says_of_a_failure_is_without_secrets(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status = 403
    question = asked(f"json://user:hunter22@127.0.0.1:{hook.port}/verysecret", is_webhook=False)
    assert send(monkeypatch, question) == 1
    said = capsys.readouterr().out
    assert "403" in said
    assert "hunter22" not in said
    assert "verysecret" not in said


def test_a_url_that_is_of_no_service(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert send(monkeypatch, asked("nosuch://host", is_webhook=False)) == 1
    assert "does not understand the URL" in capsys.readouterr().out


def test_a_proxy_is_taken(monkeypatch: pytest.MonkeyPatch, hook: Hook, capsys: pytest.CaptureFixture[str]) -> None:
    dead = f"http://ingress-alert:pass@127.0.0.1:{nobody()}"
    for is_webhook in (True, False):
        url = hook.url if is_webhook else f"json://127.0.0.1:{hook.port}/"
        assert send(monkeypatch, asked(url, is_webhook=is_webhook, proxy=dead)) == 1
        assert capsys.readouterr().out
    assert hook.came.empty()


def test_without_apprise_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    assert send(monkeypatch, asked("json://host", is_webhook=False)) == 1
    assert "pip install apprise" in capsys.readouterr().out


def test_what_cannot_be_sent_at_all_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(monkeypatch, asked("http://[bad")) == 1
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "url", "keeps_host", "left"),
    [
        ("at tgram://bot:tok/chat", "tgram://bot:tok/chat", False, "at …"),
        ("the key s%2Fcret and s/cret", "x://h/s%2Fcret", False, "the key … and …"),
        ("hooks.example refuses abcd", "https://hooks.example/abcd", True, "hooks.example refuses …"),
        ("token=12345", "https://h/?token=12345", True, "…=…"),
    ],
)
def test_scrubbed(text: str, url: str, keeps_host: bool, left: str) -> None:
    assert program.scrubbed(text, url, keeps_host=keeps_host) == left
