"""What the documents say can be done: their commands parse, their links lead somewhere, their examples are accepted,
their numbers and names are those of the code."""

import ast
import configparser
import importlib
import re
import shlex
import subprocess
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import pytest
import trustme

import ingress.cli
import relay.cli
from ingress.config import load
from ingress.users_file import add_user
from tests.test_architecture import FLOORS

ROOT = Path(__file__).parents[1]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md")])
UNITS = sorted(ROOT.glob("deploy/*.service"))


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def lines(document: Path) -> list[list[str]]:
    """Every command line, cut into words, without its comment."""
    return [words for block in blocks(document, "sh") for line in block.splitlines() if (words := cut(line))]


def cut(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
    lexer.whitespace_split = True
    return list(lexer)


def commands(words: list[str]) -> Iterator[list[str]]:
    """The single commands of a line, those inside `ssh HOST '…'` and `sh -c '…'` too."""
    for is_joint, group in groupby(words, lambda word: set(word) <= set("|&;")):
        command = list(group)
        if is_joint:
            continue
        if command[0] == "sudo":
            command = command[3:] if command[1] == "-u" else command[1:]
        if " " in command[-1] and (command[0] == "ssh" or command[:2] == ["sh", "-c"]):
            yield from commands(cut(command[-1]))
        yield command


ALL = [(document.name, command) for document in DOCUMENTS for line in lines(document) for command in commands(line)]


def ours(*programs: str) -> list[tuple[str, list[str]]]:
    return [(name, command) for name, command in ALL if command[0] in programs]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the parsers understood, instead of its being done."""
    told: list[str] = []

    def note(program: str, options: object, handlers: object) -> int:
        told.append(f"{program} {vars(options)['command_name']}")
        return 0

    monkeypatch.setattr(ingress.cli, "run", note)
    monkeypatch.setattr(relay.cli, "run", note)
    return told


def parse(program: str, arguments: list[str]) -> None:
    (ingress.cli if program == "ingress" else relay.cli).main(arguments)


def test_the_readme_begins_with_the_two_commands_that_do_all() -> None:
    assert lines(README)[:2] == [["./run", "demo"], ["./run", "tests"]]


@pytest.mark.parametrize(("document", "command"), ours("ingress", "relay"), ids=str)
def test_commands_parse(document: str, command: list[str], asked: list[str]) -> None:
    parse(command[0], command[1:])
    assert asked == [f"{command[0]} {command[1]}"]


@pytest.mark.parametrize(("document", "command"), ours("./run"), ids=str)
def test_the_run_script_knows_its_words(
    document: str, command: list[str], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, word, *arguments = command
    assert f"\n    {word})\n" in (ROOT / "run").read_text()
    if word == "demo":
        parse("ingress", ["demo", *arguments])
    if word == "bench":
        monkeypatch.syspath_prepend(str(ROOT))  # bench is no installed package
        bench = importlib.import_module("bench.__main__")
        assert set(bench.parser().parse_args(arguments).names) <= set(bench.ALL)


def test_both_languages_have_the_same_commands_and_examples() -> None:
    assert lines(CHINESE) == lines(README)
    assert blocks(CHINESE, "text") == blocks(README, "text")
    assert [uncommented(block) for block in blocks(CHINESE, "toml")] == [
        uncommented(block) for block in blocks(README, "toml")
    ]


def test_both_languages_have_the_same_shape() -> None:
    def shape(document: Path) -> list[str]:
        marks = (re.match(r"#+ |\| |- |!?\[|\*\*|```\w*|(?=.)", line) for line in document.read_text().splitlines())
        return [mark[0] for mark in marks if mark is not None]

    assert shape(CHINESE) == shape(README)


def uncommented(block: str) -> str:
    return re.sub(r" *#.*", "", block)


@pytest.mark.parametrize("block", blocks(README, "toml"))
def test_examples_of_paths_toml_are_accepted(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base = "" if block.startswith("version = ") else (ROOT / "paths.toml").read_text()
    if block.startswith("[ingress.shanghai]"):
        base = re.sub(r"^\[ingress\.shanghai\]\n(?:.+\n)*", "", base, flags=re.MULTILINE)
    if re.search(r"^user +=", block, re.MULTILINE):
        base = base.replace("[ingress.shanghai]\n", '[ingress.shanghai]\nusers = "users.toml"\n')
        add_user(tmp_path / "users.toml", "alice", "secret")
    for name in re.findall(r'file = "(\S+)"', block):
        (tmp_path / name).write_text("long-enough.for-a-token.example\n")
        (tmp_path / name).chmod(0o600)
    if "web_users" in block:
        add_user(tmp_path / "web-users.toml", "alice", "secret")
    if "web_certificate" in block:
        made = trustme.CA().issue_cert("proxy.example")
        made.cert_chain_pems[0].write_to_path(tmp_path / "web.pem")
        made.private_key_pem.write_to_path(tmp_path / "web.key")
        (tmp_path / "web.key").chmod(0o600)
    (tmp_path / "paths.toml").write_text(f"{base}\n{block}")
    monkeypatch.chdir(tmp_path)
    assert ingress.cli.main(["check", "paths.toml"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if not line.startswith("ok: ")] == []


def test_the_network_of_groups_has_all_paths_and_its_chain_only_these(tmp_path: Path) -> None:
    (block,) = [block for block in blocks(README, "toml") if block.startswith("version = ")]
    (tmp_path / "paths.toml").write_text(block)
    config = load(tmp_path / "paths.toml")
    chained, home = (config.leaves(rule) for rule in config.rules)
    assert {path.name for path in config.paths.used} == {
        *(f"ix-one/dmit/dmit-{end}" for end in ("one", "two")),
        *(f"ix-two/nube/nube-{end}" for end in ("one", "two")),
        *(f"direct/dmit-{end}" for end in ("one", "two")),
    }
    assert chained == {path.name for path in config.paths.used if path.name.startswith("ix-")}
    assert home is None and config.rules[1].exit_nodes == {"home-two"}


def links(document: Path) -> list[str]:
    text = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", ["architecture.md", "threats.md", "memory.md", "protocol.md"])
def test_files_that_documents_name_are_there(document: str) -> None:
    named = re.findall(r"`((?:relay|ingress|docs|tests|bench)/[\w/.]+)`", (ROOT / "docs" / document).read_text())
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_methods_that_the_architecture_names_are_there() -> None:
    named = re.findall(r"`([A-Z]\w+)\.(\w+)`", ARCHITECTURE.read_text())
    sources = [path.read_text() for package in ("relay", "ingress") for path in ROOT.glob(f"{package}/**/*.py")]
    assert named
    for owner, method in named:
        (source,) = (text for text in sources if re.search(rf"^class {owner}\b", text, re.MULTILINE))
        assert re.search(rf"^    (async )?def {method}\(", source, re.MULTILINE), f"{owner}.{method}"


def test_the_picture_of_the_house_is_what_is_held() -> None:
    picture: list[tuple[str, set[str]]] = []
    (block,) = blocks(ARCHITECTURE, "text")
    for line in block.splitlines():
        if not line.startswith(" "):
            package = line.removesuffix("/")
        else:
            picture.append((package, set(line[:34].split())))
    rooms = [(package, {room for room in floor if "__" not in room}) for package, floor in FLOORS]
    assert picture == [each for name in ("ingress", "relay") for each in reversed(rooms) if each[0] == name and each[1]]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_run_commands_that_exist(unit: Path, asked: list[str]) -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read(unit)
    for key in ("ExecStart", "ExecReload"):
        program, *arguments = shlex.split(parser["Service"][key].replace("%i", "here"))
        parse(Path(program).name, arguments)
    program = unit.name.removesuffix("@.service")
    assert asked == [f"{program} serve", f"{program} reload"]


def test_the_install_script_is_a_shell_script() -> None:
    script = ROOT / "deploy" / "install"
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", script], check=True)
    installed = re.findall(r'\$root/deploy/([^"\s]+)"', script.read_text())
    assert {"relay@.service", "ingress@.service", "90-ingress.conf"} == set(installed)


def test_kernel_settings_are_well_formed() -> None:
    said = (ROOT / "deploy" / "90-ingress.conf").read_text().splitlines()
    settings = [line for line in said if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z_]+(\.[a-z0-9_]+)+ = [a-z0-9 ]+", line) for line in settings)


def logged() -> set[str]:
    """The names of all events that the code writes by name."""
    found: set[str] = set()
    for file in (*ROOT.glob("relay/**/*.py"), *ROOT.glob("ingress/**/*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log"), attr="event"), args=[ast.Constant(value=str(name)), *_]
                ):
                    found.add(name)
    return found


def test_every_event_is_told_and_none_is_made_up() -> None:
    told = {
        name
        for row in re.findall(r"^\| (`.+?) \|", (ROOT / "docs" / "logs.md").read_text(), re.MULTILINE)
        for name in re.findall(r"`([a-z-]+)`", row)
    }
    assert logged() - told == set()
    source = "".join(file.read_text() for file in (*ROOT.glob("relay/**/*.py"), *ROOT.glob("ingress/**/*.py")))
    assert [name for name in told if f'"{name}"' not in source] == []


def counted() -> set[str]:
    """The names of all counters that are gathered."""
    sources = [(ROOT / package / "serve" / "counters.py").read_text() for package in ("relay", "ingress")]
    return {name for source in sources for name in re.findall(r'^        "(\w+)": ', source, re.MULTILINE)}


def test_every_counter_stands_beside_its_bound() -> None:
    table = (ROOT / "docs" / "threats.md").read_text().partition("## All bounds\n")[2].partition("\n## ")[0]
    told = {name for row in re.findall(r"\| ([^|]+) \|$", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert len(counted()) > 5
    assert counted() - told == set(), "counters without a row"
    assert told - counted() == set(), "rows whose counter nobody gathers: relay/serve/counters.py"


FIGURES = re.findall(r"^\| .+ \| ([\d., ]+) \| (`.+) \|$", (ROOT / "docs" / "survival.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize(("values", "names"), FIGURES)
def test_numbers_of_survival_are_those_of_the_code(values: str, names: str) -> None:
    places = [place.split(":") for place in re.findall(r"`([^`]+)`", names)]
    found = [attrgetter(name)(importlib.import_module(module)) for module, name in places]
    assert [float(value) for value in values.split(", ")] == found


def test_there_are_numbers_to_compare() -> None:
    assert len(FIGURES) > 20
