"""What is written to whoever is told."""

import json

import pytest

from ingress.alerts.letter import trial, write
from ingress.alerts.notice import Effect, Notice
from ingress.config.alert import KINDS
from ingress.messages.message import Message

WHY = Message("blame.either", line="ix", kind=Message("kind.node"), node="jp", before="", why="")
CUT = Notice("line", "ix", False, WHY, 63.0)
OVER = Notice("line", "ix", True, WHY, 200.0, Effect(7, 3, 1), 2)


def test_one_event_in_english() -> None:
    letter = write([CUT], "shanghai", "en", 0.0)
    assert letter.title == "shanghai: line down: ix"
    assert letter.text == ("line ix has been down for 1 min 3 s: line ix or node jp: jp is reached over no other line")


def test_its_end_in_chinese() -> None:
    letter = write([OVER], "shanghai", "zh", 0.0)
    assert letter.title == "shanghai：已恢复：线路不通 ix"
    assert letter.text == ("线路 ix 已恢复，历时 3 分 20 秒，其间断了 2 次；其间连接迁移 7 次，救回 3 次，丢失 1 条")


def test_several_share_their_reason() -> None:
    node = Notice("node", "jp", False, WHY, 63.0)
    letter = write([CUT, node, OVER], "shanghai", "en", 0.0)
    first, second, third = letter.text.splitlines()
    assert letter.title == "shanghai: 2 wrong, 1 over"
    assert first.endswith("over no other line")
    assert second == "node jp has not been reached for 1 min 3 s"
    assert third.startswith("line ix is up again, after 3 min 20 s, 2 times; meanwhile 7 moves")


def test_a_title_counts_what_there_is() -> None:
    assert write([CUT, CUT], "shanghai", "en", 0.0).title == "shanghai: 2 wrong"
    assert write([OVER, OVER], "shanghai", "zh", 0.0).title == "shanghai：2 项恢复"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_over", [True, False])
def test_every_kind_has_its_words(kind: str, is_over: bool, language: str) -> None:
    letter = write([Notice(kind, "thing", is_over, "odd", 1.0)], "shanghai", language, 0.0)
    assert "thing" in letter.text
    assert letter.title.startswith("shanghai")


def test_the_fields_say_the_same_to_programs() -> None:
    letter = write([OVER], "shanghai", "zh", 1_700_000_000.0)
    fields = json.loads(letter.as_json())
    assert fields == letter.fields
    assert fields["time"] == "2023-11-14T22:13:20+00:00"
    assert (fields["title"], fields["text"], fields["lang"]) == (letter.title, letter.text, "zh")
    assert fields["events"] == [
        {
            "kind": "line",
            "name": "ix",
            "state": "over",
            "why": "线路 ix 或节点 jp：没有其他线路能到 jp，无法进一步区分",
            "seconds": 200.0,
            "times": 2,
            "moved": 7,
            "resumed": 3,
            "lost": 1,
        }
    ]


def test_a_trial_has_no_events() -> None:
    letter = trial("shanghai", "zh", 0.0)
    assert "测试" in letter.title
    assert letter.fields["events"] == []
