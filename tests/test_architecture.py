"""The house rules, walked by the standard library's `ast`: arrows, owners, pure cores, sizes.

Rules are tables. Each rule is also shown a planted violation in a tree of its own, so that a rule
that has gone blind fails too.
"""

import ast
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
ROOMS: Final = ("verifier", "fleet", "firmware_stubs", "deploy")
MAX_LINES: Final = 400
"""Lines of a file; it holds one concept."""

# Region: the longest pattern that matches a module's path. A later line wins over an earlier one.
REGIONS: Final[Mapping[str, str]] = {
    "verifier/*": "verifier core",
    "verifier/contract/*": "verifier contract",
    "verifier/barcode/*": "verifier barcode",
    "verifier/service/*": "verifier service",
    "fleet/*": "fleet core",
    "fleet/contract/*": "fleet contract",
    "fleet/service/*": "fleet service",
    "fleet/console/*": "fleet console",
    "firmware_stubs/*": "terminal core",
    "firmware_stubs/edge/*": "terminal edge",
    "firmware_stubs/swarm/*": "terminal swarm",
    "deploy/*": "deploy",
}
_CONTRACTS: Final = frozenset({"verifier contract", "fleet contract"})
_TERMINAL: Final = _CONTRACTS | {"verifier core", "terminal core"}
ARROWS: Final[Mapping[str, frozenset[str]]] = {
    "verifier contract": frozenset(),
    "fleet contract": frozenset(),
    "verifier core": frozenset({"verifier contract"}),
    "verifier barcode": frozenset({"verifier core", "verifier contract"}),
    "verifier service": frozenset({"verifier core", "verifier contract", "verifier barcode"}),
    "fleet core": _CONTRACTS,
    "fleet service": _CONTRACTS | {"fleet core"},
    "fleet console": _CONTRACTS | {"fleet core"},
    "terminal core": _CONTRACTS | {"verifier core"},
    "terminal edge": _TERMINAL | {"verifier barcode"},
    "terminal swarm": _TERMINAL | {"verifier barcode"},
    "deploy": frozenset(REGIONS.values()),
}
"""Which other regions a region may import; its own always."""

CORES: Final = _CONTRACTS | {"verifier core", "verifier barcode", "fleet core", "terminal core"}
IMPURE: Final = frozenset(
    {
        *("asyncio", "select", "selectors", "sched", "signal", "socket", "ssl", "time"),
        *("concurrent", "multiprocessing", "queue", "subprocess", "threading"),
        *("http", "logging", "os", "random", "shutil", "sqlite3", "tempfile", "urllib"),
    }
)
"""No clock, no environment, no socket, no log, no waiting in a core."""
IMPURE_CALLS: Final = frozenset({"now", "utcnow", "today"})
"""Of datetime and date: the clock by another door."""
PROGRAMS: Final = ("*/generate.py", "*/__main__.py")
"""Run by hand: they read arguments and write files."""

OWNERS: Final[Mapping[str, tuple[str, ...]]] = {
    "aiohttp": (
        "verifier/service/http/*",
        "verifier/service/follow/grants.py",
        "verifier/service/archive/subjects.py",
        "verifier/service/issuing/*",
        "verifier/service/feeds/*",
        "fleet/service/http/*",
        "fleet/service/app.py",
        "fleet/service/news.py",
        "fleet/service/run.py",
        "firmware_stubs/edge/centre.py",
        "firmware_stubs/edge/door.py",
        "deploy/local/doors.py",
        "deploy/local/watching.py",
        "deploy/local/ready.py",
        "deploy/status/asking.py",
        "deploy/local/up.py",
    ),
    "cbor2": ("verifier/contract/cbor.py", "verifier/codes/hcert.py"),
    "cryptography": (
        "verifier/issuing/signing.py",
        "verifier/trust/*",
        "fleet/identity.py",
        "fleet/service/granting.py",
    ),
    "hiredis": ("verifier/service/store/*",),
    "msgspec": ("*",),
    "multidict": ("verifier/service/http/bodies.py",),
    "numpy": (
        "verifier/barcode/*",
        "verifier/groups/*",
        "verifier/status/*",
        "firmware_stubs/edge/scene.py",
        "deploy/demo/*",
        "deploy/city/*",
    ),
    "paho": ("fleet/service/mqtt/connection.py", "firmware_stubs/edge/broker.py"),
    "PIL": (
        "verifier/barcode/render.py",
        "verifier/barcode/scan.py",
        "firmware_stubs/edge/scene.py",
    ),
    "prometheus_client": ("*/metrics.py", "fleet/service/http/health.py"),
    "psutil": ("deploy/local/ports.py",),
    "pyarrow": ("verifier/archive/columns.py",),
    "pyzbar": ("verifier/barcode/scan.py",),
    "qrcode": ("verifier/barcode/render.py",),
    "redis": (
        "verifier/service/*",
        "fleet/service/*",
        "deploy/city/loading.py",
        "deploy/local/ready.py",
        "deploy/status/asking.py",
    ),
    "rich": ("deploy/cli/*", "deploy/demo/sheet.py", "deploy/local/up.py", "deploy/local/view.py"),
    "structlog": ("*/service/*", "firmware_stubs/edge/*"),
    "typer": ("deploy/cli/*",),
    "uvloop": ("*/service/__main__.py", "firmware_stubs/edge/__main__.py"),
    "zxingcpp": ("verifier/barcode/scan.py",),
}
"""Third-party package, by its import name, to the only files that may import it."""
DISTRIBUTIONS: Final[Mapping[str, str]] = {
    "PIL": "pillow",
    "multidict": "aiohttp",
    "paho": "paho-mqtt",
    "prometheus_client": "prometheus-client",
    "zxingcpp": "zxing-cpp",
}
"""Import names that differ from the distribution's, or come with it."""

FORBIDDEN_NAMES: Final = frozenset({"utils", "common", "helpers", "base", "misc", "util", "helper"})
ELSEWHERE: Final = frozenset(
    {"tests/deploy/test_kapok_script.py", "tests/verifier/trust/test_bundle_content.py"}
)
"""Tests of what is no module, and a second part of a long one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A parsed file of a tree."""

    path: str
    """Relative to the tree, with slashes."""
    text: str = field(repr=False)
    tree: ast.Module = field(repr=False)

    @property
    def region(self) -> str | None:
        """The region, None outside the rooms."""
        matching = [region for pattern, region in REGIONS.items() if fnmatch(self.path, pattern)]
        return matching[-1] if matching else None


Rule = Callable[[tuple[Module, ...], Path], Iterator[str]]


def read(root: Path) -> tuple[Module, ...]:
    """Parse every file of the rooms and of the tests."""
    files = [path for room in (*ROOMS, "tests") for path in sorted((root / room).rglob("*.py"))]
    return tuple(
        Module(
            path=path.relative_to(root).as_posix(),
            text=path.read_text(encoding="utf-8"),
            tree=ast.parse(path.read_bytes()),
        )
        for path in files
    )


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


def region_of(name: str) -> str | None:
    """Return the region of an imported dotted name."""
    path = name.replace(".", "/") + "/"
    matching = [region for pattern, region in REGIONS.items() if fnmatch(path, pattern)]
    return matching[-1] if matching else None


def arrows(modules: tuple[Module, ...], _: Path) -> Iterator[str]:
    """Find imports that follow no arrow, are relative, or are made at run time."""
    for module in of_rooms(modules):
        for name in imports(module):
            target = region_of(name)
            if name.startswith("."):
                yield f"{module.path}: relative import {name}"
            elif name.split(".")[0] == "tests":
                yield f"{module.path}: imports {name}"
            elif target not in (None, module.region) and target not in ARROWS[module.region or ""]:
                yield f"{module.path}: {module.region} imports {name} of {target}"
            elif name in ("importlib", "importlib.import_module") and module.region != "deploy":
                yield f"{module.path}: imports by name at run time"


def pure_cores(modules: tuple[Module, ...], _: Path) -> Iterator[str]:
    """Find clocks, environments, sockets, awaits and logs in cores; they take values and `now`."""
    for module in of_rooms(modules):
        if module.region not in CORES or any(fnmatch(module.path, p) for p in PROGRAMS):
            continue
        for name in imports(module):
            if name.split(".")[0] in IMPURE:
                yield f"{module.path}: a core imports {name}"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await):
                yield f"{module.path}:{node.lineno}: a core waits"
            elif isinstance(node, ast.Call):
                yield from (f"{module.path}:{node.lineno}: {what}" for what in impure_call(node))


def impure_call(node: ast.Call) -> Iterator[str]:
    """Yield what a call does that a core may not."""
    called = node.func
    if isinstance(called, ast.Name) and called.id in ("open", "print", "input"):
        yield f"a core calls {called.id}()"
    if (
        isinstance(called, ast.Attribute)
        and called.attr in IMPURE_CALLS
        and isinstance(called.value, ast.Name | ast.Attribute)
        and ast.unparse(called.value).split(".")[-1] in ("datetime", "date")
    ):
        yield f"a core asks {ast.unparse(called)}()"


def owners(modules: tuple[Module, ...], root: Path) -> Iterator[str]:
    """Find third-party imports outside their owners, and packages that nobody declared."""
    for module in of_rooms(modules):
        for package in {name.split(".")[0] for name in imports(module)}:
            if package in sys.stdlib_module_names or package in (*ROOMS, "tests", ""):
                continue
            if not any(fnmatch(module.path, owner) for owner in OWNERS.get(package, ())):
                yield f"{module.path}: imports {package}, which it does not own"
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    project = declared["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    names = {line.split(">")[0].split("[")[0] for line in lines}
    owned = {DISTRIBUTIONS.get(package, package) for package in OWNERS}
    yield from (f"pyproject.toml: {name} has no owner" for name in sorted(names - owned))
    yield from (f"pyproject.toml: {name} is not declared" for name in sorted(owned - names))


def sizes(modules: tuple[Module, ...], _: Path) -> Iterator[str]:
    """Find files that hold more than one concept can need."""
    for module in modules:
        lines = module.text.count("\n")
        if lines > MAX_LINES:
            yield f"{module.path}: {lines} lines"


def names(modules: tuple[Module, ...], _: Path) -> Iterator[str]:
    """Find modules and packages whose name says nothing."""
    for module in modules:
        parts = {part.removesuffix(".py") for part in module.path.split("/")}
        if parts & FORBIDDEN_NAMES:
            yield f"{module.path}: a name that says nothing"


def docstrings(modules: tuple[Module, ...], _: Path) -> Iterator[str]:
    """Find modules of rooms that do not open with their rules."""
    for module in of_rooms(modules):
        if not ast.get_docstring(module.tree):
            yield f"{module.path}: no docstring"


def mirrors(modules: tuple[Module, ...], root: Path) -> Iterator[str]:
    """Find test modules that do not stand where their subject stands."""
    for module in modules:
        parts = module.path.split("/")
        if parts[0] != "tests" or parts[1] not in ROOMS or not parts[-1].startswith("test_"):
            continue
        subject = root.joinpath(*parts[1:-1], parts[-1].removeprefix("test_"))
        exists = subject.is_file() or subject.with_suffix("").is_dir()
        if not exists and module.path not in ELSEWHERE:
            yield f"{module.path}: tests no module of that name"


RULES: Final[tuple[Rule, ...]] = (
    arrows,
    pure_cores,
    owners,
    sizes,
    names,
    docstrings,
    mirrors,
)


@pytest.fixture(scope="module")
def house() -> tuple[Module, ...]:
    """Return every module of the repository, parsed once."""
    return read(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Rule, house: tuple[Module, ...]) -> None:
    """No violation anywhere."""
    found = "\n".join(rule(house, ROOT))
    assert found == ""


PLANTED: Final[tuple[tuple[Rule, str, str], ...]] = (
    (arrows, "verifier/contract/a.py", "from verifier.engine import assess"),
    (arrows, "verifier/trust/a.py", "from verifier.barcode.scan import scan"),
    (arrows, "verifier/a.py", "import verifier.service.worker"),
    (arrows, "verifier/a.py", "from fleet.contract import topics"),
    (arrows, "verifier/service/a.py", "def f():\n    import fleet.registry"),
    (arrows, "fleet/contract/a.py", "from verifier.contract import grant"),
    (arrows, "fleet/a.py", "from fleet.service import desk"),
    (arrows, "fleet/service/a.py", "from verifier import engine"),
    (arrows, "fleet/console/a.py", "from verifier.trust.keys import load_spki"),
    (arrows, "firmware_stubs/a.py", "from verifier.barcode import scan"),
    (arrows, "firmware_stubs/a.py", "from firmware_stubs.edge import lens"),
    (arrows, "firmware_stubs/edge/a.py", "from verifier.service import worker"),
    (arrows, "firmware_stubs/edge/a.py", "from fleet import registry"),
    (arrows, "verifier/a.py", "from . import engine"),
    (arrows, "verifier/a.py", "from tests.support import city"),
    (arrows, "fleet/a.py", "import importlib"),
    (pure_cores, "verifier/a.py", "import time"),
    (pure_cores, "verifier/codes/a.py", "from os import environ"),
    (pure_cores, "verifier/barcode/a.py", "import logging"),
    (pure_cores, "fleet/a.py", "import asyncio"),
    (pure_cores, "fleet/contract/a.py", "import socket"),
    (pure_cores, "firmware_stubs/a.py", "import sqlite3"),
    (pure_cores, "fleet/a.py", "async def f():\n    pass"),
    (pure_cores, "verifier/a.py", "from datetime import datetime, UTC\nx = datetime.now(UTC)"),
    (pure_cores, "verifier/a.py", "import datetime\nx = datetime.date.today()"),
    (pure_cores, "verifier/a.py", "x = open('a')"),
    (owners, "verifier/a.py", "import cbor2"),
    (owners, "fleet/service/a.py", "from cryptography import x509"),
    (owners, "deploy/local/a.py", "import requests"),
    (sizes, "verifier/a.py", "x = 1\n" * (MAX_LINES + 1)),
    (sizes, "tests/verifier/test_a.py", "x = 1\n" * (MAX_LINES + 1)),
    (names, "fleet/utils.py", ""),
    (names, "fleet/common/a.py", ""),
    (names, "tests/support/helpers.py", ""),
    (docstrings, "fleet/a.py", "x = 1"),
    (mirrors, "tests/verifier/trust/test_absent.py", ""),
)


@pytest.mark.parametrize("number", range(len(PLANTED)))
def test_a_planted_violation_is_caught(number: int, tmp_path: Path) -> None:
    """In a tree of its own, which is clean but for the one file."""
    rule, name, text = PLANTED[number]
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert not list(rule(read(tmp_path), tmp_path))
    planted = tmp_path / name
    planted.parent.mkdir(parents=True)
    planted.write_text(text, encoding="utf-8")
    found = list(rule(read(tmp_path), tmp_path))
    assert found
    assert all(line.startswith(name) for line in found)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("verifier/a.py", "from verifier.contract import grant"),
        ("verifier/service/a.py", "import asyncio\nfrom verifier import engine"),
        ("fleet/service/a.py", "from verifier.contract import grant"),
        ("firmware_stubs/a.py", "from verifier.engine import assess"),
        ("firmware_stubs/edge/a.py", "from verifier.barcode import scan"),
        ("deploy/a.py", "from fleet import registry\nfrom verifier.service import worker"),
        ("verifier/a.py", "from datetime import datetime\nx = datetime.fromisoformat('')"),
    ],
)
def test_what_is_allowed_is_not_caught(name: str, text: str, tmp_path: Path) -> None:
    """The arrows that there are."""
    planted = tmp_path / name
    planted.parent.mkdir(parents=True)
    planted.write_text(text, encoding="utf-8")
    for rule in (arrows, pure_cores):
        assert not list(rule(read(tmp_path), tmp_path))


def test_every_region_has_its_line() -> None:
    """A new region without arrows would be free to import anything."""
    assert set(ARROWS) == set(REGIONS.values())
