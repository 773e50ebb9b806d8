"""`ingress check`: all that is wrong with a file, or what it amounts to."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ingress.config import NetworkFile, read_file
from ingress.config.show import as_toml
from relay.errors import OperatorError
from relay.identity import KeysError, expiry_warning, load_identity


def run(options: argparse.Namespace) -> int:
    """Print counts and warnings, or raise an error that holds everything that is wrong."""
    found = read_file(options.file or options.config)
    wrong, ending = _look_at_keys(found, options.keys, time.time())
    wrong += _look_at_users(found)
    if wrong:
        raise OperatorError("\n".join(wrong))
    told = sys.stderr if options.print else sys.stdout  # what --print prints can be kept as a file
    if options.print:
        print(as_toml(found), end="")
    print(f"ok: {_counts(found)}", file=told)
    for warning in (*found.warnings, *ending):
        print(f"warning: {warning}", file=told)
    return 0


def _counts(found: NetworkFile) -> str:
    used = sum(len(paths.used) for paths in found.paths.values())
    counts = {
        "ingress": len(found.ingresses),
        "node": len(found.network.nodes),
        "line": len(found.network.lines),
        "path": used,
    }
    return ", ".join(f"{count} {word}{_plural(word) if count != 1 else ''}" for word, count in counts.items())


def _plural(word: str) -> str:
    return "es" if word.endswith("s") else "s"


def _look_at_keys(found: NetworkFile, keys: Path, now: float) -> tuple[list[str], list[str]]:
    """What is wrong with the key folders that are here, and which certificates end soon."""
    wrong, ending = [], []
    for name in (*found.network.ingresses, *found.network.nodes):
        if not (keys / name).is_dir():
            continue
        try:
            identity = load_identity(keys, name)
        except KeysError as error:
            wrong.append(str(error))
            continue
        wrong += _wrong_role(found, name, identity.is_ingress, keys)
        warning = expiry_warning(name, identity.expires, now)
        if warning is not None:
            ending.append(warning)
    return wrong, ending


def _wrong_role(found: NetworkFile, name: str, is_ingress: bool, keys: Path) -> Iterator[str]:
    if is_ingress != (name in found.ingresses):
        has, needs = ("an ingress", "a node") if is_ingress else ("a node", "an ingress")
        yield f"{keys / name}: has the keys of {has}, and is {needs} in the file; run `ingress keys --renew {name}`"


def _look_at_users(found: NetworkFile) -> list[str]:
    missing = [doors for doors in found.ingresses.values() if doors.users is not None and not doors.users.exists()]
    return [
        f"{doors.users}: there is no such file, and ingress.{doors.name}.users names it; run `ingress user add NAME`"
        for doors in missing
    ]
