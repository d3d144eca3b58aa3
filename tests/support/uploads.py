"""Uploads for tests, and the record lines where what happened can be read."""

import time
from collections.abc import Iterator
from typing import Any

from tests.support.centre import ADMIN_KEY, Centre, new_scan_id


def upload(house: Centre, *records: dict[str, Any]) -> list[dict[str, Any]]:
    """Upload records; returns their results."""
    answer = house.ask("POST", "/v1/scans/upload", {"records": list(records)})
    assert answer.status == 200
    results: list[dict[str, Any]] = answer.body["results"]
    return results


def decided(text: str, decision: str = "pass", **changes: Any) -> dict[str, Any]:
    """Return the record of a scan that the terminal has decided just now."""
    record = {
        "scan_id": new_scan_id(),
        "text": text,
        "at": time.time(),
        "decision": decision,
        "milliseconds": 7.5,
    }
    return record | changes


def lines_of(house: Centre, scan_id: str) -> list[dict[str, Any]]:
    """Return the record lines of a scan, oldest first."""
    return [line for line in newest_lines(house) if line["scan_id"] == scan_id]


def newest_lines(house: Centre) -> Iterator[dict[str, Any]]:
    """Yield the record lines of the last minute, oldest first."""
    cursor = str(int(time.time() * 1000) - 60_000)
    while True:
        page = house.ask("GET", f"/v1/records?after={cursor}&limit=100", key=ADMIN_KEY).body
        if not page["records"]:
            return
        yield from page["records"]
        cursor = page["cursor"]
