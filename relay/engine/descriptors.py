"""How many descriptors this process may have, and for whom the last of them are kept.

What must stay true: what lives is unhurt by what comes. The limit L has two marks, each a reserve of R = min(64, L / 8)
below the next: connects to targets (and look-ups of their names) stop at L - 2R, accepting stops at L - R, so that
carriers still come in at an exit whose targets have used up theirs; the last R are for carriers that are dialled and
for the admin socket. The kernel gives out the lowest free number, so that one number tells how many are in use.
"""

import contextlib
import errno
import os
import resource
from typing import Final

RESERVE: Final = 64
"""Descriptors from one mark to the next, or an eighth of the limit where that is less."""

_AT_START: Final = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class _Noted:
    """What the kernel said last; 0 before it was asked."""

    dial_mark = 0


_noted = _Noted()


def limit() -> int:
    """How many descriptors this process may have now (the soft limit)."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def accept_mark() -> int:
    """The first descriptor that must not be used up by accepting."""
    most = limit()
    return most - min(RESERVE, most // 8)


def dial_mark() -> int:
    """The first descriptor that must not be used up by connects to targets."""
    most = limit()
    return most - 2 * min(RESERVE, most // 8)


def spare_reserve(descriptor: int) -> None:
    """A connect to a target, or what leads to one, was given *descriptor*. That the limit has become lower is known
    once `note_limit` was called; until then the kernel refuses what is beyond it.

    Raises:
        OSError: EMFILE, as if there were no more: it is one of the last, which are for others. Close it.
    """
    if descriptor >= _noted.dial_mark and descriptor >= note_limit():
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def note_limit() -> int:
    """Ask the kernel for the limit, which an operator may change (prlimit(1)); to be called now and then, since to ask
    at every connect costs a system call. Gives `dial_mark`."""
    _noted.dial_mark = dial_mark()
    return _noted.dial_mark


def share_of_strangers() -> int:
    """How many may be held by those who have not shown who they are: a quarter, so that the rest has room beside."""
    return limit() // 4


def share_of_newcomers() -> int:
    """How many may be held by clients that need no password and have not asked for anything yet: half, so that both
    together leave room for streams."""
    return limit() // 2


def raise_limit() -> None:
    """Set the soft limit to the hard one: outside systemd it is 1,024, for programs that use select(), as none here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    with contextlib.suppress(OSError, ValueError):  # a sandbox that allows no change: what there is has to do
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def describe_limit() -> str:
    """As `soft/hard`, and from what it was raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"{soft}/{hard} (raised from {_AT_START})" if soft > _AT_START else f"{soft}/{hard}"
