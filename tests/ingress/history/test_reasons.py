"""Reasons outlive a restart, and can be said in Chinese after it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.history.reasons import MOST, read_reason, write_reason
from ingress.messages.message import Message, render

EITHER = Message("blame.either", line="ix", kind="node", node="jp", before="", why=Message("blame.everything"))


def test_a_message_is_one_again_and_speaks_chinese() -> None:
    found = read_reason(str(EITHER), write_reason(EITHER))
    assert found == EITHER and isinstance(found, Message)
    assert render(found, "zh") == render(EITHER, "zh") != str(EITHER)


def test_a_list_of_names_is_one_again() -> None:
    start = Message("blame.start", paths=("a", "b"))
    found = read_reason(str(start), write_reason(start))
    assert isinstance(found, Message) and found.arguments == {"paths": ("a", "b")}


def test_what_is_only_a_text_or_too_long_stays_a_text() -> None:
    assert write_reason("answer overdue") is None and read_reason("answer overdue", None) == "answer overdue"
    assert write_reason(Message("blame.start", paths=("x" * MOST,))) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
)


@given(value=JSON | st.fixed_dictionaries({"key": st.sampled_from(["blame.start", "none"]), "arguments": JSON}))
def test_what_another_version_wrote_leaves_the_text(value: Any) -> None:
    assert isinstance(read_reason("cut", json.dumps(value)), str)


@pytest.mark.parametrize("written", ["", "{", "[" * 100_000, '{"key": "blame.start"}', '{"key": "x", "arguments": {}}'])
def test_what_cannot_be_read_leaves_the_text(written: str) -> None:
    assert read_reason("cut", written) == "cut"
