"""What the page computes: its scripts under node's own test runner (page_logic/), and under a check of their types."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE, TESTS = Path("ingress/web/page"), Path("tests/ingress/web/page_logic")
TYPES = [
    *("--allowJs", "--checkJs", "--noEmit", "--strict", "--noUnusedLocals", "--noUnusedParameters"),
    *("--target", "es2022", "--module", "es2022", "--moduleResolution", "node", "--lib", "esnext,dom,dom.iterable"),
]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Page and tests, in a folder that says that they are modules: node before 22 would not guess it."""
    for folder in (PAGE, TESTS):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    return tmp_path


def names(folder: Path, pattern: str) -> list[str]:
    """Files of the page or of its tests, as the copy calls them."""
    found = sorted(str(path.relative_to(ROOT)) for path in (ROOT / folder).glob(pattern))
    assert found
    return found


def run(program: str, arguments: list[str], copied: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"no {program} on this machine: the page's scripts are tried where there is one")
    done = subprocess.run([program, *arguments], cwd=copied, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_layout_model_format_and_series(copied: Path) -> None:
    run("node", ["--test", *names(TESTS, "*.test.js")], copied)


def test_the_syntax_of_scripts(copied: Path) -> None:
    for script in names(PAGE, "*.js"):
        run("node", ["--check", script], copied)


def test_the_types_of_scripts(copied: Path) -> None:
    run("tsc", [*TYPES, *names(PAGE, "*.js")], copied)
