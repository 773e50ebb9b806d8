"""`ingress user add|remove|list`."""

import argparse
import getpass
import sys
from pathlib import Path

from ingress.config import Doors, read_file
from ingress.users_file import MOST_BYTES, UsersError, add_user, list_users, refuse_bad_name, remove_user
from relay.config.mistakes import nearest


def run(options: argparse.Namespace) -> int:
    """Change or list the users."""
    path, is_named = users_file(options.config, options.ingress, of_page=options.page)
    match options.action:
        case "add":
            refuse_bad_name(options.name)
            is_new = add_user(path, options.name, _password(options.name, from_stdin=options.password_stdin))
            done = "was added" if is_new else "has a new password"
            print(f"{path}: {options.name} {done}; {_next_step(path, is_named, of_page=options.page)}")
        case "remove":
            remove_user(path, options.name)
            print(f"{path}: {options.name} was removed; {_next_step(path, is_named, of_page=options.page)}")
        case _:
            for name in list_users(path):
                print(name)
    return 0


def users_file(config: Path, ingress: str | None, *, of_page: bool = False) -> tuple[Path, bool]:
    """The file that paths.toml names for *ingress*, or for the only one that has any; else users.toml beside it. If
    *of_page*, that of `web_users`, else web-users.toml.

    Returns the path, and whether paths.toml names it.
    """
    doors = read_file(config).ingresses
    if ingress is not None and ingress not in doors:
        raise UsersError(f'there is no ingress "{ingress}" in the file; {nearest(ingress, doors)}')
    asked = doors.values() if ingress is None else [doors[ingress]]
    files = sorted({found for each in asked if (found := _file_of(each, of_page=of_page)) is not None})
    if len(files) > 1:
        raise UsersError(f"several ingresses have users; name one of {', '.join(doors)} with --ingress")
    usual = "web-users.toml" if of_page else "users.toml"
    return (files[0], True) if files else (config.absolute().parent / usual, False)


def _file_of(doors: Doors, *, of_page: bool) -> Path | None:
    if not of_page:
        return doors.users
    return None if doors.web is None else doors.web.users


def _next_step(path: Path, is_named: bool, *, of_page: bool) -> str:
    key = "web_users" if of_page else "users"
    return "run: ingress reload" if is_named else f'not asked for yet: write {key} = "{path.name}" at the ingress'


def _password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline(MOST_BYTES + 2).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsersError("there is no terminal to ask for the password; use --password-stdin")
    first = getpass.getpass(f"Password for {name}: ")
    if getpass.getpass("The same again: ") != first:
        raise UsersError("the two passwords differ; nothing was changed")
    return first
