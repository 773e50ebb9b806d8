"""`ingress check`: all that is wrong with a file, or what it amounts to."""

import argparse
import importlib.util
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from ingress.cli.rules import list_warnings
from ingress.config import NetworkFile, read_file
from ingress.config.alert import Alert
from ingress.config.show import as_toml
from ingress.lists.load import Lists, load_lists
from ingress.users_file import load_users
from ingress.web.files import read_web_files
from relay.admin.path import is_running
from relay.cli.owner import as_owner_of
from relay.config import read_secret
from relay.errors import OperatorError
from relay.identity import KeysError, expiry_warning, load_identity
from relay.listen import try_all
from relay.private import unreadable


def run(options: argparse.Namespace) -> int:
    """Print counts and warnings, or raise an error that holds everything that is wrong."""
    file = Path(options.file or options.config)
    with as_owner_of(file.absolute().parent):
        found = read_file(file)
        wrong, ending = _look_at_keys(found, options.keys, time.time())
        wrong += _look_at_users(found)
        wrong += _look_at_pages(found)
        wrong += _look_at_state(found)
        lists = _look_at_lists(found, wrong)
    if wrong:
        raise OperatorError("\n".join(wrong))
    told = sys.stderr if options.print else sys.stdout  # what --print prints can be kept as a file
    if options.print:
        print(as_toml(found), end="")
    print(f"ok: {_counts(found)}", file=told)
    for warning in (
        *found.warnings,
        *_about(lists),
        *ending,
        *alert_warnings(found.alerts, file.absolute().parent),
        *_try_to_listen(found, options.keys),
    ):
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
        try:
            if not (keys / name).is_dir():
                continue
            identity = load_identity(keys, name)
        except KeysError as error:
            wrong.append(str(error))
            continue
        except OSError as error:
            wrong.append(f"{keys / name}: {unreadable(keys / name, error)}")
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
    wrong = []
    for doors in found.ingresses.values():
        try:
            if doors.users is not None:
                load_users(doors.users)
        except OperatorError as error:
            wrong.append(f"{error} (ingress.{doors.name}.users names it)")
    return wrong


def _look_at_pages(found: NetworkFile) -> list[str]:
    """Files of the page: users, token, certificate."""
    wrong = []
    for doors in found.ingresses.values():
        try:
            if doors.web is not None:
                read_web_files(doors.web)
        except OperatorError as error:
            wrong.append(f"{error} (ingress.{doors.name} names it for its page)")
    return wrong


def _look_at_state(found: NetworkFile) -> list[str]:
    """Folders of what is learned that are no folders."""
    told = [(doors.name, doors.state) for doors in found.ingresses.values() if doors.state is not None]
    return [
        f"{state}: is a file and no folder; name another one, or leave it out (ingress.{name}.state names it)"
        for name, state in told
        if state.exists() and not state.is_dir()
    ]


def _look_at_lists(found: NetworkFile, wrong: list[str]) -> list[Lists]:
    """The lists that rules name, and databases of countries, as far as they can be read; *wrong* gets what is the
    matter with the others."""
    lists: list[Lists] = []
    asked = {source: rule.title for rule in found.rules for source in rule.lists}
    for source, title in asked.items():
        try:
            lists.append(load_lists([source]))
        except OperatorError as error:
            wrong.append(f"{error} ({title} names it)")
    for doors in found.ingresses.values():
        try:
            lists.append(load_lists([], doors.countries))
        except OperatorError as error:
            wrong.append(f"{error} (ingress.{doors.name}.countries names it)")
    return lists


APPRISE: Final = (
    "alert: `to` is sent by Apprise, which is not installed here; run pip install apprise in the Python of the ingress"
)


def alert_warnings(alerts: Iterable[Alert], folder: Path) -> Iterator[str]:
    """What keeps alerts from being sent from this machine, by commands that run in *folder*; the file may be for
    another."""
    receivers = [receiver for alert in alerts for receiver in alert.to]
    for receiver in receivers:
        try:
            if receiver.secret is not None:
                read_secret(receiver.secret)
        except OperatorError as error:
            yield f"{receiver.place}: {error}"
        program = receiver.command[0] if receiver.command else ""
        if program and shutil.which(folder / program if "/" in program else program) is None:
            yield f"{receiver.place}: {program} is no program that can be run here"
    by_apprise = any(not receiver.command and not receiver.is_webhook for receiver in receivers)
    if by_apprise and importlib.util.find_spec("apprise") is None:
        yield APPRISE


def _about(lists: list[Lists]) -> Iterator[str]:
    for each in lists:
        yield from list_warnings(each, time.time())


def _try_to_listen(found: NetworkFile, keys: Path) -> Iterator[str]:
    """What an ingress whose keys are here could not listen at, unless it runs already.

    Warnings, since the file may be checked on another machine than its own.
    """
    for doors in found.ingresses.values():
        if not (keys / doors.name).is_dir() or is_running(doors.name, "ingress"):
            continue
        try:
            page = () if doors.web is None else doors.web.listen
            yield from try_all((*doors.listen, *page, *(forward.listen for forward in doors.forwards)))
            if doors.datagram_forwards:
                from ingress.serve.datagram_forwards import bind  # with what it imports 0.1 s, which few files need

                for forward in doors.datagram_forwards:
                    bind(forward.listen).close()
        except OperatorError as error:
            yield f"ingress.{doors.name}: {error}"
