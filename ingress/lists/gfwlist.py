"""gfwlist: rules of an ad blocker, in base64, of which the hosts are taken.

A proxy sees hosts and no URLs, so what names a path as well is taken for its host, and what names no host is left out.
"""

import base64
import binascii
import re

from ingress.lists.entries import Entries, Scope

_HEAD = "[AutoProxy"
_HOST = re.compile(r"[A-Za-z0-9_*.-]+")


def decode(content: bytes) -> str | None:
    """The rules as a text; None if it is no gfwlist."""
    text = content.decode("utf-8-sig", "replace")
    if not text.lstrip().startswith(_HEAD):
        try:
            text = base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return None
    return text if text.lstrip().startswith(_HEAD) else None


def read(content: bytes) -> Entries:
    """All of it. What is no gfwlist has one line that is wrong."""
    entries, text = Entries(), decode(content)
    if text is None:
        entries.note_wrong("no [AutoProxy …] at its beginning")
        return entries
    for raw in text.splitlines():
        line = raw.strip()
        if line and line[0] not in "![":
            _take(entries, line)
    return entries


def _take(entries: Entries, line: str) -> None:
    add = entries.except_name if line.startswith("@@") else entries.add_name
    rule = line.removeprefix("@@")
    if rule.startswith("/") and rule.endswith("/") and len(rule) > 1:
        entries.left_out["regular expression of a URL"] += 1
        return
    host = _host(rule)
    if host is None:
        entries.left_out["part of a URL"] += 1
    elif re.fullmatch(r"[0-9.]+", host) and add == entries.add_name:
        if not entries.add_network(host):
            entries.note_wrong(line)
    elif not add(Scope.COVERED, host):
        entries.note_wrong(line)


def _host(rule: str) -> str | None:
    """The name that *rule* is about, without the labels that have a `*` in them; None if it is about no host."""
    if rule.startswith("|") and not rule.startswith("||"):
        rule = re.sub(r"^\|(?:https?|\*|wss?)?(?:://)?", "", rule)
    else:
        rule = re.sub(r"^(?:https?://)", "", rule.removeprefix("||"))
    found = _HOST.match(rule.lstrip("."))
    if found is None or "." not in found.group():
        return None
    name = found.group().rpartition("*")[2].lstrip(".") if "*" in found.group() else found.group()
    is_whole = found.end() == len(rule.lstrip(".")) or rule.lstrip(".")[found.end()] in "^/:|"
    return name if is_whole and "." in name and not name.endswith(".") else None
