"""Settings of the property tests, and the count of public vectors at the end of a run.

The same examples every time, on every machine, no database. What collecting makes stays to the end
of the run, so the garbage collector need not look at it again and again: that was a third of the
time of collecting, and more of that of tests that parse the whole repository.
"""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from tests.support.public_vectors import summary

LAST = "test_every_file.py"

gc.disable()  # until everything is collected


def pytest_collection_finish() -> None:
    """Leave out of every later look for garbage what is there now."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let what the run has made end with it: native packages count what is left."""
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask last which public files no test has read."""
    items.sort(key=lambda item: item.path.name == LAST)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say for each public suite that ran how many expectations agree, and each exception."""
    lines = list(summary())
    if lines:
        terminalreporter.section("public vectors")
    for line in lines:
        terminalreporter.write_line(line)


settings.register_profile(
    "same-every-time",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "search", settings.get_profile("same-every-time"), derandomize=False, max_examples=5_000
)
settings.load_profile(os.environ.get("KAPOK_HYPOTHESIS", "same-every-time"))
