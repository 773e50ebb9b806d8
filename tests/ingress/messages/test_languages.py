"""Which language somebody reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.messages.forms import LANGUAGES
from ingress.messages.languages import of_environment, of_header, of_question


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_of_a_terminal(environment: dict[str, str], language: str) -> None:
    assert of_environment(environment) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("de, en;q=0.5, zh;q=0.7", "zh"),
        ("zh;q=0, fr", "en"),
        ("zh;q=x", "en"),
    ],
)
def test_of_a_browser(header: str, language: str) -> None:
    assert of_header(header) == language


@given(st.text())
def test_of_any_header(header: str) -> None:
    assert of_header(header) in LANGUAGES


def test_of_a_question() -> None:
    assert of_question({}) == "en"
    assert of_question({"lang": "zh"}) == "zh"
    for odd in ("fr", 7, None, []):
        with pytest.raises(ValueError, match="no language that is spoken here: en or zh"):
            of_question({"lang": odd})
