"""Which language somebody reads: by the environment of a terminal, or by what a question says."""

from collections.abc import Mapping
from typing import Final

from ingress.messages.forms import EN, LANGUAGES, ZH

VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Of the environment; the first that is set counts (POSIX, section 8.2)."""


def of_environment(environment: Mapping[str, str]) -> str:
    """Of who sits at this terminal."""
    told = next((value for name in VARIABLES if (value := environment.get(name))), "")
    return ZH if told.lower().startswith(ZH) else EN


def of_question(question: Mapping[str, object], name: str = "lang") -> str:
    """What a question asks for.

    Raises:
        ValueError: it is none of LANGUAGES.
    """
    asked = question.get(name, EN)
    if asked not in LANGUAGES:
        raise ValueError(f"{name} = {asked!r} is no language that is spoken here: {' or '.join(LANGUAGES)}")
    return str(asked)
