"""What the project v2fly publishes: the texts of its domain lists, and the file `geosite.dat` that is built of them.

https://github.com/v2fly/domain-list-community has both forms described; the file is a protocol buffer (`GeoSiteList` in
v2ray's `app/router/routercommon/common.proto`), of which three messages of a few fields are read here.
"""

from collections.abc import Container, Iterator, Sequence

from ingress.lists.entries import Entries, Scope

_VARINT, _BYTES = 0, 2
_WIDTHS = {1: 8, 5: 4}
_KEYWORD, _PATTERN, _COVERED, _ITSELF = 0, 1, 2, 3


class NotGeosite(Exception):
    """The content is no such file, or has no such list; the text says which."""


def read_text(content: bytes, attributes: Sequence[str] = ()) -> Entries:
    """One list as a text: `domain:`, `full:`, `keyword:`, `regexp:`; a bare name covers what is below it. Of lines with
    attributes (`@cn`), if *attributes* are named, those that have them all."""
    entries = Entries()
    for raw in content.decode("utf-8-sig", "replace").splitlines():
        line = raw.partition("#")[0].strip()
        if line and not _take(entries, line, attributes):
            entries.note_wrong(line)
    return entries


def _take(entries: Entries, line: str, attributes: Sequence[str]) -> bool:
    rule, *marks = line.split()
    if any(mark[0] not in "@&" for mark in marks):
        return False
    if not _has_all({mark[1:] for mark in marks if mark[0] == "@"}, attributes):
        return True
    kind, colon, value = rule.partition(":")
    match kind if colon else "domain":
        case "domain":
            return entries.add_name(Scope.COVERED, value if colon else rule)
        case "full":
            return entries.add_name(Scope.ITSELF, value)
        case "keyword" if value:
            entries.keywords.append(value.lower())
        case "regexp" if value:
            entries.patterns.append(value)
        case "include":
            entries.left_out["include"] += 1
        case _:
            return False
    return True


def _has_all(marks: Container[str], attributes: Sequence[str]) -> bool:
    """Whether what has *marks* is wanted; `!cn` wants those without it."""
    return all((one[1:] not in marks) if one.startswith("!") else (one in marks) for one in attributes)


def read_geosite(content: bytes, name: str, attributes: Sequence[str] = ()) -> Entries:
    """The list *name* of a geosite.dat, in either case.

    Raises:
        NotGeosite: it is no such file, or has no such list.
    """
    entries, found = Entries(), False
    for code, domains in _sites(content):
        if code.lower() == name.lower():
            found = True
            for kind, value, marks in map(_domain, domains):
                if _has_all(marks, attributes):
                    _add(entries, kind, value)
    if not found:
        raise NotGeosite(f'has no list "{name}"')
    return entries


def geosite_names(content: bytes) -> list[str]:
    """The names of the lists of a geosite.dat, in lower case. Raises NotGeosite."""
    return [code.lower() for code, _ in _sites(content)]


def _add(entries: Entries, kind: int, value: str) -> None:
    if kind == _KEYWORD:
        entries.keywords.append(value.lower())
    elif kind == _PATTERN:
        entries.patterns.append(value)
    elif not entries.add_name(Scope.ITSELF if kind == _ITSELF else Scope.COVERED, value):
        entries.note_wrong(value)


def _sites(content: bytes) -> Iterator[tuple[str, list[memoryview]]]:
    try:
        sites = list(_fields(memoryview(content)))
        if not sites or any(number != 1 or isinstance(value, int) for number, value in sites):
            raise NotGeosite("is no geosite.dat")
        for _, site in sites:
            parts = list(_fields(site))  # type: ignore[arg-type]
            code = b"".join(bytes(value) for number, value in parts if number == 1)
            yield code.decode(), [value for number, value in parts if number == 2 and not isinstance(value, int)]
    except (ValueError, IndexError, TypeError) as error:
        raise NotGeosite("is no geosite.dat, or a damaged one") from error


def _domain(message: memoryview) -> tuple[int, str, set[str]]:
    """Type, value and attributes of one domain."""
    kind, value, marks = _KEYWORD, "", set()
    try:
        for number, field in _fields(message):
            if number == 1 and isinstance(field, int):
                kind = field
            elif number == 2 and not isinstance(field, int):
                value = bytes(field).decode()
            elif number == 3 and not isinstance(field, int):
                marks |= {bytes(key).decode() for n, key in _fields(field) if n == 1 and not isinstance(key, int)}
    except (ValueError, IndexError) as error:
        raise NotGeosite("is a damaged geosite.dat") from error
    return kind, value, marks


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and content of each field. Raises IndexError or ValueError for what is no message."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        width = tag & 7
        if width == _VARINT:
            number, at = _varint(message, at)
            yield tag >> 3, number
        elif width == _BYTES:
            size, at = _varint(message, at)
            if size > end - at:
                raise ValueError("a field that is cut short")
            yield tag >> 3, message[at : at + size]
            at += size
        else:
            at += _WIDTHS.get(width, end)  # of no use here
            if at > end:
                raise ValueError("a field of no known width, or cut short")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = message[at]
        found |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return found, at
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
