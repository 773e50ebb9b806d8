"""Which language somebody reads."""

import pytest

from ingress.messages.languages import of_environment, of_question


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


def test_of_a_question() -> None:
    assert of_question({}) == "en"
    assert of_question({"lang": "zh"}) == "zh"
    for odd in ("fr", 7, None, []):
        with pytest.raises(ValueError, match="no language that is spoken here: en or zh"):
            of_question({"lang": odd})
