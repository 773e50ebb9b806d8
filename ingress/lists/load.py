"""Reads the files of lists. It takes up to half a second for a hundred thousand names: not on the loop."""

import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ingress.lists.formats import UnreadableList, read_list
from ingress.lists.source import ListSource, LoadedList
from ingress.lists.targets import TargetSet
from relay.errors import OperatorError
from relay.files import open_file, read_whole
from relay.private import unreadable

Lists = Mapping[ListSource, LoadedList]
NO_LISTS: Final[Lists] = MappingProxyType({})


def load_lists(sources: Iterable[ListSource], known: Lists | None = None) -> Lists:
    """All of *sources*; what *known* has of a file that has not changed since is taken as it is.

    Raises:
        OperatorError: a line for each that cannot be read.
    """
    found: dict[ListSource, LoadedList] = {}
    wrong = []
    for source in dict.fromkeys(sources):
        old = None if known is None else known.get(source)
        try:
            found[source] = load_one(source, old)
        except OperatorError as error:
            wrong.append(str(error))
    if wrong:
        raise OperatorError("\n".join(wrong))
    return found


def load_one(source: ListSource, old: LoadedList | None = None) -> LoadedList:
    """One list; *old*, if its file has not changed since. OperatorError says what is wrong with it."""
    file = source.file
    try:
        with open_file(file) as opened:
            modified = os.fstat(opened.fileno()).st_mtime
            if old is not None and old.modified == modified:
                return old
            content = read_whole(file, opened)
        entries, chosen = read_list(content, source.format, source.name, source.attributes)
    except OSError as error:
        raise OperatorError(f"{file}: {unreadable(file, error)}") from error
    except UnreadableList as error:
        raise OperatorError(f"{file}: {error.what}; {error.mend}") from error
    return LoadedList(source, TargetSet(entries), chosen, modified)


def has_changed(loaded: Iterable[LoadedList]) -> bool:
    """Whether a file is another than the one that was read, or is not there any more."""
    return any(_modified(one.source) != one.modified for one in loaded)


def _modified(source: ListSource) -> float | None:
    try:
        return os.stat(source.file).st_mtime
    except OSError:
        return None
