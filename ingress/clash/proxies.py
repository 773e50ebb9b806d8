"""`/proxies`: paths and groups. A group takes its best by itself, and what was chosen by hand instead is `fixed`, as of
Clash's URLTest."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from ingress.clash.delays import Bars, delay
from ingress.report.rows import PathRow

AUTO: Final = "auto"
GLOBAL: Final = "GLOBAL"
"""What dashboards take the order of groups from."""
DIRECT: Final = "DIRECT"
REJECT: Final = "REJECT"
TEST_URL: Final = "https://www.gstatic.com/generate_204"
"""What dashboards show as the address of their test. Nothing is fetched: pings go all the time."""


@attrs.frozen
class ExitGroup:
    """A group of exits, and the paths that lead there."""

    name: str
    paths: tuple[str, ...]


def groups_of(exits: Mapping[str, str | None], rows: Sequence[PathRow]) -> list[ExitGroup]:
    """The groups of *exits* (each with that which it is in), with the paths among *rows* that lead there. A name that
    something else here has is left out."""
    taken = {AUTO, GLOBAL, DIRECT, REJECT, *(row.path for row in rows)}
    names = dict.fromkeys(group for group in exits.values() if group is not None and group not in taken)
    return [ExitGroup(name, tuple(row.path for row in rows if exits.get(row.exit) == name)) for name in names]


def proxies(
    rows: Sequence[PathRow], groups: Sequence[ExitGroup], fixed: str, bars: Mapping[str, Bars]
) -> dict[str, dict[str, Any]]:
    """All of them by name. *fixed* is what was asked for by hand for everybody, empty if nothing was."""
    names = [row.path for row in rows]
    best = next((row.path for row in rows if delay(row)), names[0] if names else "")
    found = {row.path: _path(row, bars.get(row.path, [])) for row in rows}
    for group in groups:
        own = next((row.path for row in rows if row.path in group.paths and delay(row)), "")
        chosen = fixed if fixed in group.paths else ""
        found[group.name] = _group(group.name, group.paths, chosen or own, chosen, found)
    every = (*(group.name for group in groups), *names)
    now = fixed if fixed in every else best
    found[AUTO] = _group(AUTO, every, now, fixed if fixed in every else "", found)
    order = (AUTO, *every)
    found[GLOBAL] = {**_group(GLOBAL, order, AUTO, "", found), "type": "Selector", "hidden": True}
    for name, kind in ((DIRECT, "Direct"), (REJECT, "Reject")):
        found[name] = {**_proxy(name, kind, []), "alive": True, "udp": True}
    return found


def delays(rows: Sequence[PathRow], members: Sequence[str]) -> dict[str, int]:
    """The answer to `/group/NAME/delay`: those of *members* that can be used."""
    return {row.path: delay(row) for row in rows if row.path in members and delay(row)}


def _path(row: PathRow, history: Bars) -> dict[str, Any]:
    carries = row.datagrams is not None and row.datagrams.carries
    return {**_proxy(row.path, "Path", history), "alive": bool(delay(row)), "udp": carries, "exit": row.exit}


def _group(
    name: str, members: Sequence[str], now: str, fixed: str, found: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    history = found[now]["history"] if now in found else []
    is_alive = bool(found[now]["alive"]) if now in found else False
    made = {**_proxy(name, "URLTest", history), "alive": is_alive, "udp": True}
    return {**made, "all": list(members), "now": now, "fixed": fixed, "testUrl": TEST_URL, "hidden": False, "icon": ""}


def _proxy(name: str, kind: str, history: Bars) -> dict[str, Any]:
    """What every one of them has."""
    return {
        "name": name,
        "type": kind,
        "history": history,
        "extra": {},
        "xudp": False,
        "tfo": False,
        "mptcp": False,
        "smux": False,
        "interface": "",
        "dialer-proxy": "",
    }
