"""What a node knows of names before it asks anybody, and whom it asks: its own file, /etc/hosts, /etc/resolv.conf.

They change while it runs, with a new uplink, a VPN, or an editor. A file is read again when it is another one than it
was, which costs one stat(2).
"""

import os
from pathlib import Path

import attrs

from relay import log
from relay.errors import OperatorError
from relay.exit.hostsfile import DNS_PORT, Hosts, ResolvConf, parse_hosts, parse_resolv_conf
from relay.files import read_file
from relay.model.network import Address, Node

SYSTEM_HOSTS = Path("/etc/hosts")
RESOLV_CONF = Path("/etc/resolv.conf")

Stamp = tuple[int, ...] | None
"""What tells one state of a file from the next; None for one that cannot be looked at."""


@attrs.frozen
class Names:
    """What the files say."""

    hosts: Hosts
    conf: ResolvConf


class NameFiles:
    """The files of *node*, whose own one is seen from *base*.

    Raises:
        OperatorError: the node's own file cannot be read. A system without such files names nothing.
    """

    def __init__(
        self, node: Node, base: Path, system_hosts: Path = SYSTEM_HOSTS, resolv_conf: Path = RESOLV_CONF
    ) -> None:
        self._node = node
        self._own = None if node.hosts is None else base / node.hosts
        self._system_hosts = system_hosts
        self._resolv_conf = resolv_conf
        self.read_again()

    def read_again(self) -> None:
        """Read all of them.

        Raises:
            OperatorError: the node's own file cannot be read; nothing has changed.
        """
        stamps = self._stamp()  # first, so that what is written meanwhile is seen the next time
        self.names = self._read()
        self._stamps = stamps

    def look(self) -> bool:
        """Read them if one is another than it was; whether they have been. What cannot be read stays as it was."""
        stamps = self._stamp()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        try:
            self.names = self._read()
        except OperatorError as error:
            log.event("names-unreadable", level="warning", why=str(error))
            return False
        return True

    def _stamp(self) -> tuple[Stamp, ...]:
        files = [self._system_hosts, *(() if self._node.dns else (self._resolv_conf,))]
        return tuple(_stamp_of(file) for file in (*files, *(() if self._own is None else (self._own,))))

    def _read(self) -> Names:
        hosts = parse_hosts(_read_if_there(self._system_hosts))
        if self._own is not None:
            try:
                hosts.update(parse_hosts(_text(read_file(self._own))))
            except OSError as error:
                name = self._node.name
                raise OperatorError(f"{self._node.hosts}: {error.strerror}; node.{name} names it as hosts") from error
        if self._node.dns:
            return Names(hosts, ResolvConf(tuple(Address(host, DNS_PORT) for host in self._node.dns)))
        return Names(hosts, parse_resolv_conf(_read_if_there(self._resolv_conf)))


def _stamp_of(file: Path) -> Stamp:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_size


def _read_if_there(file: Path) -> str:
    """Its text; none, if it cannot be read, which is said unless there is no such file."""
    try:
        return _text(read_file(file))
    except FileNotFoundError:
        return ""
    except OSError as error:
        log.event("names-unreadable", level="warning", why=f"{file}: {error.strerror}")
        return ""


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", errors="replace")
