"""Regular expressions of lists, which somebody else wrote: matched by RE2, in a time that grows with the name's length.

Python's own matcher tries all the ways in which repetitions can share a name out: one expression of a list that was
fetched could hold up every client.
"""

from typing import Protocol

LONGEST = 1024
"""Characters of one expression."""
MEMORY = 64 * 1024
"""Bytes that one may take when it is compiled: those of published lists take a tenth."""


class Pattern(Protocol):
    """A compiled expression."""

    @property
    def pattern(self) -> str:
        """As it was written."""

    def search(self, text: str) -> object | None:
        """None if it is found nowhere in *text*."""


def compile_pattern(text: str) -> Pattern | None:
    """*text* ready to be searched for, in either case; None if RE2 does not take it."""
    if len(text) > LONGEST:
        return None
    import re2  # most lists have none, and it takes a megabyte

    options = re2.Options()
    options.log_errors = options.case_sensitive = False
    options.max_mem = MEMORY
    try:
        found: Pattern = re2.compile(text, options=options)
    except re2.error:
        return None
    return found
