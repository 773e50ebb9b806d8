"""What shows the demo to a person and reads what is typed: on a terminal screen.py, elsewhere plain.py."""

from collections.abc import Awaitable, Callable
from typing import Protocol

REFRESH = 0.5
"""Seconds between two looks at the ingress and the emulator."""

Execute = Callable[[str], Awaitable[bool]]
"""Does what a line says; False when it was to quit."""


class Display(Protocol):
    """Shows the demo and reads what is typed."""

    def tell(self, text: str) -> None:
        """Show *text*, once."""

    async def run(self, execute: Execute) -> None:
        """Show how things are and have each line executed, until one says to quit."""
