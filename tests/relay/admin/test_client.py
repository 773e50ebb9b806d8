"""Whatever stands at the other end, a question ends in an answer or in one line that names who should have answered."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.admin import client
from relay.admin.client import NoAnswer, ask, ask_to_reload, no_answer, question_line, read_answer
from relay.admin.path import Kind
from relay.errors import OperatorError

QUESTION = {"ask": "status"}


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen()
        yield sock


def answer_with(listener: socket.socket, answer: bytes) -> threading.Thread:
    """Let one asker ask, then send *answer* and leave."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as file:
            file.readline()
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def test_an_answer(listener: socket.socket, tmp_path: Path) -> None:
    thread = answer_with(listener, b'{"version": 1, "node": "us"}\nand more')
    assert ask(tmp_path / "s", QUESTION, "relay") == {"version": 1, "node": "us"}
    thread.join()


@pytest.mark.parametrize("kind", ["ingress", "relay"])
@pytest.mark.parametrize("answer", [b"", b"{", b"[]\n", b'{"version": 2}\n', b"\xff\n", b"[" * 9000 + b"\n", b"null\n"])
def test_an_answer_that_makes_no_sense(listener: socket.socket, tmp_path: Path, answer: bytes, kind: Kind) -> None:
    thread = answer_with(listener, answer)
    with pytest.raises(NoAnswer, match=rf"s: .*{kind}"):
        ask(tmp_path / "s", QUESTION, kind)
    thread.join()


def test_an_error_is_the_programs_own(listener: socket.socket, tmp_path: Path) -> None:
    thread = answer_with(listener, b'{"version": 1, "error": "line 3: unknown key"}\n')
    with pytest.raises(OperatorError, match=r"^line 3: unknown key$") as caught:
        ask(tmp_path / "s", QUESTION, "relay")
    assert not isinstance(caught.value, NoAnswer)
    thread.join()


@pytest.mark.parametrize("kind", ["ingress", "relay"])
def test_nobody_there(tmp_path: Path, kind: Kind) -> None:
    with pytest.raises(NoAnswer, match=rf"no {kind} answers there \(No such file or directory\); is it still running"):
        ask(tmp_path / "s", QUESTION, kind)


def test_one_that_hangs_is_given_up(listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.02)
    with pytest.raises(NoAnswer, match=r"no relay answers there \(timed out\)"):
        ask(tmp_path / "s", QUESTION, "relay")


def test_a_reload_that_takes_long_may_still_be_under_way(
    listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "RELOAD_PATIENCE", 0.02)
    with pytest.raises(NoAnswer, match=r"has not answered within 0\.02 s; if it still reads its files, its log"):
        ask_to_reload(tmp_path / "s", "relay")
    with pytest.raises(NoAnswer, match="no ingress answers there"):
        ask_to_reload(tmp_path / "nowhere", "ingress")


def test_those_with_a_loop_of_their_own_share_the_reading(tmp_path: Path) -> None:
    assert question_line(QUESTION) == b'{"ask": "status"}\n'
    assert read_answer(tmp_path, b'{"version": 1}\n', "ingress") == {"version": 1}
    assert str(no_answer(tmp_path, "ingress", TimeoutError())).startswith(
        f"{tmp_path}: no ingress answers there (Timeout"
    )
