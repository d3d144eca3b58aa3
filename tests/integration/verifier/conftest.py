"""One running centre with one worker for the tests that leave it as it was."""

from collections.abc import Iterator

import pytest

from tests.support.centre import ONCE, Centre, centre

HALL = dict(ONCE) | {"place": "hall-1", "stance": "open"}


@pytest.fixture(scope="package")
def house() -> Iterator[Centre]:
    """Yield a centre whose worker is ready; each test takes persons of its own."""
    with centre((ONCE, HALL)) as it:
        it.worker()
        yield it
