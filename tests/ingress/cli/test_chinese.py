"""The tables and sentences of commands in Chinese: every one of them, and in columns although they are wide."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from ingress.cli import render_paths, render_why, render_why_datagrams
from ingress.cli.fitting import wrapped
from ingress.cli.wording import Wording, of_terminal
from tests.ingress.cli.test_paths import PATHS, WHY

SAY = Wording("zh")
DATAGRAMS: dict[str, Any] = {
    "carries": True,
    "why": "",
    "role": "primary",
    "in_tcp": [],
    "round_trip": 0.13,
    "jitter": 0.002,
    "loss_up": 0.01,
    "loss_down": None,
    "size": 1400,
    "sent": 5,
    "policed": None,
    "detoured": 0,
}
ROW = PATHS["paths"][0]


def drawn(what: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False)
    console.print(what)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_tables_are_chinese_and_their_columns_stand_below_each_other() -> None:
    rows = drawn(render_paths.render(PATHS, 120, None, SAY), 120).splitlines()
    (head,) = [row for row in rows if row.startswith("#")]
    first, second = (row for row in rows if row.startswith(("1=", "2 ")))
    assert "路径" in head
    assert "正常" in first
    assert "超时" in second
    at = cell_len(head[: head.index("状态")])
    assert cell_len(first[: first.index("正常")]) == cell_len(second[: second.index("超时")]) == at
    text = "\n".join(rows)
    assert "故障：" in text
    assert "注意：" in text
    assert "节点 us-dmit：配置过期：us-dmit" in text
    assert "2 条" in text


def test_on_a_screen_no_row_is_wider_than_it() -> None:
    for width in range(60, 150, 7):
        text = drawn(render_paths.render(PATHS, width, 20, SAY), width)
        assert max(cell_len(row.rstrip()) for row in text.splitlines()) <= width
        assert len(text.splitlines()) <= 20


def test_what_does_not_fit_on_a_screen_is_counted() -> None:
    many = {**PATHS, "paths": [{**ROW, "path": f"p{at}"} for at in range(40)], "blame": ["x"] * 30}
    text = drawn(render_paths.render(many, 100, 20, SAY))
    assert "行：不带 --watch" in text
    assert "条正常" in text


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"sent": 5}, "到 us-dmit 的数据报：走 ix-dmit/jp-us-dmit（往返 130 毫秒，抖动 2.0，丢包 1%）"),
        ({"in_tcp": ["ix"], "sent": 0}, "ix-dmit/jp-us-dmit 上的数据报：在 ix 上走 TCP"),
        ({"policed": 1.25e6, "sent": 0, "detoured": 2}, "UDP 限速约 10 Mbit/s，2 个关联因此改走 TCP"),
    ],
)
def test_notes_on_datagrams(row: dict[str, Any], said: str) -> None:
    told = render_paths.datagram_notes([{**ROW, "datagrams": {**DATAGRAMS, **row}}], SAY)
    assert said in "\n".join(told)


def test_why_is_chinese() -> None:
    rule = {"title": "ads", "place": "rule 2", "because": "", "does": "直接丢弃"}
    answer = {**WHY, "rule": rule}
    text = drawn(render_why.render(answer, SAY))
    for said in (
        "ads（规则 2）：直接丢弃；依据 对全部生效",
        "同档：",
        "切换条件：",
        "沿用原出口的客户端：us-dmit 3 个",
    ):
        assert said in text
    assert "下载会走 b，" in text
    assert "已知那里还有 200 Mbit/s 空余" in text
    assert "余量未知" in text
    assert "没有可用路径" in drawn(render_why.render({**WHY, "paths": [], "exit": None}, SAY))


def test_why_of_datagrams_is_chinese() -> None:
    rows = [
        {"path": "a", "exit": "us", "cost": 0.13, "datagrams": DATAGRAMS},
        {"path": "b", "exit": "us", "cost": None, "datagrams": {**DATAGRAMS, "role": "", "in_tcp": ["ix", "iy"]}},
        {"path": "c", "exit": "us", "cost": None, "datagrams": {**DATAGRAMS, "carries": False, "why": "标签已满"}},
    ]
    answer = {**WHY, "candidates": rows, "copies": "只发一份", "rule": None}
    text = drawn(render_why_datagrams.render(answer, SAY))
    for said in ("主", "ix、iy 走 TCP", "不能：标签已满", "份数：只发一份", "每 1% 丢包 20 毫秒"):
        assert said in text


def test_a_terminal_says_which_language(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert of_terminal().language == "zh"


TEXTS = st.text(st.sampled_from("ab 线路，。：x-"), max_size=60)


@given(TEXTS, st.integers(4, 30))
def test_rows_fit_and_lose_nothing_but_blanks(text: str, width: int) -> None:
    rows = wrapped([text], width)
    assert all(cell_len(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
