"""Where a running ingress or relay is asked: its Unix socket, by name, or the only one that runs here.

Names of ingresses and nodes do not collide, but a command asks only its own kind: an ingress listens at NAME.sock,
a relay at NAME.relay.sock (names have no dots).
"""

import os
import socket
from pathlib import Path
from typing import Final, Literal

from relay.errors import OperatorError

Kind = Literal["ingress", "relay"]

SUFFIXES: Final[dict[Kind, str]] = {"ingress": ".sock", "relay": ".relay.sock"}
SYSTEM_FOLDER: Final = Path("/run/ingress")
LONGEST: Final = 107
"""Bytes of a socket's path: sun_path has 108 with the zero at its end (unix(7))."""


class AdminError(OperatorError):
    """The socket of a running program cannot be found or reached."""


def socket_path(name: str, kind: Kind, option: str | None = None) -> Path:
    """Where the *kind* called *name* listens: at *option* if it is given, else in the first of `folders`."""
    path = Path(option) if option is not None else folders()[0] / f"{name}{SUFFIXES[kind]}"
    if len(os.fsencode(path)) > LONGEST:
        raise AdminError(f"{path}: is too long for a socket (more than {LONGEST} bytes); name another with --admin")
    return path


def find_socket(option: str | None, kind: Kind) -> Path:
    """The socket to ask: *option*, or that of the only *kind* which runs here. AdminError for none or several."""
    if option is not None:
        return _reached(Path(option), kind)
    found = [path for folder in folders() for path in _sockets(folder, kind) if _answers(path)]
    if not found:
        stale = [path for folder in folders() for path in _sockets(folder, kind)]
        places = " or ".join(str(folder) for folder in folders())
        what = f"{stale[0]} is left of one that was killed" if stale else f"no socket in {places}"
        raise AdminError(f"no {kind} runs here ({what}); start it, or name its socket with --admin")
    if len(found) > 1:
        raise AdminError(f"several run here: {', '.join(str(path) for path in found)}; name one with --admin")
    return found[0]


def is_running(name: str, kind: Kind, option: str | None = None) -> bool:
    """Whether the *kind* called *name* runs here: at *option*, if it is given."""
    places = [folder / f"{name}{SUFFIXES[kind]}" for folder in folders()] if option is None else [Path(option)]
    return any(_answers(place) for place in places)


def folders() -> tuple[Path, ...]:
    """Where sockets are, the user's own first."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(runtime) / "ingress", SYSTEM_FOLDER) if runtime else (SYSTEM_FOLDER,)


def _sockets(folder: Path, kind: Kind) -> list[Path]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # not there, or not ours to look into
        return []
    return [folder / name for name in names if name.partition(".")[2] == SUFFIXES[kind][1:]]


def _reached(path: Path, kind: Kind) -> Path:
    if not _answers(path):
        raise AdminError(f"{path}: no {kind} answers there; start it, or name another socket with --admin")
    return path


def _answers(path: Path) -> bool:
    """Whether something listens there. One that another user owns counts: asking it tells why it is shut."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except (PermissionError, BlockingIOError):
            return True
        except OSError:
            return False
        return True
