"""Where an ingress keeps what it has learned."""

import os
from collections.abc import Mapping
from pathlib import Path


def state_folder(told: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder that the file names (`state`), else the one that systemd made, else the user's own."""
    if told is not None:
        return told
    given = environment.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    homes = (environment.get("XDG_STATE_HOME", ""), os.path.expanduser("~/.local/state"), "/var/lib")
    return Path(next(home for home in homes if os.path.isabs(home))) / "ingress"


def fetched_folder(told: Path | None) -> Path:
    """Where the lists are that were fetched; *told* as in `state_folder`."""
    return state_folder(told) / "lists"


def state_file(folder: Path, ingress: str) -> Path:
    """The file of one ingress: several may share a folder."""
    return folder / f"{ingress}.sqlite"
