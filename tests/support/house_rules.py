"""Rules of the house, walked by the standard library's `ast`, over the tables of a `Plan`.

The tables stand in tests/test_architecture.py. A rule yields one line a violation, `path: what`.
"""

import ast
import gc
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
