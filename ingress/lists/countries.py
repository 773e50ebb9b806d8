"""The country of an address, by a database in MaxMind's format that the operator brings."""

import os
from itertools import islice
from pathlib import Path
from typing import Any, Final

import maxminddb

from relay.errors import OperatorError
from relay.files import open_file
from relay.model.addresses import IpAddress
from relay.private import unreadable

MOST_TRIED: Final = 1000
"""Networks that are looked at to see what a database tells."""
DAMAGED: Final = (maxminddb.InvalidDatabaseError, ValueError, TypeError, LookupError, RecursionError)
"""What the reader raises where a file is none, or damaged."""
LONGEST_AGE: Final = 180 * 86400.0
"""Seconds after which a database is called old: networks are sold from country to country."""


class Countries:
    """Never changed once it is made; lookups take a few microseconds."""

    __slots__ = ("_reader", "built", "file", "modified")

    def __init__(self, file: Path) -> None:
        """Open *file*.

        Raises:
            OperatorError: it cannot be read, or tells no countries.
        """
        self.file = file
        try:
            with open_file(file) as opened:  # a named pipe would hold up who opens it
                self.modified = os.fstat(opened.fileno()).st_mtime
            self._reader = maxminddb.open_database(file, maxminddb.MODE_MMAP)
            metadata = self._reader.metadata()
        except (OSError, *DAMAGED) as error:
            why = unreadable(file, error) if isinstance(error, OSError) else "is no MaxMind database; fetch it again"
            raise OperatorError(f"{file}: {why}") from error
        self.built = float(metadata.build_epoch)
        """When it was made, in seconds since 1970."""
        if not self._tells_countries():
            kind = metadata.database_type
            raise OperatorError(f"{file}: is a database of another kind ({kind}); one of countries or cities is needed")

    def _tells_countries(self) -> bool:
        """Whether one of the first networks has a country."""
        try:
            return any(country_of(record) is not None for _, record in islice(self._reader, MOST_TRIED))
        except DAMAGED:
            return False

    def find(self, address: IpAddress) -> str | None:
        """Two letters, upper case (ISO 3166-1); None if it is not known."""
        try:
            return country_of(self._reader.get(address))
        except DAMAGED:  # or IPv6 in a database of IPv4
            return None


def country_of(record: Any) -> str | None:
    """What one record says: the country an address is in, else where it is registered. Some databases for proxies have
    the bare code, or a list of codes and other marks."""
    match record:
        case str():
            return record.upper() if len(record) == 2 else None
        case list():
            return next((found for one in record if (found := country_of(one)) is not None), None)
        case {"country": {"iso_code": str(code)}} | {"registered_country": {"iso_code": str(code)}}:
            return code.upper()
    return None
