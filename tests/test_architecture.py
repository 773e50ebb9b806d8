"""The rules of the house: no circles, imports only downwards, one name for one thing."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.imports import (
    Import,
    by_file,
    by_room,
    describe_circles,
    describe_way,
    find_circles,
    graph_of,
    package_imports,
    read_classes,
    read_imports,
    read_modules,
    room_of,
    shortest_circle,
    shortest_way,
)

FLOORS = (
    ("relay", ("__init__", "errors", "callbacks")),
    ("relay", ("log", "files")),
    ("relay", ("private",)),
    ("relay", ("model",)),
    ("relay", ("strangers",)),
    ("relay", ("policy", "identity", "config", "wire")),
    ("relay", ("listen",)),
    ("relay", ("engine",)),
    ("relay", ("session", "datagram")),
    ("relay", ("carrier",)),
    ("relay", ("dial",)),
    ("relay", ("exit",)),
    ("relay", ("node",)),
    ("relay", ("admin",)),
    ("relay", ("serve",)),
    ("relay", ("cli",)),
    ("relay", ("__main__",)),
    ("ingress", ("__init__", "lru", "lists", "messages")),
    ("ingress", ("penalty", "users", "certificates")),
    ("ingress", ("users_file", "keys")),
    ("ingress", ("config", "doors")),
    ("ingress", ("alerts",)),
    ("ingress", ("allowance", "measure", "quota", "usage")),
    ("ingress", ("history",)),
    ("ingress", ("choice", "state")),
    ("ingress", ("paths", "client", "direct")),
    ("ingress", ("report", "web")),
    ("ingress", ("clash", "metrics")),
    ("ingress", ("serve",)),
    ("ingress", ("cli",)),
    ("ingress", ("demo",)),
    ("ingress", ("__main__",)),
)
"""The rooms from below. A room imports only rooms of lower floors; those of one floor do not know each other."""

FLOOR = {f"{package}.{room}": floor for floor, (package, rooms) in enumerate(FLOORS) for room in rooms}
QUICK, QUICK_PACKAGE = ("ingress.cli", "relay.cli"), "ingress.config"
"""What every command begins with, `--help` too: nobody who asks for help waits for trio."""
TRIO = "trio"

MODULES = read_modules()
IMPORTS = read_imports(MODULES)


def test_no_files_import_each_other_in_a_circle() -> None:
    circles = describe_circles(by_file(IMPORTS))
    assert not circles, circles


def test_no_rooms_import_each_other_in_a_circle() -> None:
    circles = describe_circles(by_room(IMPORTS))
    assert not circles, circles


def test_rooms_import_only_what_is_below_them() -> None:
    wrong = describe_climbs(IMPORTS)
    assert not wrong, wrong


def test_the_table_of_floors_has_every_room_and_no_other() -> None:
    there = {room_of(module.name) for module in MODULES}
    assert not there - set(FLOOR), f"rooms that have no floor: {sorted(there - set(FLOOR))}"
    assert not set(FLOOR) - there, f"floors for rooms that are not there: {sorted(set(FLOOR) - there)}"


def test_the_command_line_does_not_wait_for_trio() -> None:
    way = way_to_trio()
    assert not way, f"trio is imported by what every command imports:\n{way}"


def test_no_public_class_name_stands_for_two_things() -> None:
    twins = describe_twins(read_classes(MODULES))
    assert not twins, f"a name of its own for each, please:\n{twins}"


def describe_twins(classes: Mapping[str, Sequence[str]]) -> str:
    """Every name that is given more than once, a line for each."""
    return "\n".join(f"{name}: {', '.join(places)}" for name, places in sorted(classes.items()) if len(places) > 1)


def describe_climbs(imports: Iterable[Import]) -> str:
    """Every import that does not lead to a lower floor, a line for each; rooms without a floor are another test's."""
    climbs = [found for found in imports if is_climb(room_of(found.source), room_of(found.target))]
    return "\n".join(f"{room_of(found.source)} may not import {room_of(found.target)}: {found}" for found in climbs)


def is_climb(source: str, target: str) -> bool:
    if source == target or not {source, target} <= set(FLOOR):
        return False
    return FLOOR[target] >= FLOOR[source]


def way_to_trio() -> str:
    """The shortest chain of imports at the start from a quick file to trio, a line for each; empty if there is none."""
    found = [*read_imports(MODULES, [TRIO]), *package_imports(MODULES)]
    edges = by_file(one for one in found if one.is_at_start)
    starts = [name for module in MODULES if (name := module.name) in QUICK or name.startswith(QUICK_PACKAGE)]
    way = shortest_way(graph_of(edges), starts, {TRIO})
    return describe_way(way, edges)


# The finder itself.

TREE = {
    "app/__init__.py": "",
    "app/low/__init__.py": "from app.low import sums",
    "app/low/sums.py": "import math",
    "app/mid/__init__.py": "",
    "app/mid/left.py": "from app.mid import right\nfrom app.low.sums import add",
    "app/mid/right.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.mid.left import Left",
    "app/top/__init__.py": "",
    "app/top/one.py": "import app.mid.left, trio.lowlevel",
    "app/top/two.py": "def late() -> None:\n    from ..low import sums\n    from .one import One",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small program."""
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_are_found_wherever_they_stand(tree: Path) -> None:
    found = read_imports(read_modules(tree, ["app"]), [TRIO])
    assert [(one.source, one.target, one.is_at_start) for one in found] == [
        ("app.low", "app.low.sums", True),
        ("app.mid.left", "app.mid.right", True),
        ("app.mid.left", "app.low.sums", True),
        ("app.mid.right", "app.mid.left", False),
        ("app.top.one", "app.mid.left", True),
        ("app.top.one", "trio", True),
        ("app.top.two", "app.low.sums", False),
        ("app.top.two", "app.top.one", False),
    ]


def test_a_circle_is_told_by_the_lines_that_make_it(tree: Path) -> None:
    told = describe_circles(by_file(read_imports(read_modules(tree, ["app"]))))
    assert told.splitlines() == [
        "a circle of app.mid.left, app.mid.right:",
        "    app/mid/left.py:1: from app.mid import right",
        "    app/mid/right.py:3: from app.mid.left import Left",
    ]


def test_rooms_are_joined_by_their_files(tree: Path) -> None:
    (tree / "app/low/sums.py").write_text("def late():\n    import app.top.one")
    rooms = by_room(read_imports(read_modules(tree, ["app"])))
    assert set(rooms) == {
        ("app.low", "app.top"),
        ("app.mid", "app.low"),
        ("app.top", "app.mid"),
        ("app.top", "app.low"),
    }
    assert find_circles(graph_of(rooms)) == [["app.low", "app.mid", "app.top"]]
    assert len(describe_circles(rooms).splitlines()) == 3


def test_names_that_are_given_twice_are_told_with_their_places(tree: Path) -> None:
    (tree / "app/low/sums.py").write_text("class Sum:\n    class Part: ...\nclass _Inside: ...")
    (tree / "app/mid/left.py").write_text("\nclass Sum: ...\nclass _Inside: ...")
    told = describe_twins(read_classes(read_modules(tree, ["app"])))
    assert told == "Sum: app/low/sums.py:1, app/mid/left.py:2"


@pytest.mark.parametrize(
    ("edges", "circles"),
    [
        ([], []),
        (["ab", "bc", "ac"], []),
        (["aa"], [["a"]]),
        (["ab", "ba"], [["a", "b"]]),
        (["xa", "ab", "bc", "ca", "cy"], [["a", "b", "c"]]),
        (["ab", "ba", "bc", "cd", "dc"], [["a", "b"], ["c", "d"]]),
        (["ab", "ba", "bc", "cb"], [["a", "b", "c"]]),
    ],
)
def test_circles_of_a_graph(edges: list[str], circles: list[list[str]]) -> None:
    assert find_circles(graph_of((edge[0], edge[1]) for edge in edges)) == circles


EDGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25)


@given(edges=EDGES)
def test_a_graph_that_only_leads_down_has_no_circle(edges: list[tuple[int, int]]) -> None:
    assert find_circles(graph_of((str(high), str(low)) for high, low in edges if high > low)) == []


@given(edges=EDGES, circle=st.lists(st.integers(0, 9), min_size=1, unique=True))
def test_a_circle_is_found_in_any_graph(edges: list[tuple[int, int]], circle: list[int]) -> None:
    closed = zip(circle, [*circle[1:], circle[0]], strict=True)
    graph = graph_of((str(source), str(target)) for source, target in [*edges, *closed])
    (group,) = [group for group in find_circles(graph) if str(circle[0]) in group]
    assert {str(member) for member in circle} <= set(group)
    way = shortest_circle(graph, str(circle[0]))
    assert way[0] == way[-1] == str(circle[0])
    assert len(way) <= len(circle) + 1


@pytest.mark.parametrize(
    ("source", "target", "is_wrong"),
    [
        ("ingress.paths", "ingress.choice", False),
        ("ingress.paths", "ingress.paths", False),
        ("ingress.paths", "ingress.client", True),
        ("ingress.client", "ingress.paths", True),
        ("ingress.choice", "ingress.paths", True),
        ("ingress.lru", "relay.cli", False),
        ("relay.cli", "ingress.lru", True),
    ],
)
def test_what_may_be_imported(source: str, target: str, is_wrong: bool) -> None:
    assert bool(describe_climbs([Import(f"{source}.a", f"{target}.b", "here:1", "import b", True)])) is is_wrong
