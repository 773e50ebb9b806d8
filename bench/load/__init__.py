"""The load generator: compiled on the spot into the cache folder, started as a process, answering in JSON."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ingress-bench"
SOURCES = pathlib.Path(__file__).parent
LONGEST = 120.0
"""Seconds after which a measurement is given up. The generator itself gives up after 15 s in which nothing moved."""


class Failed(Exception):
    """A measurement that did not come to its end; says why in one line."""


def program() -> str:
    """The path of the compiled generator; compiles it if its sources are new.

    Raises:
        Failed: there is no C compiler, or it could not compile.
    """
    sources = sorted(SOURCES.glob("*.[ch]"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    built = CACHE / f"load-{digest}"
    if built.exists():
        return str(built)
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Failed("the load generator needs a C compiler: apt-get install -y gcc libc6-dev")
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = built.with_suffix(f".{os.getpid()}")
    files = [str(source) for source in sources if source.suffix == ".c"]
    done = subprocess.run(
        [compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", str(fresh), *files],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Failed(f"the load generator does not compile: {done.stderr.strip()[:400]}")
    fresh.rename(built)
    return str(built)


def run(*arguments: object) -> tuple[dict[str, float], str]:
    """Run one command of the generator to its end, and give what it printed, and what it complained about.

    Raises:
        Failed: it did not end in time or printed no result. Errors that it counted are in the result.
    """
    command = [program(), *map(str, arguments)]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=LONGEST, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{arguments[0]}: not done after {LONGEST:.0f} s") from None
    if not done.stdout.strip():
        raise Failed(f"{arguments[0]}: {done.stderr.strip()[:200] or f'status {done.returncode}'}")
    return parse(done.stdout), done.stderr.partition("\n")[0].removeprefix("load: ")


def parse(text: str) -> dict[str, float]:
    """What the generator printed: one line, an object of numbers."""
    result: dict[str, float] = json.loads(text)
    return result


def connections(route: str, target: str, count: int, together: int) -> dict[str, float]:
    """`count` new connections, so many together: rate, p50, p99 and more (seconds), errors."""
    result, _ = run("conns", route, target, count, together)
    return result


def bulk(direction: str, route: str, target: str, size: int, streams: int) -> dict[str, float]:
    """`size` bytes `down` or `up` over so many streams: seconds, bytes.

    Raises:
        Failed: a stream did not open, broke, or carried a wrong byte.
    """
    result, why = run("bulk", direction, route, target, size, streams)
    if result["failed"]:
        raise Failed(f"bulk {direction}: {result['failed']:.0f} of {streams} streams failed ({why or 'not opened'})")
    return result


def datagrams(kind: str, route: str, target: str, flows: int, rate: int, size: int, seconds: int) -> dict[str, float]:
    """Datagrams of *size* bytes: `paced` ones, *rate* a second in each flow, that come back, or as many as go `up` or
    `down` with *rate* of them under way: sent, got, seconds; of paced ones p50, p95 and p99 (seconds)."""
    result, _ = run("datagrams", kind, route, target, flows, rate, size, seconds)
    return result


class Child:
    """A command of the generator that runs on until it is told to end, by the end of its stdin."""

    def __init__(self, *arguments: object) -> None:
        command = [program(), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """The next line it prints, or "" when it has ended."""
        return str(pipe(self.process.stdout).readline()).strip()

    def ask(self, command: str) -> str:
        """Give a command; what it prints next."""
        commands = pipe(self.process.stdin)
        commands.write(command + "\n")
        commands.flush()
        return self.line()

    def stop(self) -> dict[str, float]:
        """End a transfer early and give what it did until then."""
        self.process.terminate()
        return parse(self.line() or "{}")

    def end(self) -> None:
        """End it and wait for that; for one that reads no stdin (the target) too."""
        pipe(self.process.stdin).close()
        self.process.terminate()
        self.process.wait()
        pipe(self.process.stdout).close()


def pipe(stream: IO[Any] | None) -> IO[Any]:
    """The pipe that was asked for."""
    if stream is None:
        raise Failed("no pipe to the load generator")
    return stream


@contextmanager
def started(*arguments: object) -> Iterator[Child]:
    """`target`, from when it listens."""
    child = Child(*arguments)
    try:
        if child.line() != "ready":
            raise Failed(f"{arguments[0]} did not start")
        yield child
    finally:
        child.end()
