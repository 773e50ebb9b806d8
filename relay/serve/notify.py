"""Tells systemd how the service is doing: sd_notify(3), as far as Type=notify needs it. Without systemd, nothing."""

import os
import socket

from relay import log


def notify(**said: str | int) -> None:
    """Send what is *said*, as READY=1 or STATUS=text, to the socket that NOTIFY_SOCKET names, if there is one."""
    place = os.environ.get("NOTIFY_SOCKET")
    if not place:
        return
    address = "\0" + place[1:] if place.startswith("@") else place
    text = "\n".join(f"{name}={_one_line(str(value))}" for name, value in said.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.sendto(text.encode(errors="replace"), address)
    except OSError as error:
        log.event("notify-failed", level="warning", why=error.strerror, socket=place)


def _one_line(text: str) -> str:
    return "; ".join(line for line in text.splitlines() if line)
