"""The files of relay/session form no circle: each imports only those that its list names before it."""

import ast
import re
from pathlib import Path

import relay.session

ROOMS = re.findall(r"^    (\w+)  +\w", relay.session.__doc__ or "", re.MULTILINE)


def imported(room: str) -> set[str]:
    """The rooms that *room* imports, wherever in the file, for types only or not."""
    text = (Path(relay.session.__path__[0]) / f"{room}.py").read_text()
    found = [one.module for one in ast.walk(ast.parse(text)) if isinstance(one, ast.ImportFrom)]
    return {name.removeprefix("relay.session.") for name in found if name and name.startswith("relay.session.")}


def test_the_list_names_every_file() -> None:
    files = {file.stem for file in Path(relay.session.__path__[0]).glob("*.py")} - {"__init__"}
    assert set(ROOMS) == files and len(ROOMS) == len(files)


def test_each_file_imports_only_those_before_it() -> None:
    for at, room in enumerate(ROOMS):
        assert imported(room) <= set(ROOMS[:at]), room
