"""In which language commands write, and how: by the catalogue, as whoever sits at the terminal reads it."""

import os

from ingress.messages.forms import EN
from ingress.messages.languages import of_environment
from ingress.messages.message import Argument, Message, render, word


class Wording:
    """Writes messages in one language."""

    def __init__(self, language: str = EN) -> None:
        self.language = language

    def __call__(self, key: str, /, **arguments: Argument) -> str:
        """The message of *key*."""
        return render(Message(key, **arguments), self.language)

    def word(self, family: str, name: str) -> str:
        """As `ingress.messages.message.word`."""
        return render(word(family, name), self.language)


def of_terminal() -> Wording:
    """By LC_ALL, LC_MESSAGES and LANG."""
    return Wording(of_environment(os.environ))
