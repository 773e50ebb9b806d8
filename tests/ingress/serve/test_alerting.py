"""Who is told of what: alerts at work, their queues and ways, by real children."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from ingress.alerts.letter import trial
from ingress.alerts.notice import Effect, Fact
from ingress.config.alert import Alert, AlertReceiver, Quiet
from ingress.serve import alerting
from ingress.serve.alerting import MOST_WAITING, Alerting, Post, read_kept, try_directly
from ingress.serve.presence import Absence
from relay import log
from tests.hook import Hook, serve_hook

CUT = Fact("line", "ix", "nothing answers over it")


@pytest.fixture
def hook() -> Iterator[Hook]:
    with serve_hook() as hook:
        yield hook


def alert(hook: Hook, **more: object) -> Alert:
    to = (AlertReceiver("alert 1, webhook", url=hook.url, is_webhook=True),)
    return Alert("alert 1", to, {"line": 1.0}, **more)  # type: ignore[arg-type]


@contextmanager
def no_door() -> Iterator[str]:
    yield "http://ingress-alert:x@127.0.0.1:1"


class Bed:
    """An alerting that is looked at by hand."""

    def __init__(self, nursery: trio.Nursery, base: Path) -> None:
        self.facts: list[Fact] = []
        self.now = self.wall = 0.0
        effect = Effect()
        self.alerting = Alerting("shanghai", nursery, lambda: self.facts, lambda: effect, no_door, base, self._clock)

    def _clock(self) -> float:
        return self.wall

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(4 * seconds):
            self.alerting.each_round(self.now)
            self.now += 0.25


class Ears:
    """What the log tells of messages, one after the other."""

    def __init__(self) -> None:
        self._tell, self._told = trio.open_memory_channel[str](100)

    def tell(self, name: str, *_: object) -> None:
        self._tell.send_nowait(name)

    async def hear(self, *names: str) -> None:
        """These, in this order, are the next that are told."""
        with trio.fail_after(240):
            assert [await self._told.receive() for _ in names] == list(names)


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    end = log.subscribe(("alert-sent", "alert-not-sent", "alert-given-up"), ears.tell)
    yield ears
    end()


SENT, NOT, GIVEN_UP = "alert-sent", "alert-not-sent", "alert-given-up"


async def test_a_line_that_breaks_and_heals_is_two_messages(
    hook: Hook, ears: Ears, nursery: trio.Nursery, tmp_path: Path
) -> None:
    bed = Bed(nursery, tmp_path)
    bed.pass_seconds(10)
    bed.alerting.use([alert(hook)])
    bed.facts = [CUT]
    bed.pass_seconds(60)
    bed.facts = []
    bed.pass_seconds(60)
    await ears.hear(SENT, SENT)
    begun, over = hook.came.get(), hook.came.get()
    assert [one["events"][0]["state"] for one in (begun, over)] == ["wrong", "over"]
    assert begun["events"][0]["why"] == CUT.why
    assert bed.alerting.statistics().sent == 2
    nursery.cancel_scope.cancel()


async def test_a_reload_keeps_what_an_alert_knows_and_ends_what_is_gone(
    hook: Hook, ears: Ears, nursery: trio.Nursery, tmp_path: Path
) -> None:
    bed = Bed(nursery, tmp_path)
    bed.alerting.use([alert(hook), alert(hook, language="zh")])
    bed.facts = [CUT]
    bed.pass_seconds(60)
    await ears.hear(SENT, SENT)
    bed.alerting.use([alert(hook)])
    bed.pass_seconds(60)
    bed.facts = []
    bed.pass_seconds(60)
    await ears.hear(SENT)
    assert hook.came.qsize() == 3
    bed.alerting.use([])
    assert bed.alerting.statistics().sent == 3
    nursery.cancel_scope.cancel()


async def test_an_end_is_told_after_a_restart_too(
    hook: Hook, ears: Ears, nursery: trio.Nursery, tmp_path: Path
) -> None:
    before = Bed(nursery, tmp_path)
    before.wall = 5000.0
    before.alerting.use([alert(hook)])
    before.facts = [CUT]
    before.pass_seconds(60)
    await ears.hear(SENT)
    kept = read_kept(json.loads(json.dumps(before.alerting.write())))
    assert kept == [(0, "line", "ix", 5000, CUT.why)]
    assert before.alerting.write() == before.alerting.write()
    after = Bed(nursery, tmp_path)
    after.wall = 5300.0
    after.alerting.use([alert(hook)])
    after.alerting.recall([*kept, (1, "line", "ix", 5000, ""), (0, "exit", "us", 5000, "")])
    assert len(after.alerting.write()) == 3
    after.facts = [CUT]
    after.pass_seconds(60)
    after.facts = []
    after.pass_seconds(60)
    await ears.hear(SENT)
    begun, over = hook.came.get()["events"], hook.came.get()["events"]
    assert [one["state"] for one in (*begun, *over)] == ["wrong", "over"]
    assert over[0]["seconds"] == 360.0
    assert after.alerting.write() == []
    nursery.cancel_scope.cancel()


async def test_an_absence_is_told_once_to_whom_it_was_long_enough(
    hook: Hook, ears: Ears, nursery: trio.Nursery, tmp_path: Path
) -> None:
    bed = Bed(nursery, tmp_path)
    to = alert(hook).to
    lengths = ({"away": 60.0}, {"away": 7200.0}, {"line": 1.0})
    bed.alerting.use([Alert(f"alert {at}", to, when, language="zh") for at, when in enumerate(lengths)])
    bed.pass_seconds(5)
    bed.alerting.was_away(Absence(1.8e9, 1.8e9 + 3660.0))
    bed.pass_seconds(60)
    await ears.hear(SENT)
    assert hook.came.get()["text"] == (
        "入口 shanghai 自 2027-01-15 08:00 UTC 至 2027-01-15 09:01 UTC 未运行，历时 1 小时 1 分，现已恢复"
    )
    assert hook.came.empty() and bed.alerting.statistics().waiting == 0
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("odd", [None, {}, [1], [[0, "line", "ix", 5.5, ""]], [[-1, "line", "ix", 5, ""]]])
def test_what_was_not_kept_so_is_not_read(odd: object) -> None:
    with pytest.raises(ValueError, match="told"):
        read_kept(odd)


async def test_nothing_is_sent_in_quiet_hours(hook: Hook, ears: Ears, nursery: trio.Nursery, tmp_path: Path) -> None:
    bed = Bed(nursery, tmp_path)
    bed.alerting.use([alert(hook, quiet=Quiet(0, 60, "UTC"))])
    bed.facts = [CUT]
    bed.pass_seconds(60)
    assert bed.alerting.statistics().waiting == 0
    bed.wall = 3600.0
    bed.pass_seconds(1)
    await ears.hear(SENT)
    nursery.cancel_scope.cancel()


async def test_what_is_not_taken_is_sent_again_and_given_up_in_the_end(
    hook: Hook,
    ears: Ears,
    nursery: trio.Nursery,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(alerting, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(alerting, "ATTEMPTS", 3)
    hook.status = 500
    bed = Bed(nursery, tmp_path)
    bed.alerting.use([alert(hook)])
    bed.facts = [CUT]
    bed.pass_seconds(10)
    await ears.hear(NOT, NOT, NOT, GIVEN_UP)
    assert bed.alerting.statistics().given_up == 1
    assert hook.came.qsize() == 3
    hook.status = 200
    bed.facts = []
    bed.pass_seconds(60)
    await ears.hear(SENT)
    nursery.cancel_scope.cancel()


async def test_a_queue_has_an_end(tmp_path: Path) -> None:
    post = Post(AlertReceiver("here", ("true",)), no_door, tmp_path)
    for _ in range(MOST_WAITING + 3):
        post.put(trial("shanghai", "en", 0.0))
    assert (post.waiting, post.given_up) == (MOST_WAITING, 3)


async def test_where_direct_does_not_work_the_door_is_taken_and_from_then_on_first(tmp_path: Path) -> None:
    """The proxy is the hook itself here: what is asked of it by a name that nobody else knows comes to it."""
    with serve_hook() as hook:

        @contextmanager
        def door() -> Iterator[str]:
            yield f"http://127.0.0.1:{hook.port}"

        receiver = AlertReceiver("here", url="http://no-such-name.invalid/x", is_webhook=True)
        post = Post(receiver, door, tmp_path)
        letter = trial("shanghai", "en", 0.0)
        assert await post.attempt(letter) == ("paths", None)
        hook.status = 500
        _, why = await post.attempt(letter)
        assert why is not None
        assert why.startswith("paths: no-such-name.invalid answers 500; direct: ")


async def test_a_trial_goes_to_everybody(hook: Hook, ears: Ears, nursery: trio.Nursery, tmp_path: Path) -> None:
    bed = Bed(nursery, tmp_path)
    failing = AlertReceiver("alert 2, command", (sys.executable, "-c", "raise SystemExit(4)"))
    bed.alerting.use([alert(hook), Alert("alert 2", (failing,), {"line": 1.0})])
    assert await bed.alerting.test() == [
        {"to": "alert 1, webhook", "way": "direct", "error": None},
        {"to": "alert 2, command", "way": "", "error": "ended with 4"},
    ]
    assert hook.came.get()["events"] == []
    told = await try_directly("shanghai", [alert(hook), Alert("alert 2", (failing,), {})], tmp_path)
    assert [one["error"] for one in told] == [None, "ended with 4"]
    nursery.cancel_scope.cancel()
