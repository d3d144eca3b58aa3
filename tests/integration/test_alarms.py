"""What a house counts: names as Prometheus wants them, families of each process, its alarms."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.alarms import RULES, alarms, ringing, scraped
from tests.support.archive_process import archive_house
from tests.support.doors import running_doors
from tests.support.metric_names import faults
from tests.support.verifier_process import ask, eventually

DOOR: Final = {
    *("verifier_problems", "verifier_shed", "verifier_connections_refused"),
    *("process_open_fds", "process_max_fds"),
}
FAMILIES: Final = {
    "issuing": DOOR,
    "feeds": DOOR | {"verifier_corrections", "verifier_exported_records"},
    "archive": DOOR,
}
"""Families of a process beside those that have its name."""
OWN: Final = {"issuing": (), "feeds": ("verifier_feed_",), "archive": ("verifier_archive_",)}


@pytest.fixture(scope="module")
def house() -> Iterator[dict[str, str]]:
    """Run every process; yields what each counts when all is well."""
    with ExitStack() as stack:
        ports = {name: door.port for name, door in stack.enter_context(running_doors()).items()}
        archive = stack.enter_context(archive_house())
        archive.process.start()
        ports["archive"] = archive.process.port
        eventually("all shards are served", lambda: "fleet_shards 16.0" in text(ports["fleet"]))
        eventually("every hour is moved", lambda: waiting(ports["archive"]) == 0)
        yield {name: text(port) for name, port in ports.items()}


def waiting(port: int) -> int | None:
    """Return how many hours the archive has not moved yet."""
    found: int | None = ask(port, "GET", "/readyz", key=None).body["known"].get("waiting_hours")
    return found


def text(port: int) -> str:
    """Return what a process counts."""
    return ask(port, "GET", "/metrics", key=None).body.decode()


@pytest.mark.parametrize("name", ["worker", "issuing", "feeds", "archive", "fleet"])
def test_names_are_as_prometheus_wants_them(house: dict[str, str], name: str) -> None:
    """Base units, types, help."""
    assert sorted(faults(house[name])) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_a_process_shows_the_families_that_it_has(house: dict[str, str], name: str) -> None:
    """One that stores no scans does not say that none are stored."""
    families = {family.name for family in text_string_to_metric_families(house[name])}
    assert {n for n in families - FAMILIES[name] if not n.startswith(OWN[name])} == set()
    assert FAMILIES[name] <= families


def test_no_alarm_rings_in_a_healthy_house(house: dict[str, str]) -> None:
    """Each has something to look at there."""
    scrape = scraped(house)
    assert ringing(scrape, scrape) == set()


def test_prometheus_takes_rules_and_metrics(house: dict[str, str]) -> None:
    """By its own tool, where a machine has it."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on this machine")
    checked = subprocess.run(
        (promtool, "check", "rules", str(RULES)), check=True, capture_output=True, text=True
    )
    assert f"{len(alarms())} rules found" in checked.stdout
    for metrics in house.values():
        found = subprocess.run(
            (promtool, "check", "metrics"),
            check=False,
            input=metrics,
            capture_output=True,
            text=True,
        )
        assert (found.returncode, found.stdout + found.stderr) == (0, "")
