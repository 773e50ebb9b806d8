"""What a node knows of names before it asks anybody, and whom it asks: its own file, /etc/hosts, /etc/resolv.conf.

They change while it runs, with a new uplink, a VPN, or an editor. A file is read again when it is another one than it
was, which costs one stat(2). Small ones are read on the spot. A list of half a million names takes seconds: large ones
are only said to be due (`is_due`), and read aside by whoever goes by them, who has a thread for it.
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

SMALL = 16 * 1024
"""Bytes of all files together that are read on the spot: 500 lines, a few milliseconds."""

Stamp = tuple[int, ...] | None
"""What tells one state of a file from the next; None for one that cannot be looked at."""


@attrs.frozen
class Names:
    """What the files say."""

    hosts: Hosts
    conf: ResolvConf
    unread: tuple[str, ...] = ()
    """Which of them could not be read, and why."""


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
        self.is_due = False
        """They are large and other ones than they were: `read` is to be called in a thread, and then `take`."""
        self.stamps = self._stamp()  # first, so that what is written meanwhile is seen the next time
        self.take(self.read())

    def read_again(self) -> None:
        """Read all of them now, or soon if they are large.

        Raises:
            OperatorError: the node's own file is not there or cannot be read; nothing has changed.
        """
        stamps = self._stamp()
        if _size(stamps) > SMALL and (self._own is None or stamps[-1] is not None):
            self.is_due = True
        else:
            self.take(self.read())
        self.stamps = stamps

    def look(self) -> bool:
        """Read them if one is another than it was, or find that they are due; whether they have been read. What cannot
        be read stays as it was."""
        stamps = self._stamp()
        if stamps == self.stamps:
            return False
        self.stamps = stamps
        if _size(stamps) > SMALL:
            self.is_due = True
            return False
        try:
            self.take(self.read())
        except OperatorError as error:
            log.event("names-unreadable", level="warning", why=str(error))
            return False
        return True

    def take(self, names: Names) -> None:
        """*names* are what they say now."""
        self.names = names
        for why in names.unread:
            log.event("names-unreadable", level="warning", why=why)

    def read(self) -> Names:
        """What they say now; changes nothing.

        Raises:
            OperatorError: the node's own file cannot be read.
        """
        unread: list[str] = []
        hosts = parse_hosts(_read_if_there(self._system_hosts, unread))
        if self._own is not None:
            try:
                hosts.update(parse_hosts(_text(read_file(self._own))))
            except OSError as error:
                name = self._node.name
                raise OperatorError(f"{self._node.hosts}: {error.strerror}; node.{name} names it as hosts") from error
        conf = ResolvConf(tuple(Address(host, DNS_PORT) for host in self._node.dns))
        if not self._node.dns:
            conf = parse_resolv_conf(_read_if_there(self._resolv_conf, unread))
        return Names(hosts, conf, tuple(unread))

    def _stamp(self) -> tuple[Stamp, ...]:
        files = [self._system_hosts, *(() if self._node.dns else (self._resolv_conf,))]
        return tuple(_stamp_of(file) for file in (*files, *(() if self._own is None else (self._own,))))


def _stamp_of(file: Path) -> Stamp:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev, found.st_size


def _size(stamps: tuple[Stamp, ...]) -> int:
    return sum(stamp[-1] for stamp in stamps if stamp is not None)


def _read_if_there(file: Path, unread: list[str]) -> str:
    """Its text; none, if it cannot be read, which is added to *unread* unless there is no such file."""
    try:
        return _text(read_file(file))
    except FileNotFoundError:
        return ""
    except OSError as error:
        unread.append(f"{file}: {error.strerror}")
        return ""


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", errors="replace")
