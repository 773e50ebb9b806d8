"""`/connections`: streams and associations, each with the chain of what it goes by, the path first."""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ingress.clash.delays import moment
from ingress.clash.proxies import AUTO, DIRECT
from ingress.client.client_accounts import DIRECT as FROM_HERE
from ingress.report.stream_rows import StreamRow

MATCH: Final = "Match"
"""What decided where no rule did."""


def connections(
    rows: Sequence[StreamRow], moved: tuple[int, int], exits: Mapping[str, str | None], memory: int, now: float
) -> dict[str, Any]:
    """The whole answer; *moved* up and down by all paths since the start, *exits* each with the group that it is
    in, *now* seconds since 1970."""
    return {
        "downloadTotal": moved[1],
        "uploadTotal": moved[0],
        "memory": memory,
        "connections": [_connection(row, exits, now) for row in rows],
    }


def _connection(row: StreamRow, exits: Mapping[str, str | None], now: float) -> dict[str, Any]:
    host, _, port = row.target.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_address = _is_address(host)
    return {
        "id": str(row.id),
        "upload": row.up,
        "download": row.down,
        "start": moment(now - row.age),
        "chains": _chain(row, exits),
        "rule": row.rule or MATCH,
        "rulePayload": "",
        "metadata": {
            "network": row.protocol,
            "type": "Mixed",
            "sourceIP": row.client,
            "sourcePort": "",
            "destinationIP": host if is_address else "",
            "destinationPort": port,
            "host": "" if is_address else host,
            "sniffHost": "",
            "dnsMode": "normal",
            "inboundUser": row.user,
            "inboundName": "",
            "inboundIP": "",
            "inboundPort": "",
            "process": row.user,
            "processPath": "",
            "remoteDestination": row.exit,
            "specialProxy": "",
            "specialRules": "",
            "uid": 0,
        },
    }


def _chain(row: StreamRow, exits: Mapping[str, str | None]) -> list[str]:
    """From the path outwards; what waits for one has none."""
    if row.exit == FROM_HERE:
        return [DIRECT]
    group = exits.get(row.exit)
    return [part for part in (row.path, group, AUTO) if part]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
