"""`kapok scans` as its user calls it wrongly: what is said, before any house is asked."""

import pytest

from tests.support.command_line import kapok


@pytest.mark.parametrize("before", ["1960-01-01", "1969-12-31T23:59:59Z"])
def test_a_moment_before_any_scan(before: str) -> None:
    """It is named as such; the door's word for a wrong field is nobody's help."""
    done = kapok("scans", "--terminal", "hall-1", "--before", before)
    assert (done.code, "no scan is that old" in done.err) == (2, True), done
