"""The rules of the house as tables: arrows, owners, pure cores, sizes, names.

`tests/support/house_rules.py` walks them. Each rule is also shown a planted violation in a tree of
its own, so that a rule that has gone blind fails too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.support.house_rules import (
    Module,
    Plan,
    Rule,
    arrows,
    class_names,
    docstrings,
    gerunds,
    mirrors,
    named_files,
    names,
    owners,
    prose_lines,
    pure_cores,
    read,
    sizes,
)
from tests.support.planted_violations import PLANTED

ROOT: Final = Path(__file__).resolve().parents[1]
ROOMS: Final = ("runtime", "verifier", "fleet", "firmware_stubs", "deploy")
MAX_LINES: Final = 400
"""Lines of a file; it holds one concept."""

# Region: the longest pattern that matches a module's path. A later line wins over an earlier one.
REGIONS: Final[Mapping[str, str]] = {
    "runtime/*": "runtime",
    "runtime/json_depth*": "json depth",
    "verifier/*": "verifier core",
    "verifier/contract/*": "verifier contract",
    "verifier/encoding/*": "verifier encoding",
    "verifier/codes/*": "verifier codes",
    "verifier/trust/*": "verifier trust",
    "verifier/steps/*": "verifier steps",
    "verifier/engine*": "verifier engine",
    "verifier/conform/*": "verifier engine",
    "verifier/barcode/*": "verifier barcode",
    "verifier/service/*": "verifier service",
    "verifier/service/process/*": "verifier process",
    "verifier/service/store/*": "verifier store",
    "verifier/service/http/*": "verifier http",
    "verifier/service/worker/*": "verifier worker",
    "verifier/service/issuing/*": "verifier issuing",
    "verifier/service/feeds/*": "verifier feeds",
    "verifier/service/archive/*": "verifier archive",
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
_READING: Final = frozenset(
    {"json depth", "verifier contract", "verifier encoding", "verifier trust", "verifier core"}
)
"""What codes are read by: keys and values, before any step judges."""
_CORE: Final = _READING | {"verifier codes", "verifier steps", "verifier engine"}
_TERMINAL: Final = _CONTRACTS | _CORE | {"terminal core"}
_JUDGING: Final = _CORE | {"runtime"}
_SHARED: Final = _JUDGING | {"verifier process", "verifier store", "verifier http"}
"""What each process of the verifier may import; no process imports another."""
ARROWS: Final[Mapping[str, frozenset[str]]] = {
    "json depth": frozenset(),
    "runtime": frozenset({"json depth"}),
    "verifier contract": frozenset(),
    "fleet contract": frozenset({"json depth"}),
    "verifier encoding": frozenset({"verifier contract"}),
    "verifier trust": _READING,
    "verifier codes": _READING,
    "verifier core": _READING | {"verifier codes", "verifier steps"},
    "verifier steps": _READING | {"verifier codes"},
    "verifier engine": _CORE,
    "verifier barcode": _CORE,
    "verifier process": _JUDGING,
    "verifier store": _JUDGING,
    "verifier http": _JUDGING,
    "verifier worker": _SHARED | {"verifier barcode"},
    "verifier issuing": _SHARED | {"verifier barcode"},
    "verifier feeds": _SHARED,
    "verifier archive": _SHARED,
    "verifier service": _SHARED
    | {"verifier worker", "verifier issuing", "verifier feeds", "verifier archive"},
    "fleet core": _CONTRACTS,
    "fleet service": _CONTRACTS | {"runtime", "fleet core"},
    "fleet console": _CONTRACTS | {"runtime", "fleet core"},
    "terminal core": _CONTRACTS | _CORE,
    "terminal edge": _TERMINAL | {"runtime", "verifier barcode"},
    "terminal swarm": _TERMINAL | {"verifier barcode"},
    "deploy": frozenset(REGIONS.values()),
}
"""Which other regions a region may import; its own always."""

CORES: Final = _TERMINAL | {"verifier barcode", "fleet core"}
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
        "runtime/http/*",
        "verifier/service/http/*",
        "verifier/service/worker/doors/*",
        "verifier/service/worker/follow/grants.py",
        "verifier/service/archive/subjects.py",
        "verifier/service/issuing/*",
        "verifier/service/feeds/*",
        "fleet/service/http/*",
        "fleet/service/news.py",
        "firmware_stubs/edge/centre.py",
        "firmware_stubs/edge/door.py",
        "deploy/local/doors.py",
        "deploy/local/watch.py",
        "deploy/local/ready.py",
        "deploy/status/answers.py",
        "deploy/local/up.py",
    ),
    "cbor2": ("verifier/contract/cbor.py", "verifier/codes/hcert.py"),
    "cryptography": (
        "verifier/issuing/signing_key.py",
        "verifier/trust/*",
        "fleet/identity.py",
        "fleet/service/grants.py",
    ),
    "hiredis": ("verifier/service/store/*",),
    "msgspec": ("*",),
    "multidict": ("runtime/http/bodies.py",),
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
        "verifier/barcode/decoded.py",
        "verifier/barcode/render.py",
        "verifier/barcode/scan.py",
        "firmware_stubs/edge/scene.py",
    ),
    "prometheus_client": ("*/metrics.py",),
    "psutil": ("deploy/local/ports.py",),
    "pyarrow": ("verifier/archive/columns.py",),
    "pyzbar": ("verifier/barcode/zbar.py",),
    "qrcode": ("verifier/barcode/render.py",),
    "redis": (
        "runtime/store.py",
        "runtime/functions.py",
        "verifier/service/*",
        "fleet/service/*",
        "deploy/city/loader.py",
        "deploy/local/ready.py",
        "deploy/local/store_export.py",
        "deploy/status/answers.py",
    ),
    "rich": (
        "deploy/cli/*",
        "deploy/demo/sheet.py",
        "deploy/documents/screen.py",
        "deploy/local/up.py",
        "deploy/local/view.py",
    ),
    "structlog": ("runtime/logs.py", "*/service/*", "firmware_stubs/edge/*"),
    "typer": ("deploy/cli/*",),
    "tzdata": ("verifier/policy/zones.py",),
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
GERUNDS: Final = frozenset(
    {
        "issuing",  # the field's word for the process that signs credentials
        "encoding",  # a noun: the form in which bytes are written as text
    }
)
GENERATED_PAGES: Final = ("docs/openapi-*.md", "docs/reasons.md", "docs/fleet-topics.md")
"""Written by `.ci/generated`."""
MAX_PROSE_CHARS: Final = 160
"""A longer line does not fit beside anything on a screen."""


PLAN: Final = Plan(
    rooms=ROOMS,
    regions=REGIONS,
    arrows=ARROWS,
    cores=CORES,
    impure=IMPURE,
    impure_calls=IMPURE_CALLS,
    programs=PROGRAMS,
    owners=OWNERS,
    distributions=DISTRIBUTIONS,
    max_lines=MAX_LINES,
    forbidden_names=FORBIDDEN_NAMES,
    elsewhere=ELSEWHERE,
    gerunds=GERUNDS,
    generated_pages=GENERATED_PAGES,
    max_prose_chars=MAX_PROSE_CHARS,
)

RULES: Final[tuple[Rule, ...]] = (
    arrows,
    pure_cores,
    owners,
    sizes,
    names,
    docstrings,
    mirrors,
    class_names,
    gerunds,
    prose_lines,
    named_files,
)


@pytest.fixture(scope="module")
def house() -> tuple[Module, ...]:
    """Return every module of the repository, parsed once."""
    return read(ROOT, PLAN)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Rule, house: tuple[Module, ...]) -> None:
    """No violation anywhere."""
    found = "\n".join(rule(house, ROOT, PLAN))
    assert found == ""


@pytest.mark.parametrize("number", range(len(PLANTED)))
def test_a_planted_violation_is_caught(number: int, tmp_path: Path) -> None:
    """In a tree of its own, which is clean but for the one file."""
    rule, name, text = PLANTED[number]
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert not list(rule(read(tmp_path, PLAN), tmp_path, PLAN))
    planted = tmp_path / name
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text, encoding="utf-8")
    found = list(rule(read(tmp_path, PLAN), tmp_path, PLAN))
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
        assert not list(rule(read(tmp_path, PLAN), tmp_path, PLAN))


@pytest.mark.parametrize(
    ("rule", "name", "text"),
    [
        (class_names, "verifier/a.py", "class _One:\n    pass\nclass _One:\n    pass"),
        (class_names, "tests/a.py", "class One:\n    pass\nclass One:\n    pass"),
        (gerunds, "verifier/issuing/parser.py", ""),
        (gerunds, "verifier/feeds/part_encoding.py", ""),
        (prose_lines, "docs/a.md", f"| {'word ' * 40} |\n```\n{'word ' * 40}\n```\n"),
        (prose_lines, "docs/a.md", f"To do:\n\n    {'word ' * 40}\n    {'word ' * 40}\n"),
        (prose_lines, "docs/a.md", f"- {'[page](page.md), ' * 12}\n"),
        (prose_lines, "docs/openapi-a.md", "word " * 40),
        (named_files, "docs/a.md", "The use `kapok/1/bundle`; see `docs/a.md` and `docs/*.md`."),
    ],
)
def test_what_is_exempt_is_not_caught(rule: Rule, name: str, text: str, tmp_path: Path) -> None:
    """Private and test classes, words of the field, tables, code, links, generated pages."""
    planted = tmp_path / name
    planted.parent.mkdir(parents=True)
    planted.write_text(text, encoding="utf-8")
    assert not list(rule(read(tmp_path, PLAN), tmp_path, PLAN))


def test_one_class_name_in_two_rooms_is_caught(tmp_path: Path) -> None:
    """The second is named, with where the first one is."""
    for name in ("fleet/a.py", "verifier/a.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("class One:\n    pass\n", encoding="utf-8")
    found = list(class_names(read(tmp_path, PLAN), tmp_path, PLAN))
    assert found == ["fleet/a.py:1: One is also in verifier/a.py"]


def test_every_region_has_its_line() -> None:
    """A new region without arrows would be free to import anything."""
    assert set(ARROWS) == set(REGIONS.values())
