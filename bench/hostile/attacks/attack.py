"""What an attack is."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import attrs

from bench.hostile.ground import Ground

Move = Callable[[Ground], None]
"""One thing that an attacker does, for some seconds at most; OSError ends it, and is no news."""


def nothing(_: Ground) -> AbstractContextManager[object]:
    """No stage is set."""
    return contextlib.nullcontext()


@attrs.frozen
class Attack:
    """One attacker. Its moves are done two at a time, in random order, again and again."""

    name: str
    title: str
    moves: tuple[Move, ...]
    attacked: tuple[str, ...]
    """The processes that it is aimed at; the first is asked afterwards whether it still serves."""
    replaces: str = ""
    """The node in whose place it stands, which is killed before and started again afterwards."""
    stage: Callable[[Ground], AbstractContextManager[object]] = nothing
    """What is there as long as it lasts."""
