"""The demo's network: nodes, lines with their distances, and the files that describe it to the public commands.

What must stay true: paths.toml is an ordinary one. Only the proxies in front of its lines, which are the emulator's
ports, tell that the distances are not real.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import attrs

from ingress.demo.ports import free_ports
from relay.private import write_private

INGRESS = "shanghai"
PAGE = "page"
"""What the port of the page is called."""
TARGET_NAME = "target.test"
"""A name that only the exits' hosts files know."""


@attrs.frozen
class DemoLine:
    """A line and what it is like; seconds, shares from 0 to 1."""

    name: str
    start: str
    end: str
    round_trip: float
    jitter: float = 0.0
    loss: float = 0.0
    group: str | None = None
    provider: str | None = None
    both: bool = False


REFERENCE = (
    DemoLine("ix-dmit", "shanghai", "jp-dmit", 0.030, 0.001, group="sh-jp", provider="ix-east"),
    DemoLine("ix-nube", "shanghai", "jp-nube", 0.030, 0.001, group="sh-jp", provider="ix-west"),
    DemoLine("pacific-dmit", "jp-dmit", "us-dmit", 0.100, 0.001, group="jp-us", provider="dmit"),
    DemoLine("pacific-nube", "jp-nube", "us-nube", 0.108, 0.001, group="jp-us", provider="nube"),
    DemoLine("cross-dmit", "jp-dmit", "us-nube", 0.120, 0.002, group="jp-us", provider="dmit"),
    DemoLine("cross-nube", "jp-nube", "us-dmit", 0.124, 0.002, group="jp-us", provider="nube"),
    DemoLine("us-us", "us-dmit", "us-nube", 0.002, both=True),
    DemoLine("direct-dmit", "shanghai", "us-dmit", 0.170, 0.004, 0.01, "direct", "public"),
    DemoLine("direct-nube", "shanghai", "us-nube", 0.170, 0.004, 0.01, "direct", "public"),
)
"""Distances as measured between Shanghai, Tokyo and the west coast: private lines steady, the public ones lossy."""
EXITS = ("us-dmit", "us-nube")


class DemoNetwork:
    """A network of *lines* on free ports of this machine, with its files in *folder*."""

    def __init__(self, folder: Path, lines: Iterable[DemoLine] = REFERENCE, exits: Iterable[str] = EXITS) -> None:
        self.folder = folder
        self.lines = tuple(lines)
        ends = dict.fromkeys(end for line in self.lines for end in (line.start, line.end))
        self.nodes = tuple(name for name in ends if name != INGRESS)
        self.exits = tuple(name for name in self.nodes if name in tuple(exits))
        names = [*(line.name for line in self.lines), *self.nodes, INGRESS, PAGE, TARGET_NAME]
        self.ports: Mapping[str, int] = dict(zip(names, free_ports(len(names)), strict=True))
        """By the name of the line, node, ingress, or the target."""

    @property
    def config(self) -> Path:
        """paths.toml."""
        return self.folder / "paths.toml"

    @property
    def keys(self) -> Path:
        """Where `ingress keys` puts certificates."""
        return self.folder / "keys"

    @property
    def admin(self) -> Path:
        """The ingress's admin socket."""
        return self.folder / "admin.sock"

    @property
    def emulator_config(self) -> Path:
        """What the emulator reads."""
        return self.folder / "emulator.json"

    @property
    def emulator_control(self) -> Path:
        """The emulator's command socket."""
        return self.folder / "emulator.sock"

    @property
    def control(self) -> Path:
        """The demo's own command socket."""
        return self.folder / "control.sock"

    @property
    def proxy(self) -> str:
        """host:port where clients enter."""
        return f"127.0.0.1:{self.ports[INGRESS]}"

    @property
    def page(self) -> str:
        """host:port of the page."""
        return f"127.0.0.1:{self.ports[PAGE]}"

    @property
    def token(self) -> Path:
        """A file with what programs show to the page's API."""
        return self.folder / "web.token"

    @property
    def target(self) -> str:
        """host:port of the target by its name."""
        return f"{TARGET_NAME}:{self.ports[TARGET_NAME]}"

    @property
    def target_by_address(self) -> str:
        """host:port of the target without its name."""
        return f"127.0.0.1:{self.ports[TARGET_NAME]}"

    @cached_property
    def target_addresses(self) -> Mapping[str, str]:
        """By exit: the address under which it knows the target, so that the target can tell who came."""
        return {name: f"127.0.1.{number}" for number, name in enumerate(self.exits, 1)}

    def write(self) -> None:
        """Write all the files."""
        self.config.write_text(self.paths_toml())
        write_private(self.token, secrets.token_hex(32).encode() + b"\n")
        emulated = {"control": str(self.emulator_control), "lines": self.emulated_lines()}
        self.emulator_config.write_text(json.dumps(emulated))
        for name, address in self.target_addresses.items():
            (self.folder / f"hosts-{name}").write_text(f"{address} {TARGET_NAME}\n")

    def paths_toml(self) -> str:
        """The text of paths.toml."""
        tables = [
            "version = 1",
            f'[ingress.{INGRESS}]\nlisten = "{self.proxy}"\nstate = "state"\n'
            f'web = "{self.page}"\nweb_token = {{ file = "{self.token.name}" }}',
            *(self._node(name) for name in self.nodes),
            *(self._line(line) for line in self.lines),
        ]
        return "\n\n".join(tables) + "\n"

    def _node(self, name: str) -> str:
        address = f"127.0.0.1:{self.ports[name]}"
        table = [f"[node.{name}]", f'address = "{address}"', f'listen = "{address}"']
        if name in self.exits:
            reason = "the target of this demo is on this machine"
            table += [
                "exit = true",
                f'allow = [{{ cidr = "127.0.0.0/8", reason = "{reason}" }}]',
                f'hosts = "hosts-{name}"',
            ]
        return "\n".join(table)

    def _line(self, line: DemoLine) -> str:
        table = [f"[line.{line.name}]", f'from = "{line.start}"', f'to = "{line.end}"']
        table += [f'{key} = "{value}"' for key in ("group", "provider") if (value := getattr(line, key))]
        if line.both:
            table.append("both = true")
        table.append(f'proxy = {{ url = "socks5://127.0.0.1:{self.ports[line.name]}" }}')
        table.append(f'udp = "127.0.0.1:{self.ports[line.name]}"')
        return "\n".join(table)

    def emulated_lines(self) -> dict[str, dict[str, float]]:
        """By name: each line as the emulator is told of it."""
        return {
            line.name: {
                "port": self.ports[line.name],
                "round_trip": line.round_trip,
                "jitter": line.jitter,
                "loss": line.loss,
                "datagrams": self.ports[line.end],
            }
            for line in self.lines
        }
