"""The command `relay`: what runs on relays and exits."""

from collections.abc import Sequence
from typing import Final

from relay.cli.common import add_command, arguments, new_parser, run

HANDLERS: Final = {
    "serve": "relay.serve.serve:run",
    "check": "relay.cli.check:run",
    "status": "relay.cli.running:status",
    "reload": "relay.cli.running:reload",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Wrong usage raises SystemExit(2), as argparse does."""
    parser = new_parser("relay", "A relay or an exit of the network that paths.toml describes.")
    commands = parser.add_subparsers(dest="command_name", required=True, metavar="COMMAND")

    serve = add_command(commands, "serve", "run a relay and/or exit", SERVE)
    serve.add_argument("node", metavar="NODE", help="its name in paths.toml")

    check = add_command(commands, "check", "say whether this machine has all that NODE needs", CHECK)
    check.add_argument("node", metavar="NODE", help="its name in paths.toml")

    status = add_command(commands, "status", "show what the running relay carries", STATUS)
    status.add_argument("--json", action="store_true", help="everything, for programs")

    add_command(commands, "reload", "make the running relay read its file and keys again", RELOAD)

    return run("relay", parser.parse_args(arguments(argv)), HANDLERS)


SERVE: Final = """\
Run NODE of paths.toml on this machine until SIGTERM or SIGINT.

It takes carriers only from the ingresses in its file and dials only the lines in its file. An exit connects to
targets too. SIGTERM drains: streams may go on for 10 s, then it ends; a second signal ends it at once. SIGHUP
reads the file and the keys again; a file with mistakes is logged and changes nothing."""

CHECK: Final = """\
Read paths.toml as NODE does, and look at all it needs on this machine: its folder of keys, its file of names, the
passwords of its upstream and of the lines that start at it, and the addresses that it listens at, unless it runs
already. As root it judges for the owner of the folder of paths.toml, who will run the node. Prints every mistake at
once, or `ok`."""

STATUS: Final = """\
Ask the relay that runs here how it is: its memory, descriptors and lag, which ingresses are connected, what comes
in and goes out over each line with the last dial of its address and how long ago that was, what it refused and why,
and its version of the file. `--json` has all of it, in seconds and bytes."""

RELOAD: Final = """\
As SIGHUP does, but with an answer: exit code 0 when the new file is in force, or 1 with its mistakes; then the old
one stays in force."""
