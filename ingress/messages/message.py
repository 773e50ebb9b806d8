"""A message: a key of the catalogue and its arguments. As a text it is English; `render` writes it in any language.

What must stay true: a message never fails to be written, and every one can be written in every language. Its arguments
are numbers in the units of everything else (seconds, shares, bytes per second), names, and other messages.
"""

import functools
import string
from collections.abc import Callable, Mapping
from typing import Final

from ingress.messages.en import ENGLISH
from ingress.messages.forms import EN, ZH, Form, form_of, is_ours
from ingress.messages.phrases import translate
from ingress.messages.zh import CHINESE

Argument = str | int | float | tuple[str, ...]

TEMPLATES: Final[Mapping[str, Mapping[str, str]]] = {EN: ENGLISH, ZH: CHINESE}
"""By language and key."""

TEXTS: Final = frozenset({"text", "texts", "why", "reason", "how", "rule", "title", "place", "does"})
"""Arguments that may be somebody's sentences. What others are given is a name, a number or a message."""

Piece = tuple[str, str, Form | None]
"""A literal text, then the name of an argument and how it is written."""


class Message(str):
    """Equal to its English text, as which everything takes it that takes texts. Read-only."""

    __slots__ = ("arguments", "key")

    key: str
    arguments: Mapping[str, Argument]

    def __new__(cls, key: str, /, **arguments: Argument) -> "Message":
        """That of *key*, in which all placeholders of its templates are given."""
        plain = _plain(key)
        self = str.__new__(cls, _write(EN, key, arguments) if plain is None else plain(**arguments))
        self.key, self.arguments = key, arguments
        return self

    def __repr__(self) -> str:
        return f"<Message {self.key}: {str.__str__(self)}>"


def render(text: str, language: str) -> str:
    """*text* in *language*: a message by its template, a node's or the system's words as far as they are known."""
    if language == EN:
        return str.__str__(text)
    if isinstance(text, Message):
        return _write(language, text.key, text.arguments)
    return translate(text) if text else text


def word(family: str, name: str) -> str:
    """The message for one *name* of a *family* of words, as states are: the name itself if there is none for it."""
    key = f"{family}.{name}"
    return Message(key) if key in ENGLISH else name


def prefix(key: str, language: str) -> str:
    """What a message of *key* begins with, before its first argument."""
    return _pieces(language, key)[0][0]


def _write(language: str, key: str, arguments: Mapping[str, Argument]) -> str:
    return "".join(
        [
            literal + (_argument(arguments[name], language, form, name in TEXTS) if name else "")
            for literal, name, form in _pieces(language, key)
        ]
    )


def _argument(value: Argument, language: str, form: Form | None, is_text: bool) -> str:
    if isinstance(value, str):
        return _part(value, language, is_text)
    if isinstance(value, tuple):
        value = tuple([_part(one, language, is_text) for one in value])
    return str(value) if form is None else form(value)


def _part(value: str, language: str, is_text: bool) -> str:
    return render(value, language) if is_text or isinstance(value, Message) else value


@functools.cache
def _plain(key: str) -> Callable[..., str] | None:
    """What writes the English template of *key*, if it has no forms of ours: in a third of the time."""
    specs = {spec or "" for _, _, spec, _ in string.Formatter().parse(ENGLISH[key])}
    return None if any(is_ours(spec) for spec in specs) else ENGLISH[key].format


@functools.cache
def _pieces(language: str, key: str) -> tuple[Piece, ...]:
    """A template, taken apart."""
    parsed = string.Formatter().parse(TEMPLATES[language][key])
    return tuple(
        (literal, name or "", form_of(language, spec) if spec else None) for literal, name, spec, _ in parsed
    ) or (("", "", None),)
