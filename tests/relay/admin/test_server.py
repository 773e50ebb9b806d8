"""The admin socket, asked as the commands ask it and as nobody should."""

import errno
import json
import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from relay.admin import server as admin
from relay.admin.client import ask
from relay.admin.server import LONGEST_QUESTION, Answer, serve_admin
from relay.errors import OperatorError
from tests.world import PATIENCE, Journal, read_all

RUBBISH = [b"", b"{", b"[]", b"7", b"null", b'"ask"', b"\xff\xfe", b'{"ask": []}', b'{"ask": "nothing"}', b"[" * 9000]


async def say(question: Mapping[str, Any]) -> Answer:
    return {"version": 1, "heard": question.get("word")}


async def refuse(_: Mapping[str, Any]) -> Answer:
    raise OperatorError("line 3: no such line")


async def fail(_: Mapping[str, Any]) -> Answer:
    raise ZeroDivisionError("a mistake of ours")


ASKS = {"say": say, "refuse": refuse, "fail": fail}


@pytest.fixture
async def place(tmp_path: Path, nursery: trio.Nursery, journal: Journal) -> Path:
    """Where it answers."""
    path = tmp_path / "run" / "us.relay.sock"
    await nursery.start(serve_admin, path, ASKS)
    return path


async def asked(path: Path, question: Mapping[str, Any]) -> dict[str, Any]:
    with trio.fail_after(PATIENCE):
        return await trio.to_thread.run_sync(ask, path, question, "relay")


async def said(path: Path, words: bytes) -> bytes:
    """All that is answered to *words*."""
    async with await trio.open_unix_socket(str(path)) as stream:
        await stream.send_all(words)
        await stream.send_eof()
        return await read_all(stream)


async def test_only_its_owner_may_ask(place: Path) -> None:
    modes = [stat.S_IMODE(os.stat(path).st_mode) for path in (place, place.parent)]
    assert modes == [0o600, 0o700]
    assert await asked(place, {"ask": "say", "word": "yes"}) == {"version": 1, "heard": "yes"}


async def test_another_user_is_not_answered(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.struct, "unpack", lambda *_: (1, 12345, 12345))
    async with await trio.open_unix_socket(str(place)) as stream:
        assert await read_all(stream) == b""


async def test_one_asker_may_ask_several_times(place: Path) -> None:
    answers = await said(place, b'{"ask": "say", "word": 1}\n{"ask": "refuse"}\n{"ask": "say", "word": 2}\n')
    assert [json.loads(line) for line in answers.splitlines()] == [
        {"version": 1, "heard": 1},
        {"version": 1, "error": "line 3: no such line"},
        {"version": 1, "heard": 2},
    ]


async def test_rubbish_is_answered_with_what_may_be_asked(place: Path) -> None:
    for words in RUBBISH:
        (answer,) = [json.loads(line) for line in (await said(place, words + b"\n")).splitlines()]
        assert answer["error"] == "unknown question; this process answers: fail, refuse, say", words


async def test_a_huge_question_is_not_read_to_its_end(place: Path) -> None:
    with pytest.raises(trio.BrokenResourceError):  # closed with bytes unread
        await said(place, b"x" * (8 * LONGEST_QUESTION))
    assert await asked(place, {"ask": "say"})


async def test_who_leaves_is_forgotten(place: Path) -> None:
    for words in (b"", b'{"ask": "say"', b'{"ask": "say"}\n' * 200):
        stream = await trio.open_unix_socket(str(place))
        await stream.send_all(words)
        await stream.aclose()
    assert await asked(place, {"ask": "say"})


async def test_who_says_nothing_is_closed(tmp_path: Path, nursery: trio.Nursery, journal: Journal) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admin, "QUESTION_SECONDS", 0.1)
        await nursery.start(serve_admin, tmp_path / "s", ASKS)
        async with await trio.open_unix_socket(str(tmp_path / "s")) as stream:
            assert await read_all(stream) == b""
        await journal.until("admin-question-failed", why="TooSlowError")


async def test_an_answer_that_takes_long_is_waited_for(
    tmp_path: Path, nursery: trio.Nursery, mock_clock: trio.testing.MockClock
) -> None:
    async def slow(_: Mapping[str, Any]) -> Answer:
        mock_clock.jump(100 * admin.QUESTION_SECONDS)
        await trio.testing.wait_all_tasks_blocked()
        return {"version": 1, "done": "at last"}

    await nursery.start(serve_admin, tmp_path / "s", {"slow": slow})
    async with await trio.open_unix_socket(str(tmp_path / "s")) as stream:
        for _ in range(2):
            await stream.send_all(b'{"ask": "slow"}\n')
            assert json.loads(await stream.receive_some())["done"] == "at last"
        mock_clock.jump(admin.QUESTION_SECONDS)  # none of them is the asker's own
        assert await read_all(stream) == b""
    nursery.cancel_scope.cancel()


async def test_an_answer_that_fails_harms_nobody(place: Path, journal: Journal) -> None:
    assert await said(place, b'{"ask": "fail"}\n') == b""
    await journal.until("handler-failed", level="error")
    assert await asked(place, {"ask": "say"})


async def test_without_descriptors_it_waits(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "ACCEPT_PAUSE", 0.001)

    class Full:
        tries = 0

        async def accept(self) -> tuple[str, None]:
            await trio.lowlevel.checkpoint()
            self.tries += 1
            if self.tries < 3:
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return "a connection", None

    assert await admin._accept(Full()) == "a connection"  # type: ignore[arg-type, comparison-overlap]
    assert len(journal.of("admin-accept-failed")) == 2


async def test_a_stale_socket_is_replaced_and_a_busy_one_is_not(place: Path, tmp_path: Path) -> None:
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    admin._listen(stale).close()
    with pytest.raises(OperatorError, match="another process answers at this admin socket already"):
        admin._listen(place)
    assert await asked(place, {"ask": "say"})


def test_a_socket_whose_backlog_is_full_is_busy(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(tmp_path / "s"))
        busy.listen(0)
        waiting.connect(str(tmp_path / "s"))
        with pytest.raises(OperatorError, match="another process answers"):
            admin._listen(tmp_path / "s")


def test_a_file_of_the_user_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "paths.toml").write_text("version = 1\n")
    with pytest.raises(OperatorError, match="is a file and no socket"):
        admin._listen(tmp_path / "paths.toml")
    assert (tmp_path / "paths.toml").read_text() == "version = 1\n"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match=r"the admin socket cannot be made \(.*\); choose another by --admin"):
        admin._listen(tmp_path / "file" / "s")


async def test_the_socket_goes_with_the_process(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_admin, path, ASKS)
        nursery.cancel_scope.cancel()
    assert not path.exists()
    with pytest.raises(OperatorError, match="no relay answers there"):
        await asked(path, {"ask": "say"})


async def test_an_error_is_raised_where_it_was_asked(place: Path) -> None:
    with pytest.raises(OperatorError, match=r"^line 3: no such line$"):
        await asked(place, {"ask": "refuse"})


def test_a_socket_that_cannot_be_bound_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError):
        admin._bind(tmp_path / "nowhere" / "s")
    assert len(os.listdir("/proc/self/fd")) == before
