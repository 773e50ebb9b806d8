"""The command `ingress`: the options of each command, and where its work is done."""

import argparse
from collections.abc import Sequence
from typing import Final

from ingress.cli import texts
from relay.cli.common import Subparsers, add_command, arguments, new_parser, run

HANDLERS: Final = {
    "demo": "ingress.demo:run",
    "check": "ingress.cli.check:run",
    "keys": "ingress.cli.keys:run",
    "serve": "ingress.serve.serve:run",
    "reload": "ingress.cli.paths:reload",
    "paths": "ingress.cli.paths:run",
    "page": "ingress.cli.page:run",
    "history": "ingress.cli.history:run",
    "usage": "ingress.cli.usage:run",
    "rules": "ingress.cli.rules:run",
    "use": "ingress.cli.use:run",
    "hold": "ingress.cli.hold:run",
    "release": "ingress.cli.hold:release",
    "alert": "ingress.cli.alert:run",
    "user": "ingress.cli.user:run",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Wrong usage raises SystemExit(2), as argparse does."""
    own, command = _split_command(arguments(argv))
    parser = _parser()
    options = parser.parse_args(own)
    if command is not None and options.command_name != "demo":
        parser.error("only `demo` takes a command behind --")
    if command == []:
        parser.error("demo: there is no command behind --")
    options.command = command or []
    return run("ingress", options, HANDLERS)


def _split_command(argv: list[str]) -> tuple[list[str], list[str] | None]:
    """What stands before the first `--`, and what stands behind it."""
    if "--" not in argv:
        return argv, None
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("ingress", texts.PROGRAM)
    commands = parser.add_subparsers(dest="command_name", required=True, metavar="COMMAND")

    demo = add_command(commands, "demo", "a whole network on this machine, to try", texts.DEMO)
    demo.usage = "ingress demo [-h] [common options] [-- COMMAND...]"

    check = add_command(commands, "check", "say everything that is wrong with paths.toml", texts.CHECK)
    check.add_argument("file", nargs="?", metavar="FILE", help="the file to check, instead of --config")
    check.add_argument("--print", action="store_true", help="print the file as it was understood, with all defaults")

    keys = add_command(commands, "keys", "make the CA and the keys of every node", texts.KEYS)
    keys.add_argument("--renew", metavar="NAME", help="make a new key and certificate for this node or ingress")

    serve = add_command(commands, "serve", "run the ingress", texts.SERVE)
    serve.add_argument("name", nargs="?", metavar="NAME", help="which ingress of paths.toml, if it has several")

    add_command(commands, "reload", "make the running ingress read its files again", texts.RELOAD)

    paths = add_command(commands, "paths", "show every path as it is measured now", texts.PATHS)
    how = paths.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="refresh in place until Ctrl-C")
    how.add_argument("--json", action="store_true", help="for programs; the form is documented and stable")
    how.add_argument("--why", metavar="HOST[:PORT][/udp]", help="explain the choice for this target, term by term")

    paths.add_argument("--client", metavar="ADDRESS", default="", help="with --why: for a client at this address")
    paths.add_argument("--user", metavar="NAME", default="", help="with --why: for this user")
    paths.add_argument("--listen", metavar="PORT", default="", help="with --why: that came in by this port")

    add_command(commands, "page", "print an address of the page that lets you in", texts.PAGE)
    _add_history(commands)
    _add_usage(commands)
    _add_rules(commands)
    _add_use(commands)
    _add_hold(commands)
    alert = add_command(commands, "alert", "try who is told of what goes wrong", texts.ALERT)
    alert.add_argument("--ingress", metavar="NAME", help="which ingress of paths.toml, if it has several")
    alert.add_argument("action", choices=("test",), help="test: send a trial to every receiver")

    _add_user(commands)
    return parser


def _add_history(commands: Subparsers) -> None:
    history = add_command(commands, "history", "show what was when: round trips, outages, events", texts.HISTORY)
    history.add_argument("name", nargs="?", metavar="PATH|LINE|NODE", help="of what; without it: a row for everything")
    history.add_argument("--since", metavar="TIME", default="24h", help="from: 30m, 24h (the default), 7d, or 03:12")
    history.add_argument("--until", metavar="TIME", help="to: the same, or 2026-11-27 03:12; now if left out")
    history.add_argument("--json", action="store_true", help="for programs; the form is documented and stable")


def _add_usage(commands: Subparsers) -> None:
    usage = add_command(commands, "usage", "say who moved how much over what", texts.USAGE)
    usage.add_argument(
        "--by", choices=("user", "client", "line", "exit", "site", "day"), default="user", help="what is summed up"
    )
    usage.add_argument(
        "--since", metavar="TIME", default="30d", help="so far back, to the hour: 12h, 30d (the default)"
    )
    how = usage.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="for programs; the form is documented and stable")
    how.add_argument("--csv", action="store_true", help="for spreadsheets; bytes as numbers")
    actions = usage.add_subparsers(dest="action", metavar="set LINE AMOUNT")
    to = add_command(actions, "set", "take what the seller of a line says that was used of its quota", texts.USAGE_SET)
    to.add_argument("line", metavar="LINE")
    to.add_argument("amount", metavar="AMOUNT", help="as 512GB or 1.2TB; 1 TB is 10^12 bytes")


def _add_use(commands: Subparsers) -> None:
    use = add_command(commands, "use", "take an exit, a line or a path by hand", texts.USE)
    use.add_argument("what", nargs="?", metavar="NAME", help="an exit, line, path, node or group; or: auto")
    use.add_argument("--for", dest="whom", metavar="WHO", default="", help="a user, a client's address, or a host")
    use.add_argument("--until", metavar="TIME", help="for how long, as 2h or 30m")
    use.add_argument("--all", action="store_true", help="with auto: take back what is asked for whomever")


def _add_hold(commands: Subparsers) -> None:
    hold = add_command(commands, "hold", "let a line carry nothing new", texts.HOLD)
    hold.add_argument("line", nargs="?", metavar="LINE", default="", help="without it: the lines that are held")
    hold.add_argument("--for", dest="time", metavar="TIME", help="for how long, as 2h or 30m; else until released")
    hold.add_argument("--force", action="store_true", help="even if an exit is left without a path")
    release = add_command(commands, "release", "let a held line carry streams again", texts.RELEASE)
    release.add_argument("line", metavar="LINE")


def _add_rules(commands: Subparsers) -> None:
    rules = add_command(commands, "rules", "say which rule a target falls under", texts.RULES)
    rules.add_argument("target", nargs="?", metavar="HOST[:PORT]", help="without it: all rules and their lists")
    rules.add_argument("--ingress", metavar="NAME", help="which ingress of paths.toml, if it has several")
    rules.add_argument("--client", metavar="ADDRESS", default="", help="asked by a client at this address")
    rules.add_argument("--user", metavar="NAME", default="", help="asked by this user")
    rules.add_argument("--listen", metavar="PORT", help="that came in by this port, or by the address of this name")
    rules.add_argument("--udp", action="store_true", help="for datagrams")


def _add_user(commands: Subparsers) -> None:
    user = add_command(commands, "user", "say who may use the proxy, and with which password", texts.USER)
    user.add_argument("--ingress", metavar="NAME", help="whose users, if several ingresses have their own file")
    user.add_argument("--page", action="store_true", help="those who may log in at the page (web_users)")
    actions = user.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = add_command(actions, "add", "add a user, or give one a new password", texts.USER_ADD)
    add.add_argument("name", metavar="NAME")
    add.add_argument("--password-stdin", action="store_true", help="read the password from the first line of stdin")
    remove = add_command(actions, "remove", "take a user out", texts.USER_REMOVE)
    remove.add_argument("name", metavar="NAME")
    add_command(actions, "list", "print the names", texts.USER_LIST)
