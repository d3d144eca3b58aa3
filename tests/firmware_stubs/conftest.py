"""A storage of each kind, for what every storage must do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_stubs.edge.disk.storage import open_storage
from firmware_stubs.storage import Storage
from tests.support.publisher import NOW
from tests.support.terminal_storage import Make, memory_storage, storage_settings


@pytest.fixture(params=["sqlite", "memory"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return how one kind of storage is opened."""
    opened: list[Storage] = []

    def open_one(entries: int) -> Storage:
        storage: Storage
        if request.param == "memory":
            storage = memory_storage(entries=entries)
        else:
            folder = tmp_path / str(len(opened))
            folder.mkdir()
            storage = open_storage(storage_settings(folder, entries=entries), wall=NOW)
        opened.append(storage)
        return storage

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def storage(make: Make) -> Storage:
    """Open one with room."""
    return make(1000)
