"""What the browser is given: small, of our own, in two languages, and nothing from wire or file in it as markup."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "ingress" / "web" / "page"
FILES = sorted(path for path in PAGE.rglob("*") if path.is_file())
OURS = [path for path in FILES if path.parent == PAGE]
SCRIPTS = [path for path in OURS if path.suffix == ".js"]
MOST = 350_000
"""Bytes of the whole page."""
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML|srcdoc"
    r"|\beval\(|new Function|javascript:|setAttribute\([^)]*style|\bstyle:"
)
"""What makes markup or code of a text, or what the content security policy would refuse."""
WORD = re.compile(r'^    "([^"]+)":\s+"((?:[^"\\]|\\.)*)",$', re.MULTILINE)


COLOUR = re.compile(r"--([\w-]+): #([0-9a-f]{3,6});")
READ_ON = [
    *(("ink", ground) for ground in ("card", "ground", "sunken", "bad-ground", "chosen")),
    *(("soft", ground) for ground in ("card", "ground", "sunken", "bad-ground")),
    *((kind, f"{kind}-ground") for kind in ("good", "warn", "bad")),
    *((kind, "card") for kind in ("accent", "good", "warn", "bad")),
    ("on-accent", "accent"),
]
"""Which colour of letters stands on which ground."""
ENOUGH = 4.5
"""WCAG 2.1, 1.4.3."""


def words(language: str) -> dict[str, str]:
    return dict(WORD.findall((PAGE / f"words_{language}.js").read_text()))


def test_the_whole_page_is_small() -> None:
    assert 0 < sum(path.stat().st_size for path in FILES) <= MOST


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_text_becomes_markup(script: Path) -> None:
    assert not MARKUP.findall(script.read_text())


def test_what_makes_markup_is_found() -> None:
    for line in ("a.innerHTML = name", "eval(name)", 'a.setAttribute("style", name)', 'element("p", {style: name})'):
        assert MARKUP.search(line), line


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_nothing_is_fetched_from_elsewhere(path: Path) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"']*", path.read_text()))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # a name, which nobody fetches


def test_the_markup_has_neither_scripts_nor_styles_nor_listeners_in_it() -> None:
    markup = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=", markup)
    assert re.findall(r"<script[^>]*>(.*?)</script>", markup, re.DOTALL) == [""]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_what_a_file_names_is_there(path: Path) -> None:
    named = re.findall(r'(?:from |import\()"\./([\w./]+)"|(?:src|href)="([\w./]+\.\w+)"', path.read_text())
    missing = [name for pair in named for name in pair if name and not (PAGE / name).is_file()]
    assert not missing


def test_both_languages_have_the_same_words_with_the_same_places_to_fill() -> None:
    def shape(language: str) -> dict[str, list[str]]:
        return {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in words(language).items()}

    assert shape("zh") == shape("en")
    assert len(shape("en")) > 100


def test_chinese_is_chinese() -> None:
    latin = {key for key, text in words("zh").items() if not re.search(r"[\u3001-\uffee]", text)}
    same = {key for key in latin if words("en")[key] != words("zh")[key]}
    assert same <= {"page.language", "streams.shown", "nodes.of"}


def test_every_word_that_is_said_is_there_and_every_word_is_said() -> None:
    scripts = "\n".join(path.read_text() for path in SCRIPTS if not path.name.startswith("words_"))
    said = set(re.findall(r'say\([^"`)]*"([\w. -]+)"', scripts))
    begun = tuple(start for start in re.findall(r"`([\w-]+\.(?:[\w-]+\.)*)\$\{", scripts))
    known = set(words("en"))
    assert not said - known
    quoted = set(re.findall(r'"([\w. -]+)"', scripts))
    assert not {key for key in known - said if not key.startswith(begun) and key not in quoted}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_can_be_read_on_their_ground(scheme: str) -> None:
    light, dark = (dict(COLOUR.findall(part)) for part in (PAGE / "base.css").read_text().split("@media", 2)[:2])
    colours = light if scheme == "light" else {**light, **dark}
    pale = {pair for pair in READ_ON if contrast(*(colours[name] for name in pair)) < ENOUGH}
    assert not pale


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2.1 has it."""
    lesser, greater = sorted((luminance(one), luminance(other)))
    return (greater + 0.05) / (lesser + 0.05)


def luminance(colour: str) -> float:
    """Of a colour, from 0 to 1."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    channels = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_what_is_vendored_has_its_licence_and_version() -> None:
    assert "Permission is hereby granted" in (PAGE / "uplot" / "LICENSE").read_text()
    version = re.search(r"uPlot (\d+\.\d+\.\d+)", (PAGE / "uplot" / "VERSION").read_text())
    assert version is not None
    assert f"(v{version[1]})" in (PAGE / "uplot" / "uPlot.iife.min.js").read_text()
