"""The callback that does nothing.

An object that tells others what happens begins with `ignore` in the place of each callback, and puts it back when it
has ended: it can then call without asking first, and keeps nobody alive whom it has no more to tell.
"""


def ignore(*_: object) -> None:
    """Take whatever is told, and do nothing."""
