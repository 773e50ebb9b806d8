"""Reads the files of lists. It takes up to half a second for a hundred thousand names: not on the loop."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

from ingress.lists.countries import Countries
from ingress.lists.entries import Entries
from ingress.lists.formats import UnreadableList, read_list
from ingress.lists.source import ListSource, LoadedList
from ingress.lists.targets import TargetSet
from relay.errors import OperatorError
from relay.files import open_file, read_whole
from relay.private import unreadable


@attrs.frozen
class Lists:
    """What rules ask besides themselves."""

    loaded: Mapping[ListSource, LoadedList] = attrs.Factory(dict)
    countries: Countries | None = None
    """None if the file names no database."""
    fetched: Path | None = None
    """The folder of those that were fetched."""


NO_LISTS: Final = Lists()
FAILED: Final = ".failed"
"""How the file's name ends that says why a list could not be fetched."""
LONGEST_FAILURE: Final = 500
"""Bytes of it that are read."""


def load_lists(
    sources: Iterable[ListSource],
    countries: Path | None = None,
    known: Lists = NO_LISTS,
    fetched: Path | None = None,
) -> Lists:
    """All of *sources*, and the database *countries*; what *known* has of a file that has not changed since is taken
    as it is. *fetched* is the folder of those with a URL, None for that of *known*.

    Raises:
        OperatorError: a line for each that cannot be read.
    """
    found: dict[ListSource, LoadedList] = {}
    wrong = []
    fetched = fetched or known.fetched
    for source in dict.fromkeys(sources):
        try:
            found[source] = load_one(source, known.loaded.get(source), fetched)
        except OperatorError as error:
            wrong.append(str(error))
    opened = None
    try:
        opened = None if countries is None else _open(countries, known.countries)
    except OperatorError as error:
        wrong.append(str(error))
    if wrong:
        raise OperatorError("\n".join(wrong))
    return Lists(found, opened, fetched)


def _open(file: Path, old: Countries | None) -> Countries:
    return old if old is not None and old.file == file and old.modified == _modified(file) else Countries(file)


def load_one(source: ListSource, old: LoadedList | None = None, fetched: Path | None = None) -> LoadedList:
    """One list; *old*, if its file has not changed since. OperatorError says what is wrong with it. *fetched* as in
    `load_lists`."""
    file = source.file if source.url is None or fetched is None else fetched / source.file
    if source.url is not None and _modified(file) is None:
        return LoadedList(source, TargetSet(Entries()), source.format or "", None, file)
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
    return LoadedList(source, TargetSet(entries), chosen, modified, file)


def note_failure(file: Path, why: str) -> None:
    """Say beside *file* why it could not be fetched: `ingress rules` is told so by nobody else. A disk that takes
    nothing is told of where the list itself is kept."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_suffix(FAILED).write_text(why)


def forget_failure(file: Path) -> None:
    """It was fetched. Raises OSError."""
    file.with_suffix(FAILED).unlink(missing_ok=True)


def last_failure(file: Path) -> str | None:
    """Why *file* could not be fetched the last time; None if it was."""
    try:
        with open_file(file.with_suffix(FAILED)) as noted:
            return noted.read(LONGEST_FAILURE).decode("utf-8", "replace")
    except OSError:
        return None


def has_changed(lists: Lists) -> bool:
    """Whether a file is another than the one that was read, or is not there any more."""
    files = [(one.file, one.modified) for one in lists.loaded.values()]
    if lists.countries is not None:
        files.append((lists.countries.file, lists.countries.modified))
    return any(_modified(file) != modified for file, modified in files)


def _modified(file: Path) -> float | None:
    try:
        return os.stat(file).st_mtime
    except OSError:
        return None
