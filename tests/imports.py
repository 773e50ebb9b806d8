"""Who imports whom in relay/ and ingress/, read from the sources; what circles there are; and what is called how.

Every import counts, whenever it runs: in functions and behind TYPE_CHECKING too, because a reader who follows a name
has to follow those as well. Commands that `cli` names as a text ("ingress.demo:run") are no imports.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[1]
PACKAGES = ("relay", "ingress")

Graph = Mapping[str, Iterable[str]]
"""Who leads to whom; one that leads nowhere need not be a key."""


@attrs.frozen(order=True)
class Import:
    """One import of one module by another; both by their dotted names, a package by its own."""

    source: str
    target: str
    place: str
    """Its file and line."""
    text: str
    is_at_start: bool
    """Runs when its file is imported: neither in a function nor behind TYPE_CHECKING."""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@attrs.frozen
class Module:
    """One file: its dotted name, where it is below the root, what it says."""

    name: str
    file: Path
    tree: ast.Module


def read_modules(root: Path = ROOT, packages: Iterable[str] = PACKAGES) -> list[Module]:
    """Every file of these packages."""
    files = sorted(file.relative_to(root) for package in packages for file in (root / package).rglob("*.py"))
    return [Module(_name(file), file, ast.parse((root / file).read_text())) for file in files]


def read_imports(modules: Iterable[Module], others: Iterable[str] = ()) -> list[Import]:
    """Every import by *modules* of each other, and of the *others* named, in their order."""
    modules = list(modules)
    known = {module.name for module in modules} | set(others)
    return [found for module in modules for found in _imports_of(module, known)]


def package_imports(modules: Iterable[Module]) -> list[Import]:
    """What Python does unasked: before a file it runs the `__init__` of the package that the file is in."""
    parents = ((module, module.name.rpartition(".")[0]) for module in modules)
    return [Import(module.name, parent, str(module.file), "its package", True) for module, parent in parents if parent]


def read_classes(modules: Iterable[Module]) -> dict[str, list[str]]:
    """Where each name of a public class is defined: files and lines."""
    places: dict[str, list[str]] = {}
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(f"{module.file}:{node.lineno}")
    return places


def room_of(module: str) -> str:
    """The package or file right below `relay` or `ingress` that *module* belongs to."""
    return ".".join([*module.split("."), "__init__"][:2])


def by_file(imports: Iterable[Import]) -> dict[tuple[str, str], Import]:
    """For each pair of files the first import that joins them."""
    return {(found.source, found.target): found for found in reversed(list(imports))}


def by_room(imports: Iterable[Import]) -> dict[tuple[str, str], Import]:
    """For each pair of rooms the first import that joins them."""
    pairs = ((room_of(found.source), room_of(found.target), found) for found in reversed(list(imports)))
    return {(source, target): found for source, target, found in pairs if source != target}


def graph_of(edges: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The graph that has these edges."""
    graph: dict[str, list[str]] = {}
    for source, target in edges:
        graph.setdefault(source, []).append(target)
    return graph


def find_circles(graph: Graph) -> list[list[str]]:
    """The groups whose members all lead to each other, each in order; one that leads to itself is a group as well."""
    reached = {node: _reachable(graph, node) for node in graph}
    groups = {frozenset(other for other in reached[node] if node in reached.get(other, ())) for node in graph}
    return sorted(sorted(group) for group in groups if group)


def shortest_circle(graph: Graph, start: str) -> list[str]:
    """The shortest way from *start* back to it, with *start* at both ends; empty if there is none."""
    return shortest_way(graph, [start], {start})


def shortest_way(graph: Graph, starts: Iterable[str], ends: Iterable[str]) -> list[str]:
    """The shortest way of at least one step from one of *starts* to one of *ends*; empty if there is none."""
    wanted, seen = set(ends), set[str]()
    ways = [[start] for start in starts]
    for way in ways:
        for following in graph.get(way[-1], ()):
            if following in wanted:
                return [*way, following]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def describe_circles(edges: Mapping[tuple[str, str], Import]) -> str:
    """Every circle as a chain of the imports that make it; empty if there are none."""
    graph = graph_of(edges)
    return "\n".join(_describe(graph, edges, members) for members in find_circles(graph))


def describe_way(way: list[str], edges: Mapping[tuple[str, str], Import]) -> str:
    """The imports along *way*, a line for each."""
    return "\n".join(f"    {edges[step]}" for step in pairwise(way))


def _describe(graph: Graph, edges: Mapping[tuple[str, str], Import], members: list[str]) -> str:
    circle = min((shortest_circle(graph, member) for member in members), key=len)
    return f"a circle of {', '.join(members)}:\n{describe_way(circle, edges)}"


def _reachable(graph: Graph, start: str) -> set[str]:
    """All that can be reached from *start*; itself only if a way leads back."""
    found: set[str] = set()
    rest = list(graph.get(start, ()))
    while rest:
        if (node := rest.pop()) not in found:
            found.add(node)
            rest.extend(graph.get(node, ()))
    return found


def _name(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def _imports_of(module: Module, known: set[str]) -> Iterator[Import]:
    for node, is_at_start in _walk(module.tree, True):
        for target in dict.fromkeys(_targets(node, module)):
            if named := _nearest(target, known):
                yield Import(module.name, named, f"{module.file}:{node.lineno}", ast.unparse(node), is_at_start)


def _nearest(target: str, known: set[str]) -> str:
    """The module that *target* is, or is a name in; empty for one that is nobody's here."""
    while target and target not in known:
        target = target.rpartition(".")[0]
    return target


def _walk(node: ast.AST, is_at_start: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import below *node*, and whether it runs when the file is imported."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, is_at_start
        else:
            yield from _walk(child, is_at_start and not _is_late(child))


def _is_late(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _targets(node: ast.Import | ast.ImportFrom, module: Module) -> Iterator[str]:
    """What *node* may import: a module, or a name in one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    package = module.name.split(".") if module.file.name == "__init__.py" else module.name.split(".")[:-1]
    above = package[: len(package) + 1 - node.level] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    yield from (f"{base}.{alias.name}" for alias in node.names)
