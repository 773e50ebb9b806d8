"""Which language somebody reads: by the environment of a terminal, by what a question says, by a browser's header."""

from collections.abc import Mapping
from typing import Final

from ingress.messages.forms import EN, LANGUAGES, ZH

VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")
"""Of the environment; the first that is set counts (POSIX, section 8.2)."""


def of_environment(environment: Mapping[str, str]) -> str:
    """Of who sits at this terminal."""
    told = next((value for name in VARIABLES if (value := environment.get(name))), "")
    return _of_tag(told) or EN


def of_header(header: str) -> str:
    """Of who sent this Accept-Language (RFC 9110 section 12.5.4): the first of ours among what is preferred most."""
    wanted = sorted((_weighed(part) for part in header.split(",")), key=lambda one: -one[0])
    return next((found for weight, tag in wanted if weight > 0 and (found := _of_tag(tag))), EN)


def of_question(question: Mapping[str, object], name: str = "lang") -> str:
    """What a question asks for.

    Raises:
        ValueError: it is none of LANGUAGES.
    """
    asked = question.get(name, EN)
    if asked not in LANGUAGES:
        raise ValueError(f"{name} = {asked!r} is no language that is spoken here: {' or '.join(LANGUAGES)}")
    return str(asked)


def _weighed(part: str) -> tuple[float, str]:
    tag, _, rest = part.partition(";")
    quality = rest.partition("q=")[2].strip()
    try:
        return (float(quality) if quality else 1.0), tag
    except ValueError:
        return 0.0, tag


def _of_tag(tag: str) -> str:
    found = tag.strip().lower()
    return ZH if found.startswith(ZH) else EN if found.startswith(EN) else ""
