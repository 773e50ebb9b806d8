"""The catalogue: both languages have all of it, and nothing for operators is written elsewhere."""

import ast
import re
import string
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.messages.en import ENGLISH
from ingress.messages.forms import EN, LANGUAGES, ZH, form_of
from ingress.messages.message import TEMPLATES, Message, prefix, render, word
from ingress.messages.phrases import PHRASES, translate
from relay.model.cause import Cause
from tests.imports import Module, read_modules

MODULES = read_modules()
FAMILIES = ("cause.", "state.", "role.", "column.", "way.", "effect.", "alert.kind.", "alert.wrong.", "alert.over.")
"""Words of tables, causes and kinds: their keys are put together by `word`."""
WORDED = ("ingress.measure", "ingress.choice", "ingress.report", "ingress.quota", "ingress.config.warnings")
"""Rooms that say why; what they say is a message."""
NO_SENTENCES = {
    "stale config",
    "speed test",
    "HELLO, resume 1",
    "somebody else",
    "a network",
    ", by its address",
    "without --for",
    "%Y-%m-%d %H:%M",
    "held are:",
    "no line is",
    "attrs.Attribute[Any] | None",
}
"""Words of states and conditions, and what is raised as an operator's mistake."""


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_language_has_every_message() -> None:
    assert {language: set(TEMPLATES[language]) ^ set(ENGLISH) for language in LANGUAGES} == {EN: set(), ZH: set()}


@pytest.mark.parametrize("key", ENGLISH)
def test_a_message_is_given_the_same_in_every_language(key: str) -> None:
    assert placeholders(TEMPLATES[ZH][key]) == placeholders(ENGLISH[key])


@pytest.mark.parametrize("phrase", PHRASES)
def test_so_is_what_others_say(phrase: str) -> None:
    assert placeholders(PHRASES[phrase]) <= placeholders(phrase)


@pytest.mark.parametrize("key", ENGLISH)
def test_chinese_is_chinese(key: str) -> None:
    literals = "".join(literal for literal, *_ in string.Formatter().parse(TEMPLATES[ZH][key]))
    assert literals.isascii() is has_no_words(key) or any(ord(mark) > 0x2E80 for mark in literals)


def has_no_words(key: str) -> bool:
    return key in {"joined", "said", "rule.does", "cli.way", "column.#", "column.p95", "column.Mbit/s >/<"}


def test_a_message_is_its_english_text_and_speaks_every_language() -> None:
    said = Message("blame.start", paths=("a", "b", "c", "d", "e", "f"))
    assert said == "being set up: a, b, c, d and 2 more"
    assert hash(said) == hash("being set up: a, b, c, d and 2 more")
    assert render(said, EN) == str(said)
    assert render(said, ZH) == "正在建立：a、b、c、d 等 6 个"
    assert repr(said).startswith("<Message blame.start: being set up")


def test_what_stands_in_a_message_is_put_into_the_same_language() -> None:
    why = Message("blame.because", texts=(Message("setup.line", line="ix", why="Connection refused"), "odd words"))
    assert render(why, EN) == " (line ix: Connection refused; odd words)"
    assert render(why, ZH) == "（线路 ix：连接被拒绝；odd words）"


def test_a_name_stays_what_it_is() -> None:
    assert render(Message("leave.drains", node="silent"), ZH) == "节点 silent 正在排空"
    assert render(Message("blame.start", paths=("denied",)), ZH) == "正在建立：denied"


def test_words_are_known_or_stay() -> None:
    assert render(word("state", "stale config"), ZH) == "配置过期"
    assert word("state", "dreaming") == "dreaming"
    assert all(word("cause", cause.word) == cause.word.replace("-", " ") for cause in Cause)


def test_the_beginning_of_a_message_is_known() -> None:
    assert (prefix("place.cost", EN), prefix("place.cost", ZH)) == ("costs ", "成本 ")


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (0.25, "0.2 s", "0.2 秒"),
        (59.4, "59 s", "59 秒"),
        (200, "3 min 20 s", "3 分 20 秒"),
        (3600, "1 h", "1 小时"),
        (7 * 3600 + 59 * 60 + 59, "7 h 59 min", "7 小时 59 分"),
        (90_000, "1 d 1 h", "1 天 1 小时"),
    ],
)
def test_lengths_of_time(seconds: float, english: str, chinese: str) -> None:
    assert (form_of(EN, "length")(seconds), form_of(ZH, "length")(seconds)) == (english, chinese)


@pytest.mark.parametrize(
    ("spec", "value", "written"),
    [("line|lines", 1, "line"), ("line|lines", ("a", "b"), "lines"), ("mbit", 1_250_000, "10"), ("mbit", 5e5, "4.0")],
)
def test_forms(spec: str, value: object, written: str) -> None:
    assert form_of(EN, spec)(value) == written


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("jp-dmit cannot dial dmit-pacific: Connection refused", "jp-dmit 无法连接线路 dmit-pacific：连接被拒绝"),
        ("us-nube: is asleep", "us-nube：is asleep"),
        ("what nobody knows", "what nobody knows"),
        ("rule 2 (line 97)", "规则 2（第 97 行）"),
        ("ended with 1", "退出码为 1"),
        ("cannot be run: No such file or directory", "无法运行：文件或目录不存在"),
        ("has not ended within 30 s", "30 秒内没有结束"),
        ("no answer along ix/pacific within 3.4 s", "ix/pacific 在 3.4 秒内没有应答"),
    ],
)
def test_what_others_say_in_english_is_read_by_its_form(english: str, chinese: str) -> None:
    assert translate(english) == render(english, ZH) == chinese


@given(st.text())
def test_no_text_of_others_is_too_odd(text: str) -> None:
    assert isinstance(translate(text), str)
    assert render(text, EN) == text


@given(st.text(), st.text())
def test_braces_in_what_is_told_are_no_placeholders(name: str, text: str) -> None:
    assert Message("about", name=name, text=text) == f"{name}: {text}"


# Nothing is written elsewhere.


def test_every_message_of_the_catalogue_is_used_and_known() -> None:
    literals = {
        node.value
        for module in MODULES
        if not module.name.startswith("ingress.messages")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not [key for key in ENGLISH if key not in literals and not key.startswith(FAMILIES)]
    assert not [f"{place}: {key}" for place, key in keys_used() if key not in ENGLISH]


def keys_used() -> Iterator[tuple[str, str]]:
    """Keys that a Message is made of, as far as they stand there whole."""
    for module in MODULES:
        for call in (node for node in ast.walk(module.tree) if isinstance(node, ast.Call)):
            is_message = isinstance(call.func, ast.Name) and call.func.id in ("Message", "say")
            for node in ast.walk(call.args[0]) if is_message and call.args else ():
                if (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and re.search(r"\..*[^.]$", node.value)
                ):
                    yield f"{module.file}:{call.lineno}", node.value


def test_what_says_why_is_a_message() -> None:
    wrong = [found for module in MODULES if module.name.startswith(WORDED) for found in sentences_in(module)]
    assert not wrong, f"a key in ingress/messages, please: {wrong}"


def sentences_in(module: Module) -> Iterator[str]:
    """Texts of several words that are neither documentation, nor for whoever debugs, nor NO_SENTENCES."""
    left_out = {id(part) for node in ast.walk(module.tree) if is_no_news(node) for part in ast.walk(node)}
    for node in ast.walk(module.tree):
        if id(node) not in left_out and isinstance(node, ast.Constant) and is_sentence(node.value):
            yield f"{module.file}:{node.lineno}: {node.value}"


def is_sentence(value: object) -> bool:
    """Whether it is a text of several words, and none of NO_SENTENCES."""
    return isinstance(value, str) and " " in value.strip() and value.strip() not in NO_SENTENCES


def is_no_news(node: ast.AST) -> bool:
    """What is written there is for nobody who asks the running ingress."""
    if isinstance(node, ast.FunctionDef):
        return node.name in ("__repr__", "__str__")
    is_error = isinstance(node, ast.Raise | ast.Assert)
    return is_error or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


@pytest.mark.parametrize(
    ("code", "is_wrong"),
    [
        ('Row(why=f"{x} is down")', True),
        ('reason = "is down" if x else ""', True),
        ('Message("about", name=x, text=f"{x} is down")', True),
        ('Message("about", name=x, text=y)', False),
        ('def __repr__(self): return f"<Row of {x}>"', False),
        ('raise ValueError("no such row")', False),
        ('"""What it is."""', False),
    ],
)
def test_the_finder_itself(code: str, is_wrong: bool) -> None:
    module = Module("ingress.measure.x", MODULES[0].file, ast.parse(code))
    assert bool(list(sentences_in(module))) is is_wrong
