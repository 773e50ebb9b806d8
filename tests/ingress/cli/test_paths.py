"""`ingress paths` and `ingress reload` against a real Unix socket, which a thread answers."""

import io
import json
import os
import socket
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ingress.cli import paths
from ingress.cli.render_paths import datagram_notes
from ingress.cli.wording import Wording
from relay.admin.client import NoAnswer, ask
from relay.errors import OperatorError

ROW: dict[str, Any] = {
    "rank": 1,
    "path": "ix-dmit/jp-us-dmit",
    "exit": "us-dmit",
    "state": "up",
    "in_band": True,
    "round_trip": 0.1302,
    "p95": 0.1349,
    "deviation": 0.0012,
    "late": 0.01,
    "cost": 0.14,
    "dial_time": 0.129,
    "streams": 12,
    "bulk": 1,
    "redundant": 2,
    "bytes_up": 1_234_567,
    "bytes_down": 5_600_000_000,
    "age": 0.21,
    "interval": 0.25,
    "reason": "best",
    "moves": 3,
    "resumes": 4,
    "longest_pause": 0.61,
    "lost": {},
    "deaths": 0,
}
BROKEN = {**ROW, "rank": 2, "path": "ix-nube/jp-us-nube", "exit": "us-nube", "state": "stalled", "in_band": False}
UNKNOWN = {
    **BROKEN,
    "rank": None,
    "state": "spare",
    "reason": "too long",
    **dict.fromkeys(("round_trip", "p95", "age")),
}
LINE: dict[str, Any] = {
    "line": "ix-dmit",
    "start": "shanghai",
    "end": "jp-dmit",
    "state": "up",
    "round_trip": 0.0301,
    "dial_time": 0.0299,
    "probe_bytes_per_day": 52_000_000,
    "streams": 12,
    "bytes_up": 0,
    "bytes_down": 0,
    "provider": None,
    "directions": [{"start": "jp-dmit", "end": "shanghai", "loss": 0.0123}],
    "carries": [
        {"start": "shanghai", "end": "jp-dmit", "least": 0.0, "most": 12.5e6, "now": 0.0, "age": None, "seen_in": None},
        {
            "start": "jp-dmit",
            "end": "shanghai",
            "least": 2.5e7,
            "most": None,
            "now": 1e6,
            "age": 7.0,
            "seen_in": "stream",
        },
    ],
}
OLDER = "us-dmit has an older paths.toml (serial 3, here 5): update us-dmit"
NODE = {
    "node": "us-dmit",
    "is_exit": True,
    "state": "up",
    "version": "0.1.0",
    "stale_config": True,
    "config": OLDER,
    "draining": True,
}
PATHS: dict[str, Any] = {
    "version": 1,
    "ingress": "shanghai",
    "time": "2030-01-01T00:00:00+00:00",
    "paths": [ROW, {**BROKEN, "reason": "answer overdue"}, UNKNOWN],
    "lines": [LINE],
    "nodes": [NODE, {**NODE, "node": "jp-dmit", "stale_config": False, "config": None, "draining": False}],
    "totals": {**ROW, "lost": {"exit-lost": 2}, "probe_bytes_per_day": 52_000_000},
    "blame": ["line jp-us-nube: [jp-nube] is well"],
    "warnings": ["us-dmit: its certificate ends in 9 days"],
}
TERM = {"name": "round trip", "value": 0.13, "source": "measured", "note": "median of 5"}
WHY: dict[str, Any] = {
    "version": 1,
    "target": "example.com:443",
    "site": "example.com",
    "paths": ["ix-dmit/jp-us-dmit"],
    "exit": "us-dmit",
    "reason": "best path (best)",
    "margin": 0.003,
    "candidates": [
        {**ROW, "terms": [TERM, {"name": "exit to target", "value": 0.01, "source": "assumed", "note": "median"}]}
    ],
    "would_switch": ["at once when it stalls"],
    "switches": [{"age": 75.0, "old": "a", "new": "b", "reason": "4.0 ms cheaper"}],
    "kept": {"us-dmit": 3},
    "answers_early": True,
    "bulk": [
        {"direction": "down", "path": "b", "expected": 2.5e7, "is_trial": False, "reason": "the fastest that is known"},
        {"direction": "up", "path": "a", "expected": 0.0, "is_trial": True, "reason": "to see what it carries"},
    ],
    "rule": None,
}
ANSWERS = {"paths": PATHS, "why": WHY, "reload": {"version": 1, "done": "2 lines changed"}}


class Ingress:
    """Answers like a running ingress; `answers` may be changed, `asked` holds the questions."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.answers: dict[str, Any] = dict(ANSWERS)
        self.asked: list[dict[str, Any]] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(place))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rwb") as file:
                line = file.readline()
                if line == b"stop\n":
                    return
                if line:
                    self.asked.append(json.loads(line))
                    file.write(self._answer(self.asked[-1]["ask"]))

    def _answer(self, ask: str) -> bytes:
        answer = self.answers[ask]
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(self.place))
            connection.sendall(b"stop\n")
        self._thread.join()
        self._listener.close()


@pytest.fixture
def ingress(tmp_path: Path) -> Iterator[Ingress]:
    running = Ingress(tmp_path / "sh.sock")
    yield running
    running.stop()


def options(ingress: Ingress, **more: object) -> Namespace:
    return Namespace(
        **{
            "admin": str(ingress.place),
            "watch": False,
            "json": False,
            "why": None,
            "client": "",
            "user": "",
            "listen": "",
            **more,
        }
    )


def test_the_table_has_every_figure_and_fits_100_columns(ingress: Ingress, capsys: pytest.CaptureFixture[str]) -> None:
    assert paths.run(options(ingress)) == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 100
    row = next(line for line in shown.splitlines() if "ix-dmit/jp-us-dmit" in line)
    for figure in ("1=", "up", "130", "135", "1.2", "1%", "129", "12 (1b 2r)", "5.6G", "1.2M", "0.2s"):
        assert figure in row
    for said in (
        "2 answer overdue",
        "blame: line jp-us-nube: [jp-nube] is well",
        "warning: us-dmit: its certificate ends in 9 days",
        f"node us-dmit: stale config: {OLDER}, then reload; draining",
        "longest pause 610 ms",
        "lost: 2 by exit lost",
        "52M",
        "lost >/<",
        "-/1.23%",
        "Mbit/s >/<",
        "-/200",
    ):
        assert said in " ".join(shown.split())
    assert "node jp-dmit:" not in shown


def test_by_which_paths_datagrams_go_is_said() -> None:
    known: dict[str, Any] = {
        "carries": True,
        "why": "",
        "role": "primary",
        "in_tcp": [],
        "round_trip": 0.1302,
        "jitter": 0.0004,
        "loss_up": 0.0,
        "loss_down": 0.02,
        "sent": 7,
    }
    rows = [
        {**ROW, "datagrams": known},
        {**ROW, "path": "spare", "datagrams": {**known, "role": "spare"}},
        {**ROW, "path": "unused", "datagrams": {**known, "sent": 0}},
        {**ROW, "path": "deaf", "datagrams": {**known, "role": "", "in_tcp": ["ix", "pacific"]}},
        {**ROW, "path": "old", "datagrams": {**known, "role": "", "why": "no UDP: update jp"}},
        {**ROW, "path": "older", "datagrams": {**known, "role": "", "why": "no UDP: update jp"}},
        {**ROW, "path": "down", "state": "down", "datagrams": {**known, "role": "", "why": "no UDP: update jp"}},
        {**ROW, "path": "strict", "datagrams": {**known, "sent": 0, "policed": 250_000.0, "detoured": 2}},
        {**ROW, "path": "calm", "datagrams": {**known, "sent": 0, "policed": 500_000.0, "detoured": 0}},
        {**ROW, "datagrams": None},
    ]
    assert datagram_notes(rows, Wording()) == [
        "datagrams to us-dmit: over ix-dmit/jp-us-dmit (130 ms, jitter 0.4, 2% lost)",
        "datagrams on deaf: in TCP on ix/pacific",
        "datagrams on old, older: no UDP: update jp",
        "datagrams on strict: UDP ≈ 2 Mbit/s, 2 associations in TCP for that",
        "datagrams on calm: UDP ≈ 4 Mbit/s",
    ]


def test_json_is_the_answer_as_it_came(ingress: Ingress, capsys: pytest.CaptureFixture[str]) -> None:
    assert paths.run(options(ingress, json=True)) == 0
    assert json.loads(capsys.readouterr().out) == PATHS


def test_why_prints_terms_marks_band_switches(ingress: Ingress, capsys: pytest.CaptureFixture[str]) -> None:
    assert paths.run(options(ingress, why="example.com")) == 0
    shown = capsys.readouterr().out
    for said in (
        "example.com:443: ix-dmit/jp-us-dmit > us-dmit",
        "130.0",
        "10.0?",
        "140.0",
        "band: paths within 3.0 ms",
        "would switch: at once when it stalls",
        "switched 1m ago: a > b: 4.0 ms cheaper",
        "clients that keep their exit for example.com: 3 at us-dmit",
        "answered at once",
        "a download would go over b, the fastest that is known: 200 Mbit/s are known to be free there",
        "an upload would go over a, to see what it carries: nothing is known",
    ):
        assert said in " ".join(shown.split())
    assert ingress.asked == [
        {"ask": "why", "target": "example.com", "lang": "en", "client": "", "user": "", "listen": ""}
    ]


def test_why_of_twelve_paths_fits_on_a_screen(ingress: Ingress, capsys: pytest.CaptureFixture[str]) -> None:
    row = WHY["candidates"][0]
    reasons = ["best", *["as good as the best"] * 3, *[f"costs {ms} ms" for ms in range(150, 155)], *["down"] * 3]
    many = [{**row, "rank": rank, "reason": reason} for rank, reason in enumerate(reasons, 1)]
    ingress.answers["why"] = {**WHY, "candidates": many, "switches": WHY["switches"] * 20}
    assert paths.run(options(ingress, why="example.com")) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) <= 40
    assert "  2, 3, 4  as good as the best" in [line.rstrip() for line in shown]
    assert "  10, 11, 12  down" in [line.rstrip() for line in shown]


def test_why_says_by_which_exit_a_target_answers_later_and_leaves_out_what_is_nothing(
    ingress: Ingress, capsys: pytest.CaptureFixture[str]
) -> None:
    late = {"name": "first byte", "value": 0.18, "source": "used", "note": "takes 180 ms longer than by b (9 streams)"}
    row, lost = WHY["candidates"][0], {**TERM, "name": "lost", "value": 0.0}
    ingress.answers["why"] = {**WHY, "candidates": [{**row, "terms": [TERM, lost, late]}]}
    assert paths.run(options(ingress, why="example.com")) == 0
    shown = capsys.readouterr().out
    assert "180.0*" in shown and "us-dmit: first byte: takes 180 ms longer than by b (9 streams)" in shown
    assert "lost" not in shown


def test_why_of_datagrams_says_the_exit_the_paths_and_what_they_lose(
    ingress: Ingress, capsys: pytest.CaptureFixture[str]
) -> None:
    well = {
        "carries": True,
        "why": "",
        "role": "primary",
        "in_tcp": [],
        "round_trip": 0.1321,
        "jitter": 0.0012,
        "loss_up": 0.0012,
        "loss_down": 0.0,
        "size": 1452,
    }
    deaf = {**well, "role": "spare", "in_tcp": ["ix"], "round_trip": None, "jitter": None, "loss_up": None}
    none = {**deaf, "carries": False, "role": "", "why": "no UDP: update jp", "loss_down": None}
    paths_told = {"a": well, "b": deaf, "c": none}
    rows = [{"path": path, "exit": "us", "datagrams": one, "cost": 0.14} for path, one in paths_told.items()]
    ingress.answers["why"] = {
        "version": 1,
        "target": "game.example:3074/udp",
        "paths": ["a", "b"],
        "exit": "us",
        "reason": "the exit of this client's last association",
        "copies": "one copy only, but in the first 2 s of an association",
        "candidates": rows,
        "would_switch": ["when nothing is heard on a for 75 ms while datagrams flow: to b"],
        "rule": {"title": "rule games", "place": "rule games", "because": "port 3074", "does": "exit us"},
    }
    assert paths.run(options(ingress, why="game.example:3074/udp")) == 0
    shown = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[:3] == [
        "game.example:3074/udp: a and b > us",
        "the exit of this client's last association",
        "rule games: exit us; by port 3074",
    ]
    assert "a > us primary UDP 132.1 1.2 0.12% 0.00% 1452 140.0" in lines
    assert "b > us spare TCP on ix - - - 0.00% 1452 140.0" in lines
    assert "none: no UDP: update jp" in shown and max(map(len, shown.splitlines())) <= 100
    assert "copies: one copy only, but in the first 2 s of an association" in lines
    assert "would switch: when nothing is heard on a for 75 ms while datagrams flow: to b" in lines
    ingress.answers["why"] |= {"paths": [], "exit": None, "candidates": [], "copies": "", "rule": None}
    assert paths.run(options(ingress, why="game.example:3074/udp")) == 0
    assert capsys.readouterr().out.startswith("game.example:3074/udp: no path\n")


def test_why_without_any_path(ingress: Ingress, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"paths": [], "exit": None, "reason": "no path is up", "margin": None, "candidates": [], "kept": {}}
    ingress.answers["why"] = {**WHY, **nothing, "would_switch": [], "switches": []}
    assert paths.run(options(ingress, why="example.com:1")) == 0
    assert "example.com:1" not in capsys.readouterr().err


def test_a_target_that_is_none_is_wrong_usage(ingress: Ingress, capsys: pytest.CaptureFixture[str]) -> None:
    assert paths.run(options(ingress, why="example.com:99999")) == 2
    assert "'99999' is no port" in capsys.readouterr().err
    assert ingress.asked == []


def test_reload_says_what_was_done(ingress: Ingress, capsys: pytest.CaptureFixture[str]) -> None:
    assert paths.reload(options(ingress)) == 0
    assert capsys.readouterr().out == "2 lines changed\n"


def test_the_mistakes_of_a_new_file_are_the_error(ingress: Ingress) -> None:
    ingress.answers["reload"] = {"version": 1, "error": "paths.toml: line 3: unknown key"}
    with pytest.raises(OperatorError, match="line 3"):
        paths.reload(options(ingress))


@pytest.mark.parametrize("answer", [b"", b"{", b"[]\n", b'{"version": 2}\n', b"\xff\n"])
def test_an_answer_that_makes_no_sense_is_one_clear_error(ingress: Ingress, answer: bytes) -> None:
    ingress.answers["paths"] = answer
    with pytest.raises(NoAnswer, match=r"sh\.sock: "):
        paths.run(options(ingress))


def test_no_ingress_is_one_clear_error(ingress: Ingress) -> None:
    ingress.stop()
    with pytest.raises(OperatorError, match=r"no ingress answers"):
        paths.run(options(ingress))
    with pytest.raises(NoAnswer, match=r"no ingress answers there"):
        ask(ingress.place, {"ask": "paths"}, "ingress")


def screen(is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=100, height=20, highlight=False)


def after(rounds: int, then: Callable[[], bool]) -> Callable[[float], bool]:
    """A wait that never waits, and after some rounds does something."""
    left = iter(range(rounds))
    return lambda seconds: False if next(left, None) is not None else then()


def stop_by_ctrl_c() -> bool:
    raise KeyboardInterrupt


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("then", [stop_by_ctrl_c, lambda: True])
def test_watch_draws_again_until_it_is_told_to_stop(is_terminal: bool, then: Callable[[], bool]) -> None:
    console, drawn = screen(is_terminal), []

    def draw() -> str:
        drawn.append(1)
        return f"round {len(drawn)}"

    assert paths.watch(console, draw, after(3, then)) == 0
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "round 1" in shown and "round 4" in shown
    assert ("\x1b[?25h" in shown) == is_terminal  # the cursor is given back


@pytest.mark.parametrize("is_terminal", [True, False])
def test_watch_ends_with_one_message_when_the_ingress_goes_away(ingress: Ingress, is_terminal: bool) -> None:
    def gone() -> bool:
        ingress.stop()
        return False

    with pytest.raises(NoAnswer):
        paths.watch(screen(is_terminal), lambda: str(ask(ingress.place, {"ask": "paths"}, "ingress")), after(2, gone))


def test_the_command_is_quick_and_draws_nothing_it_does_not_need(ingress: Ingress) -> None:
    code = (
        "import sys; from ingress.cli import main; status = main(sys.argv[1:])\n"
        "assert 'rich' not in sys.modules and 'trio' not in sys.modules; sys.exit(status)"
    )
    command = [sys.executable, "-c", code, "paths", "--json", "--admin", str(ingress.place)]
    done = subprocess.run(
        command, check=False, capture_output=True, timeout=30, env={**os.environ, "PYTHONWARNINGS": "error"}
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == PATHS


@pytest.mark.parametrize("is_there", [True, False])
def test_no_ingress_is_told_in_one_line_with_exit_code_1(tmp_path: Path, is_there: bool) -> None:
    place = tmp_path / "sh.sock"
    if is_there:  # left behind by a process that was killed
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
            left.bind(str(place))
    command = [sys.executable, "-c", "import sys; from ingress.cli import main; sys.exit(main())", "paths"]
    done = subprocess.run([*command, "--admin", str(place)], check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "no ingress answers there; start it" in done.stderr
