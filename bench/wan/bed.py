"""The bed: namespaces made, joined by bed.c, and removed again."""

import ctypes
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from bench.load import CACHE, Failed, pipe

SOURCE = pathlib.Path(__file__).with_name("bed.c")
PREFIX = "ingress-bench-"
"""Before the name of every namespace, so that nobody else's is touched."""
NETWORK = "198.18.7."
"""Out of the block for benchmarks (RFC 2544)."""
LOCK = pathlib.Path("/run/ingress-bench.lock")
NAMESPACES = pathlib.Path("/run/netns")
CLONE_NEWNET = 0x40000000
BUFFERS = {"tcp_rmem": "4096 131072 16777216", "tcp_wmem": "4096 65536 16777216"}
"""What a node's TCP may grow to: enough for 1 Gbit/s at 130 ms."""


def missing() -> str | None:
    """Why there can be no bed here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    absent = [name for name in ("ip", "nsenter", "cc") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None


class Bed:
    """Nodes by name, and what carries their packets."""

    def __init__(self, nodes: Sequence[str], process: subprocess.Popen[str]) -> None:
        self.nodes = nodes
        self._process = process

    def address(self, node: str) -> str:
        """Where *node* is reached by the others."""
        return f"{NETWORK}{self.nodes.index(node) + 1}"

    def order(self, verb: str, start: str, end: str, *values: object) -> None:
        """One of bed.c's commands, for both directions; Failed if it is refused."""
        self._say(verb, PREFIX + start, PREFIX + end, *values)

    def order_one_way(self, verb: str, start: str, end: str, *values: object) -> None:
        """The same for what passes from *start* to *end*."""
        self._say(verb, f"{PREFIX}{start}>{PREFIX}{end}", *values)

    def _say(self, *words: object) -> None:
        command = " ".join(map(str, words))
        pipe(self._process.stdin).write(command + "\n")
        pipe(self._process.stdin).flush()
        answer = pipe(self._process.stdout).readline().strip()
        if answer != command:
            raise Failed(f"{command}: {answer or 'the bed has ended'}")

    def forget(self) -> None:
        """The nodes' kernels forget what they have learnt of each other (RTT, ssthresh): each system begins anew."""
        for node in self.nodes:
            run("ip", "-n", PREFIX + node, "tcp_metrics", "flush")

    @staticmethod
    def command(node: str, argv: Iterable[str]) -> list[str]:
        """*argv*, run on *node*."""
        return ["nsenter", f"--net={NAMESPACES / (PREFIX + node)}", *argv]

    @staticmethod
    @contextmanager
    def inside(node: str) -> Iterator[None]:
        """Sockets that this thread makes in the block belong to *node*, for good; no other task may run meanwhile."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(NAMESPACES / (PREFIX + node), os.O_RDONLY | os.O_CLOEXEC)
        try:
            enter(there)
            yield
        finally:
            enter(home)
            os.close(home)
            os.close(there)


def enter(namespace: int) -> None:
    """Put this thread into the network namespace of a descriptor (setns(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def opened_bed(nodes: Sequence[str]) -> Iterator[Bed]:
    """A bed with these nodes, none of them joined yet; all of it is removed at the end. Failed if another has it."""
    program = built()
    with alone():
        yield from _open(program, nodes)


@contextmanager
def alone() -> Iterator[None]:
    """As long as this runs nobody else makes a bed on this machine: it would take down the namespaces of this one."""
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed("another run has the bed, whose namespaces have the same names; wait for its end") from None
        yield


def _open(program: str, nodes: Sequence[str]) -> Iterator[Bed]:
    remove(nodes)
    try:
        for node in nodes:
            run("ip", "netns", "add", PREFIX + node)
            run("ip", "-n", PREFIX + node, "link", "set", "lo", "up")
        names = [PREFIX + node for node in nodes]
        with subprocess.Popen([program, *names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            if pipe(process.stdout).readline().strip() != "ready":
                raise Failed("the bed did not start")
            bed = Bed(nodes, process)
            for node in nodes:
                configure(bed, node)
            yield bed
            pipe(process.stdin).close()
    finally:
        remove(nodes)


def configure(bed: Bed, node: str) -> None:
    """Give *node* its address, its only route, and large TCP buffers."""
    namespace = PREFIX + node
    run("ip", "-n", namespace, "address", "add", f"{bed.address(node)}/32", "dev", "wan0")
    run("ip", "-n", namespace, "link", "set", "wan0", "up", "mtu", "1500", "txqueuelen", "5000")
    run("ip", "-n", namespace, "route", "add", "default", "dev", "wan0", "src", bed.address(node))
    with bed.inside(node):
        for name, value in BUFFERS.items():
            pathlib.Path(f"/proc/sys/net/ipv4/{name}").write_text(value)


def remove(nodes: Iterable[str]) -> None:
    """Remove the namespaces that are there."""
    for node in nodes:
        if (NAMESPACES / (PREFIX + node)).exists():
            run("ip", "netns", "delete", PREFIX + node)


def run(*argv: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {done.stderr.strip()}")


def built() -> str:
    """The path of the compiled bed; compiles it if its source is new."""
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    program = CACHE / f"bed-{digest}"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = program.with_suffix(f".{os.getpid()}")
        run("cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", str(fresh), str(SOURCE), "-lm")
        fresh.rename(program)
    return str(program)
