"""What the commands `ingress` and `relay` share: options, how handlers are found, how errors are told.

What must stay true: nothing slow is imported before it is known which command runs; every foreseeable error is one
line without a traceback. Exit codes: 0, 1 for what is wrong with the world, 2 for wrong usage.
"""

import argparse
import errno
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from relay import __version__, log
from relay.errors import OperatorError
from relay.serve.notify import notify

Subparsers = Any
"""What `add_subparsers` returns; argparse has no public name for it."""

EPILOG: Final = """\
environment: INGRESS_CONFIG, INGRESS_KEYS and INGRESS_ADMIN stand for --config, --keys and --admin.
exit codes: 0; 1 when something is wrong with the world (the message says what to do); 2 for wrong usage."""

MENDS: Final = {
    errno.EACCES: "give this user the right to it, or run as another",
    errno.EPERM: "give this user the right to it, or run as another",
    errno.ENOENT: "check the path",
    errno.EADDRINUSE: "stop what listens there, or take another port",
    errno.EADDRNOTAVAIL: "this machine has no such address: write one of its own",
    errno.ENOSPC: "make room on the disk",
    errno.EROFS: "take a place that can be written",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}


def new_parser(program: str, description: str) -> argparse.ArgumentParser:
    """A parser with the common options; commands are added with `add_command`."""
    parser = argparse.ArgumentParser(
        program, description=description, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"{program} {__version__}")
    parser.set_defaults(
        config=Path(os.environ.get("INGRESS_CONFIG") or "paths.toml"),
        keys=Path(os.environ.get("INGRESS_KEYS") or "keys"),
        admin=os.environ.get("INGRESS_ADMIN") or None,
        log_format=None,
        log_level="info",
    )
    _add_common_options(parser)
    return parser


def add_command(commands: Subparsers, name: str, summary: str, description: str) -> argparse.ArgumentParser:
    """A command of the program, which takes the common options too."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common_options(parser)
    return parser


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    """They may stand before the command or behind it; SUPPRESS keeps the second place from undoing the first."""
    group = parser.add_argument_group("common options")

    def add(name: str, **details: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS, **details)

    add("--config", type=Path, metavar="FILE", help="the network, as every node has it (paths.toml)")
    add("--keys", type=Path, metavar="FOLDER", help="the folder that holds one folder of keys for each name (keys)")
    add("--admin", metavar="SOCKET", help="the Unix socket of the running program (found by itself if only one runs)")
    add("--log-format", choices=log.FORMATS, help="of the log on stderr (text on a terminal, else json)")
    add("--log-level", choices=tuple(log.LEVELS), help="the least of what is logged (info)")


def run(program: str, options: argparse.Namespace, handlers: Mapping[str, str]) -> int:
    """Call the handler of `options.command_name`, given as "module:function"; returns the exit code."""
    log.configure(options.log_format, options.log_level)
    try:
        module, _, function = handlers[options.command_name].partition(":")
        code: int = getattr(import_module(module), function)(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 1
    except BrokenPipeError:  # who read our output has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OperatorError, OSError) as error:
        tell(program, error)
        notify(STATUS=_text(error))
        return 1
    except BaseExceptionGroup as group:
        leaves = list(_leaves(group))
        if not all(isinstance(leaf, OperatorError | OSError) for leaf in leaves):
            raise
        for leaf in leaves:
            tell(program, leaf)
        notify(STATUS="\n".join(map(_text, leaves)))
        return 1


def tell(program: str, error: BaseException) -> None:
    """Print *error* on stderr: one line for each thing that is wrong."""
    for line in _text(error).splitlines():
        print(f"{program}: {line}", file=sys.stderr)


def _text(error: BaseException) -> str:
    return _os_error(error) if isinstance(error, OSError) else str(error)


def _os_error(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename is not None else ""
    mend = MENDS.get(error.errno or 0, "")
    return f"{place}{error.strerror or error}" + (f"; {mend}" if mend else "")


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def arguments(argv: Sequence[str] | None) -> list[str]:
    """*argv*, or what the process was started with."""
    return list(sys.argv[1:] if argv is None else argv)
