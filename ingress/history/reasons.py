"""Reasons as they are kept: the English text, and beside it what it was made of, so that it can be said in Chinese."""

import json
from collections.abc import Mapping
from typing import Any, Final

from ingress.messages.message import Message

MOST: Final = 4000
"""Characters of one reason that are kept with what it was made of; longer ones are kept as texts alone."""


def write_reason(why: str) -> str | None:
    """What *why* is made of, as JSON; None if it is only a text."""
    written = json.dumps(_plain(why)) if isinstance(why, Message) else ""
    return written if 0 < len(written) <= MOST else None


def _plain(value: object) -> object:
    if isinstance(value, Message):
        return {"key": value.key, "arguments": {name: _plain(one) for name, one in value.arguments.items()}}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def read_reason(why: str, written: str | None) -> str:
    """The reverse: a message again, or the text *why* where it is made of what this version does not know."""
    if written is None:
        return why
    try:
        return _message(json.loads(written)) or why
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return why


def _message(value: Any) -> Message | None:
    if not isinstance(value, Mapping):
        return None
    return Message(value["key"], **{name: _argument(one) for name, one in value["arguments"].items()})


def _argument(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _message(value)
    return tuple([_argument(one) for one in value]) if isinstance(value, list) else value
