"""The emulator's commands: a text line in, a text line out, over a Unix socket.

What must stay true: a command is answered, with `ok` or `error: …`, after it is in force and not before.
"""

import json
import os
import socket
from collections.abc import Callable, Iterable, Mapping

from ingress.demo.emulator.line import BadCommand, EmulatedLine
from ingress.demo.emulator.loop import READ, EmulatorLoop
from ingress.demo.emulator.port import Port
from relay.callbacks import ignore

LONGEST = 4096
"""Bytes of a command; whoever sends more without a newline is no program of ours."""
ALL = "*"
"""Names every line at once."""

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "blackhole": (EmulatedLine.blackhole, "LINE [towards|back|both]"),
    "freeze": (EmulatedLine.freeze, "LINE"),
    "refuse": (EmulatedLine.refuse, "LINE"),
    "reset": (ignore, "LINE"),
    "slow": (EmulatedLine.slow, "LINE 80ms"),
    "jitter": (EmulatedLine.jitter, "LINE 5ms"),
    "lose": (EmulatedLine.lose, "LINE 1%"),
    "deaf": (EmulatedLine.deafen, "LINE"),
    "police": (EmulatedLine.police, "LINE 250KB/s"),
    "rate": (EmulatedLine.limit, "LINE 50KB/s"),
    "heal": (EmulatedLine.heal, "LINE"),
}
"""What is done to a line, and how it is written."""
RESETTING = ("reset", "refuse")
"""After these, what was open gets a RST."""


def execute(ports: Mapping[str, Port], command: str) -> str:
    """Obey *command*; the answer, without a newline."""
    verb, *words = command.split() or [""]
    if verb == "status":
        return json.dumps({name: port.statistics() for name, port in ports.items()})
    try:
        obey(ports, verb, words)
    except BadCommand as error:
        return f"error: {error}"
    return "ok"


def obey(ports: Mapping[str, Port], verb: str, words: list[str]) -> None:
    """Change the line, then tell what runs over it."""
    if verb not in COMMANDS:
        raise BadCommand(f"{verb or 'nothing'}: not one of status, {', '.join(COMMANDS)}")
    change, usage = COMMANDS[verb]
    if len(words) != len(usage.split()) and not (verb == "blackhole" and len(words) == 1):
        raise BadCommand(f"usage: {verb} {usage}")
    for port in named(ports, words[0]):
        change(port.line, *words[1:])
        if verb in RESETTING:
            port.reset()
        port.resume()


def named(ports: Mapping[str, Port], name: str) -> Iterable[Port]:
    """The ports a command speaks of."""
    if name == ALL:
        return ports.values()
    if name not in ports:
        raise BadCommand(f"no line {name}; there are {', '.join(ports)}")
    return (ports[name],)


class Control:
    """Listens on a Unix socket that only its owner may open."""

    def __init__(self, loop: EmulatorLoop, path: str, execute: Callable[[str], str]) -> None:
        self._loop = loop
        self._execute = execute
        self._listener = socket.socket(socket.AF_UNIX)
        mask = os.umask(0o077)
        try:
            self._listener.bind(path)
        finally:
            os.umask(mask)
        self._listener.listen(16)
        loop.register(self._listener.fileno(), READ, self._on_ready)

    def _on_ready(self, _events: int) -> None:
        sock, _ = self._listener.accept()
        ControlSession(self._loop, sock, self._execute)


class ControlSession:
    """One program that gives commands."""

    def __init__(self, loop: EmulatorLoop, sock: socket.socket, execute: Callable[[str], str]) -> None:
        self._loop = loop
        self._sock = sock
        self._execute = execute
        self._data = b""
        loop.register(sock.fileno(), READ, self._on_ready)

    def _on_ready(self, _events: int) -> None:
        try:
            data = self._sock.recv(LONGEST)
        except OSError:
            data = b""
        *commands, self._data = (self._data + data).split(b"\n")
        try:
            for command in commands:
                self._sock.sendall(self._execute(command.decode(errors="replace")).encode() + b"\n")
        except OSError:
            data = b""
        if not data or len(self._data) > LONGEST:
            self._loop.unregister(self._sock.fileno())
            self._sock.close()
