"""G9: a file is read as people save it, or what keeps it from being read is named, with its line and its column."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config import ConfigError
from relay.config.toml import LOOK_ALIKES, UNSEEN, decode, parse

FILE = Path("paths.toml")


def refusal(data: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(FILE, decode(FILE, data if isinstance(data, bytes) else data.encode()))
    return str(caught.value)


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse(FILE, decode(FILE, codecs.BOM_UTF8 + b"version = 1\r\n")) == {"version": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_what_notepad_calls_unicode_is_named(encoding: str) -> None:
    data = "version = 1".encode(encoding)
    data = data if encoding == "utf-16" else {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}[encoding] + data
    assert refusal(data) == "paths.toml: is UTF-16 text; save it as UTF-8"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\nb = “x”", '2: is not TOML: there is a “ (U+201C) (column 5); write " in its place'),
        ('b = "x”\n', '1: is not TOML: there is a ” (U+201D) (column 7); write " in its place'),
        ("b ＝ 1", "1: is not TOML: there is a ＝ (U+FF1D) (column 3); write = in its place"),
        ("［node.us］", "1: is not TOML: there is a ［ (U+FF3B) (column 1); write [ in its place"),
        ('[ingress]\nb = ["x"，"y"]', "2: is not TOML: there is a ， (U+FF0C) (column 9); write , in its place"),
        ("b = ‘x’", "1: is not TOML: there is a ‘ (U+2018) (column 5); write ' in its place"),
        (
            "b =\u00a0 1",
            "1: is not TOML: there is a no-break space (U+00A0) (column 4); write a plain",
        ),
        ("\u3000b = 1", "1: is not TOML: there is a full-width space (U+3000) (column 1); write a plain space"),
        ("b\u200b = 1", "1: is not TOML: there is a zero-width space (U+200B) (column 2); write a plain space"),
        ("＃ a comment", "1: is not TOML: there is a ＃ (U+FF03) (column 1); write # in its place"),
        ("b = x  # “a quote” that is not to blame", "1: is not TOML: Invalid value (column 5); mend this first"),
        ("[node.us］\n", "1: is not TOML: there is a ］ (U+FF3D) (column 9); write ] in its place"),
        ("[node.jp‑one]", "1: is not TOML: there is a ‑ (U+2011) (column 9); write - in its place"),
        ("half‐closed = 1", "1: is not TOML: there is a ‐ (U+2010) (column 5); write - in its place"),
        ("a = –1", "1: is not TOML: there is a – (U+2013) (column 5); write - in its place"),
        ("a = −1", "1: is not TOML: there is a − (U+2212) (column 5); write - in its place"),
        ("a = 1\nb = " + "9" * 5000, "2: has a number of more than 4,300 digits; write a shorter one"),
        ("b = x", "1: is not TOML: Invalid value (column 5); mend this first"),
    ],
)
def test_what_only_looks_like_toml_is_named(text: str, said: str) -> None:
    assert refusal(text).startswith(f"paths.toml:{said}")


def test_look_alikes_are_welcome_where_they_are_text() -> None:
    assert parse(FILE, 'a = "“quoted”，［中］"  # ＃：“…”') == {"a": "“quoted”，［中］"}


ODD = st.sampled_from([*LOOK_ALIKES, *UNSEEN, '"', "'", "=", "[", "]", "\n", "a", "1", " ", "#", "\ufeff", "\0"])


@given(st.lists(ODD).map("".join) | st.text() | st.binary())
def test_any_file_is_read_or_refused_in_one_line(data: str | bytes) -> None:
    try:
        parse(FILE, decode(FILE, data if isinstance(data, bytes) else data.encode(errors="replace")))
    except ConfigError as error:
        assert str(error).startswith("paths.toml:") and str(error).isprintable()
