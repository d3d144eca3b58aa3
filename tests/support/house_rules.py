"""Rules of the house, walked by the standard library's `ast`, over the tables of a `Plan`.

The tables stand in tests/test_architecture.py. A rule yields one line per violation, `path: what`.
"""

import ast
import gc
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The tables that the rules go by."""

    rooms: tuple[str, ...]
    """Top-level folders of ours."""
    regions: Mapping[str, str]
    """Pattern of paths to region; a later line wins over an earlier one."""
    arrows: Mapping[str, frozenset[str]]
    """Which other regions a region may import; its own always."""
    cores: frozenset[str]
    """Regions without clock, environment, socket, log or waiting."""
    impure: frozenset[str]
    """Modules of the standard library that no core imports."""
    impure_calls: frozenset[str]
    """Of datetime and date: the clock by another door."""
    programs: tuple[str, ...]
    """Patterns of files that are run by hand: they read arguments and write files."""
    owners: Mapping[str, tuple[str, ...]]
    """Third-party package, by its import name, to the only files that may import it."""
    distributions: Mapping[str, str]
    """Import names that differ from the distribution's."""
    max_lines: int
    """Lines of a file; it holds one concept."""
    forbidden_names: frozenset[str]
    elsewhere: frozenset[str]
    """Test files that mirror no module, with reasons beside the table."""
    gerunds: frozenset[str]
    """Words in -ing that are names of the field."""
    generated_pages: tuple[str, ...]
    """Patterns of Markdown that a program writes."""
    max_prose_chars: int
    """A line of prose is shorter than this."""

    def region_of(self, path: str) -> str | None:
        """Return the region of a path; None: outside the rooms."""
        matching = [region for pattern, region in self.regions.items() if fnmatch(path, pattern)]
        return matching[-1] if matching else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A parsed file of a tree."""

    path: str
    """Relative to the tree, with slashes."""
    text: str = field(repr=False)
    tree: ast.Module = field(repr=False)
    region: str | None
    """None: outside the rooms."""


Rule = Callable[[tuple[Module, ...], Path, Plan], Iterator[str]]
"""Takes the parsed files, the folder they are in, and the tables."""


def read(root: Path, plan: Plan) -> tuple[Module, ...]:
    """Parse every file of the rooms and of the tests."""
    files = [
        path for room in (*plan.rooms, "tests") for path in sorted((root / room).rglob("*.py"))
    ]
    gc.disable()  # a million nodes are made, and none of them is garbage
    try:
        return tuple(
            Module(
                path=path.relative_to(root).as_posix(),
                text=path.read_text(encoding="utf-8"),
                tree=ast.parse(path.read_bytes()),
                region=plan.region_of(path.relative_to(root).as_posix()),
            )
            for path in files
        )
    finally:
        gc.enable()


def imports(module: Module) -> Iterator[str]:
    """Yield the dotted name of everything a module imports, wherever the import stands."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level
            yield from (f"{dots}{node.module or ''}.{alias.name}" for alias in node.names)


def of_rooms(modules: tuple[Module, ...]) -> Iterator[Module]:
    """Yield the modules that belong to a room."""
    return (module for module in modules if module.region is not None)


def arrows(modules: tuple[Module, ...], _: Path, plan: Plan) -> Iterator[str]:
    """Find imports that follow no arrow, are relative, or are made at run time."""
    for module in of_rooms(modules):
        for name in imports(module):
            target = plan.region_of(name.replace(".", "/") + "/")
            if name.startswith("."):
                yield f"{module.path}: relative import {name}"
            elif name.split(".")[0] == "tests":
                yield f"{module.path}: imports {name}"
            elif (
                target not in (None, module.region)
                and target not in plan.arrows[module.region or ""]
            ):
                yield f"{module.path}: {module.region} imports {name} of {target}"
            elif name in ("importlib", "importlib.import_module") and module.region != "deploy":
                yield f"{module.path}: imports by name at run time"


def pure_cores(modules: tuple[Module, ...], _: Path, plan: Plan) -> Iterator[str]:
    """Find clocks, environments, sockets, awaits and logs in cores; they take values and `now`."""
    for module in of_rooms(modules):
        if module.region not in plan.cores or any(fnmatch(module.path, p) for p in plan.programs):
            continue
        for name in imports(module):
            if name.split(".")[0] in plan.impure:
                yield f"{module.path}: a core imports {name}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await):
                yield f"{module.path}:{node.lineno}: a core waits"
            elif isinstance(node, ast.Call):
                yield from (
                    f"{module.path}:{node.lineno}: {what}" for what in impure_call(node, plan)
                )


def impure_call(node: ast.Call, plan: Plan) -> Iterator[str]:
    """Yield what a call does that a core may not."""
    called = node.func
    if isinstance(called, ast.Name) and called.id in ("open", "print", "input"):
        yield f"a core calls {called.id}()"
    if (
        isinstance(called, ast.Attribute)
        and called.attr in plan.impure_calls
        and isinstance(called.value, ast.Name | ast.Attribute)
        and ast.unparse(called.value).split(".")[-1] in ("datetime", "date")
    ):
        yield f"a core asks {ast.unparse(called)}()"


def owners(modules: tuple[Module, ...], root: Path, plan: Plan) -> Iterator[str]:
    """Find third-party imports outside their owners, and packages that nobody declared."""
    for module in of_rooms(modules):
        for package in {name.split(".")[0] for name in imports(module)}:
            if package in sys.stdlib_module_names or package in (*plan.rooms, "tests", ""):
                continue
            if not any(fnmatch(module.path, owner) for owner in plan.owners.get(package, ())):
                yield f"{module.path}: imports {package}, which it does not own"
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = declared["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {line.split(">")[0].split("[")[0] for line in lines}
    owned = {plan.distributions.get(package, package) for package in plan.owners}
    yield from (f"pyproject.toml: {name} has no owner" for name in sorted(names - owned))
    yield from (f"pyproject.toml: {name} is not declared" for name in sorted(owned - names))


def sizes(modules: tuple[Module, ...], _: Path, plan: Plan) -> Iterator[str]:
    """Find files that hold more than one concept can need."""
    for module in modules:
        lines = module.text.count("\n")
        if lines > plan.max_lines:
            yield f"{module.path}: {lines} lines"


def names(modules: tuple[Module, ...], _: Path, plan: Plan) -> Iterator[str]:
    """Find modules and packages whose name says nothing."""
    for module in modules:
        parts = {part.removesuffix(".py") for part in module.path.split("/")}
        if parts & plan.forbidden_names:
            yield f"{module.path}: a name that says nothing"


def docstrings(modules: tuple[Module, ...], _: Path, _plan: Plan) -> Iterator[str]:
    """Find modules of rooms that do not open with their rules."""
    for module in of_rooms(modules):
        if not ast.get_docstring(module.tree):
            yield f"{module.path}: no docstring"


def mirrors(modules: tuple[Module, ...], root: Path, plan: Plan) -> Iterator[str]:
    """Find test modules that do not stand where their subject stands."""
    for module in modules:
        parts = module.path.split("/")
        if parts[0] != "tests" or parts[1] not in plan.rooms or not parts[-1].startswith("test_"):
            continue
        subject = root.joinpath(*parts[1:-1], parts[-1].removeprefix("test_"))
        exists = subject.is_file() or subject.with_suffix("").is_dir()
        if not exists and module.path not in plan.elsewhere:
            yield f"{module.path}: tests no module of that name"


def class_names(modules: tuple[Module, ...], _: Path, _plan: Plan) -> Iterator[str]:
    """Find class names that two modules of the rooms have.

    A name that begins with an underscore is its module's own. So are the classes of a test: a
    double bears the name of what it stands for.
    """
    first: dict[str, str] = {}
    for module in of_rooms(modules):
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            if node.name in first:
                yield f"{module.path}:{node.lineno}: {node.name} is also in {first[node.name]}"
            first.setdefault(node.name, module.path)


def gerunds(modules: tuple[Module, ...], _: Path, plan: Plan) -> Iterator[str]:
    """Find modules and packages that are named by what is done instead of by what they hold."""
    for module in modules:
        *folders, file = module.path.split("/")
        name = file.removesuffix(".py").removeprefix("test_")
        for word in (*folders, name):
            if word.endswith("ing") and "_" not in word and word not in plan.gerunds:
                yield f"{module.path}: {word} is a gerund; name it by a noun of the field"


def pages(root: Path, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield every page of Markdown that people write, with its text."""
    folders = (*plan.rooms, "docs", "tests")
    found = [*root.glob("*.md"), *chain(*((root / name).rglob("*.md") for name in folders))]
    for path in sorted(found):
        name = path.relative_to(root).as_posix()
        if not any(fnmatch(name, pattern) for pattern in plan.generated_pages):
            yield name, path.read_text(encoding="utf-8")


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page that are read as sentences: no tables, no code, no lists of links.

    Code is what stands between fences, or is indented by four spaces after an empty line.
    """
    fenced, indented, before = False, False, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        indented = line.startswith("    ") and (indented or not before.strip())
        before = line
        only_links = not re.sub(r"\[[^\]]*\]\([^)]*\)|[-*,.;:·\s]", "", line)
        if not (fenced or indented or line.lstrip().startswith(("|", "```")) or only_links):
            yield number, line


def prose_lines(_modules: tuple[Module, ...], root: Path, plan: Plan) -> Iterator[str]:
    """Find lines of prose that are too long to be read beside code."""
    for name, text in pages(root, plan):
        for number, line in prose(text):
            if len(line) >= plan.max_prose_chars:
                yield f"{name}:{number}: {len(line)} characters of prose"


def named_files(_modules: tuple[Module, ...], root: Path, plan: Plan) -> Iterator[str]:
    """Find pages that name a file or folder of the repository which is not there."""
    roots = (*plan.rooms, "docs", "tests", ".ci")
    for name, text in pages(root, plan):
        for path in re.findall(r"`([\w.-]+/[\w./*-]*)`", text):
            if path.split("/")[0] in roots and not any(root.glob(path.rstrip("/"))):
                yield f"{name}: names {path}, which is not there"
