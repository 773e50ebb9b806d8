"""Keys become lines."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.demo.editor import Editor


def test_keys_become_lines_and_corrections_are_made() -> None:
    editor = Editor()
    assert editor.feed("cut ix-dm") == []
    assert editor.feed("\x7f\x7fdmit\rhea") == ["cut ix-dmit"]
    assert editor.text == "hea"
    assert editor.feed("\x15heal two three\x17\n") == ["heal two"]


def test_arrows_leave_no_letters() -> None:
    editor = Editor()
    editor.feed("a\x1b[A\x1b[1;5C\x1bOB\x1b[3~b")
    assert editor.text == "ab"


def test_the_end_is_asked_for_on_an_empty_line_only() -> None:
    editor = Editor()
    editor.feed("x\x04")
    assert not editor.has_ended
    editor.feed("\x7f\x04")
    assert editor.has_ended


@settings(max_examples=50)
@given(st.lists(st.text(max_size=12), max_size=5))
def test_any_keys_in_any_pieces_give_the_same(pieces: list[str]) -> None:
    whole, cut = Editor(), Editor()
    lines = whole.feed("".join(pieces))
    assert [line for piece in pieces for line in cut.feed(piece)] == lines
    assert (cut.text, cut.has_ended) == (whole.text, whole.has_ended)
    assert all(line.isprintable() for line in lines)
