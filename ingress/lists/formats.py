"""The formats by name, and which of them some content can be.

They mean opposite things by a bare name, so what was not said is guessed only where all possible readings agree.
"""

import difflib
from collections.abc import Mapping, Sequence

from ingress.lists import gfwlist, lines, v2fly
from ingress.lists.entries import Entries, Reader
from ingress.lists.v2fly import NotGeosite

GEOSITE = "geosite"
V2FLY = "v2fly"
READERS: Mapping[str, Reader] = {
    "plain": lines.plain,
    "clash-domain": lines.clash_domain,
    "clash-ipcidr": lines.clash_ipcidr,
    "clash-classical": lines.clash_classical,
    "surge-set": lines.surge_set,
    V2FLY: v2fly.read_text,
    "dnsmasq": lines.dnsmasq,
    "gfwlist": gfwlist.read,
}
"""Those that are read whole; geosite needs the name of a list."""
FORMATS = (*READERS, GEOSITE)
SAMPLE = 256 * 1024
"""Bytes of a list by which its format is guessed."""


class UnreadableList(Exception):
    """The content cannot be read as a list: what is wrong, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what, mend)
        self.what = what
        self.mend = mend


def read_list(
    content: bytes, format_: str | None = None, name: str | None = None, attributes: Sequence[str] = ()
) -> tuple[Entries, str]:
    """What *content* holds, and the format it was read in: *format_*, or the only one that it can be.

    *name* is that of a list in a geosite.dat; *attributes* are for geosite and v2fly.

    Raises:
        UnreadableList: it is of another format, of several that disagree, or of none.
    """
    chosen = guess(content, name) if format_ is None else format_
    entries = _read(content, chosen, name, attributes)
    if entries.wrong_count:
        shown = ", ".join(f'"{line}"' for line in entries.wrong)
        more = (
            "" if entries.wrong_count <= len(entries.wrong) else f" and {entries.wrong_count - len(entries.wrong)} more"
        )
        raise UnreadableList(f"has lines that are nothing in {chosen}: {shown}{more}", _other(content, chosen, name))
    if not entries.count and not entries.left_out:
        raise UnreadableList("is empty", "fill it, or take it out of the rule")
    return entries, chosen


def _read(content: bytes, format_: str, name: str | None, attributes: Sequence[str]) -> Entries:
    if format_ == V2FLY:
        return v2fly.read_text(content, attributes)
    if format_ != GEOSITE:
        return READERS[format_](content)
    if name is None:
        raise UnreadableList("is a geosite.dat, which has many lists", 'write name = "cn" beside file')
    try:
        return v2fly.read_geosite(content, name, attributes)
    except NotGeosite as error:
        known = _names(content)
        near = difflib.get_close_matches(name.lower(), known) or known[:8]
        mend = f"it has {len(known)}, as {', '.join(near)}" if known else "fetch it again"
        raise UnreadableList(str(error), mend) from error


def _names(content: bytes) -> list[str]:
    try:
        return v2fly.geosite_names(content)
    except NotGeosite:
        return []


def guess(content: bytes, name: str | None = None) -> str:
    """The format that *content* is in.

    Raises:
        UnreadableList: it can be several that mean different things by it, or none.
    """
    if not _said(content):
        raise UnreadableList("is empty", "fill it, or take it out of the rule")
    if (name is not None or content.startswith(b"\n")) and _names(content):
        return GEOSITE
    possible = readings(content)
    if not possible:
        raise UnreadableList(
            f"is in no format that is known here{_nearest(content)}", f"known are {', '.join(FORMATS)}"
        )
    first, *others = possible.values()
    if any(not _agree(first, other) for other in others):
        names = list(possible)
        raise UnreadableList(
            f"can be read as {', '.join(names[:-1])} or {names[-1]}, which mean different things by the same line",
            f'write format = "{names[0]}", or whichever it was published as',
        )
    return next(iter(possible))


def _said(content: bytes) -> bool:
    """Whether any line holds more than a remark, or what a list begins with."""
    lines = (line.strip() for line in content.removeprefix(b"\xef\xbb\xbf").splitlines())
    return any(line and line != b"payload:" and not line.startswith(b"#") for line in lines)


def _nearest(content: bytes) -> str:
    """The format in which the fewest lines are wrong, and which, where most are right."""
    read = [(one.wrong_count, name, one) for name, one in _read_in_all(content).items() if one.count > one.wrong_count]
    if not read:
        return ""
    _, name, entries = min(read, key=lambda each: each[0])
    return f"; as {name} it has wrong lines: {', '.join(map(repr, entries.wrong))}"


def readings(content: bytes) -> dict[str, Entries]:
    """What its beginning holds in every format in which it is a list."""
    found = _read_in_all(content)
    return {name: one for name, one in found.items() if not one.wrong_count and (one.count or one.left_out)}


def _read_in_all(content: bytes) -> dict[str, Entries]:
    sample = content[:SAMPLE]
    if len(content) > SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1]
    whole = {"gfwlist": content}  # of base64 no part can be read
    return {name: reader(whole.get(name, sample)) for name, reader in READERS.items()}


def _agree(one: Entries, other: Entries) -> bool:
    return (one.names, one.excepted, set(one.keywords), set(one.patterns)) == (
        other.names,
        other.excepted,
        set(other.keywords),
        set(other.patterns),
    ) and set(one.networks) == set(other.networks)


def _other(content: bytes, format_: str, name: str | None) -> str:
    """What to do about a list that is not in *format_*."""
    try:
        found = guess(content, name)
    except UnreadableList:
        found = format_
    return "mend these lines, or name another format" if found == format_ else f'write format = "{found}"'
