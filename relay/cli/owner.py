"""Whom a check judges for: as root, the owner of the folder, who will run the program there; else whoever asks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from relay.private import user_name


@contextmanager
def as_owner_of(folder: Path) -> Iterator[str | None]:
    """Become the owner of *folder* until the end: what he cannot read is not read. Yields his name.

    Only root becomes somebody, and nobody becomes root: then it yields None. A change of the whole process; for
    commands, which have one thread.
    """
    owner = folder.stat() if folder.is_dir() else None
    if os.geteuid() != 0 or owner is None or owner.st_uid == 0:
        yield None
        return
    groups, group = os.getgroups(), os.getegid()
    name = user_name(owner.st_uid)
    _become(name, owner.st_uid, owner.st_gid)
    try:
        yield name
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _become(name: str, user: int, group: int) -> None:
    if name.isdigit():  # it has no entry, so no groups either
        os.setgroups([group])
    else:
        os.initgroups(name, group)
    os.setegid(group)
    os.seteuid(user)
