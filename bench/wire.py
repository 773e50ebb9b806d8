"""What the carriers of a node put on the wire, as the kernel counts it for each TCP connection (`ss`, of iproute2)."""

import re
import shutil
import subprocess

HEADERS = 52
"""Bytes of IPv4 and TCP with timestamps before each segment's payload."""
COUNTED = re.compile(r"\b(bytes_sent|bytes_received|segs_out|segs_in):(\d+)")


def bytes_at(port: int) -> float | None:
    """Bytes so far, both ways, with headers, of all connections that were accepted at *port* and live; None without ss.

    Each passed one line. The difference of two readings is what went over it, as long as no connection came or went.
    """
    if not shutil.which("ss"):
        return None
    command = ["ss", "-tinH", "state", "established", f"sport = :{port}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    return sum_bytes(done.stdout) if done.returncode == 0 else None


def sum_bytes(text: str) -> float:
    """Payload, and headers for every segment."""
    return float(sum(int(count) * (HEADERS if name.startswith("segs") else 1) for name, count in COUNTED.findall(text)))
