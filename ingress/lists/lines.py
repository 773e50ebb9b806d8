"""Formats of a line for each entry. Every reader takes the whole content and leaves nothing out unsaid."""

import re
from collections.abc import Callable, Iterable, Iterator

from ingress.lists.entries import Entries, Reader, Scope, plain_name

_PAYLOAD = re.compile(r"payload\s*:\s*(?:#.*)?$")
_ITEM = re.compile(r"-\s+(?:'((?:[^']|'')*)'|\"((?:[^\"\\]|\\.)*)\"|([^#'\"][^#]*?))\s*(?:#.*)?$")
_NUMBERS = re.compile(r"[0-9./]+")
"""What a network of IPv4 is written with. Names that begin with a digit are many, and trying one as a network takes
fifty times as long as reading it as a name."""

Take = Callable[[Entries, str], bool]
"""Adds one entry; False if the line is none."""


def _reader(take: Take, *, yaml: bool = False, comments: str = "#") -> Reader:
    def read(content: bytes) -> Entries:
        entries = Entries()
        for line in _lines(content, comments, entries, yaml=yaml):
            if not take(entries, line):
                entries.note_wrong(line)
        return entries

    return read


def _lines(content: bytes, comments: str, entries: Entries, *, yaml: bool) -> Iterator[str]:
    """The lines that hold something, without what is said beside it."""
    text = content.decode("utf-8-sig", "replace")
    plain = (line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith(tuple(comments)))
    return _items(plain, entries) if yaml else plain


def _items(lines: Iterable[str], entries: Entries) -> Iterator[str]:
    """The same of `payload:` and a list below it; content without it is a list of lines already."""
    is_payload = False
    for line in lines:
        if _PAYLOAD.match(line):
            is_payload = True
        elif not is_payload:
            yield line
        elif (item := _ITEM.match(line)) is not None:
            single, double, bare = item.groups()
            yield single.replace("''", "'") if single is not None else (double if double is not None else bare).strip()
        else:
            entries.note_wrong(line)


def _uncommented(line: str) -> str:
    """*line* without a comment behind it."""
    return line.partition("#")[0].rstrip()


def _plain(entries: Entries, line: str) -> bool:
    """As `host` and `cidr` in paths.toml: a name covers what is below it, `=` and `*.` say otherwise."""
    line = _uncommented(line)
    if line.startswith("="):
        return entries.add_name(Scope.ITSELF, line[1:])
    if line.startswith("*."):
        return entries.add_name(Scope.BELOW, line[2:])
    if (":" in line or _NUMBERS.fullmatch(line)) and entries.add_network(line):
        return True
    return entries.add_name(Scope.COVERED, line)


def _clash_domain(entries: Entries, line: str) -> bool:
    """mihomo's rule-providers of behaviour `domain`: a bare name is only itself."""
    for mark, scope in (("+.", Scope.COVERED), ("*.", Scope.ONE_BELOW), (".", Scope.BELOW)):
        if line.startswith(mark) and "*" not in line[len(mark) :]:
            return entries.add_name(scope, line[len(mark) :])
    if "*" not in line:
        return entries.add_name(Scope.ITSELF, line)
    return _labels(entries, line)


def _labels(entries: Entries, line: str) -> bool:
    """A name of which any label may be `*`, which is any one label."""
    mark = next((mark for mark in ("+.", ".") if line.startswith(mark)), "")
    labels = line[len(mark) :].lower().split(".")
    if not all(label == "*" or plain_name(f"{label}.x") for label in labels):
        return False
    before = {"+.": r"(?:.+\.)?", ".": r".+\."}.get(mark, "")
    pattern = r"\.".join("[^.]+" if label == "*" else re.escape(label) for label in labels)
    entries.patterns.append(f"^{before}{pattern}$")
    return True


def _clash_ipcidr(entries: Entries, line: str) -> bool:
    return entries.add_network(line)


_OTHER_CLASSICAL = frozenset(
    {
        "AND",
        "DEST-PORT",
        "DEVICE-NAME",
        "DOMAIN-SET",
        "DSCP",
        "DST-PORT",
        "FINAL",
        "GEOIP",
        "GEOSITE",
        "IN-NAME",
        "IN-PORT",
        "IN-TYPE",
        "IN-USER",
        "IP-ASN",
        "IP-SUFFIX",
        "MATCH",
        "NETWORK",
        "NOT",
        "OR",
        "PROCESS-NAME",
        "PROCESS-NAME-REGEX",
        "PROCESS-PATH",
        "PROCESS-PATH-REGEX",
        "PROTOCOL",
        "RULE-SET",
        "SRC-GEOIP",
        "SRC-IP-ASN",
        "SRC-IP-CIDR",
        "SRC-IP-SUFFIX",
        "SRC-PORT",
        "SUB-RULE",
        "SUBNET",
        "UID",
        "URL-REGEX",
        "USER-AGENT",
    }
)
"""What rules of this form may ask besides, and a list of targets cannot mean."""


def _clash_classical(entries: Entries, line: str) -> bool:
    """Rules without their policy: `DOMAIN-SUFFIX,example.com` (mihomo's behaviour `classical`; Surge's RULE-SET)."""
    kind, _, rest = line.partition(",")
    kind, value = kind.strip().upper(), rest.split(",")[0].strip()
    match kind:
        case "DOMAIN":
            return entries.add_name(Scope.ITSELF, value)
        case "DOMAIN-SUFFIX":
            return entries.add_name(Scope.COVERED, value.removeprefix("."))
        case "DOMAIN-KEYWORD" if value:
            entries.keywords.append(value.lower())
        case "DOMAIN-REGEX" if rest:
            entries.patterns.append(rest.strip())
        case "DOMAIN-WILDCARD" if value:
            entries.patterns.append(_wildcard(value))
        case "IP-CIDR" | "IP-CIDR6":
            return entries.add_network(value)
        case other if other in _OTHER_CLASSICAL:
            entries.left_out[other] += 1
        case _:
            return False
    return True


def _wildcard(text: str) -> str:
    """`*` any characters, `?` one, and all of the name, as an expression."""
    return "^" + "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in text.lower()) + "$"


def _surge_set(entries: Entries, line: str) -> bool:
    """Surge's DOMAIN-SET: a dot in front covers the name and what is below it, a bare one is only itself."""
    line = _uncommented(line)
    if line.startswith("."):
        return entries.add_name(Scope.COVERED, line[1:])
    return entries.add_name(Scope.ITSELF, line)


def _dnsmasq(entries: Entries, line: str) -> bool:
    """`server=/example.com/…/`, and what else names domains so; each covers what is below it."""
    key, _, value = line.partition("=")
    if key.strip() not in ("server", "address", "local", "ipset", "nftset", "rev-server") or not value.startswith("/"):
        return False
    names = [name for name in value[1 : value.rfind("/")].split("/") if name]
    return bool(names) and all(entries.add_name(Scope.COVERED, name.removeprefix("*.")) for name in names)


plain = _reader(_plain)
clash_domain = _reader(_clash_domain, yaml=True)
clash_ipcidr = _reader(_clash_ipcidr, yaml=True)
clash_classical = _reader(_clash_classical, yaml=True, comments="#;")
surge_set = _reader(_surge_set, comments="#;")
dnsmasq = _reader(_dnsmasq)
