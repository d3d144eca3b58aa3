"""Asking for a batch of credentials as the command does, and reading the answer's lines."""

import http.client
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tests.support.verifier_process import ADMIN_KEY
from verifier.contract.bulk import BulkEnd, BulkIssued, BulkRefused

JOB = "00000000000000b1"


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What came back, whole."""

    status: int
    body: bytes

    @property
    def rows(self) -> list[Any]:
        """Return the lines, the last one too."""
        return [msgspec.json.decode(line) for line in self.body.splitlines()]

    @property
    def issued(self) -> list[BulkIssued]:
        """Return what was issued; the answer must be whole."""
        self.end()
        rows = [row for row in self.rows[:-1] if "code" not in row]
        return msgspec.convert(rows, list[BulkIssued])

    @property
    def refused(self) -> list[BulkRefused]:
        """Return what was refused; the answer must be whole."""
        self.end()
        rows = [row for row in self.rows[:-1] if "code" in row]
        return msgspec.convert(rows, list[BulkRefused])

    def end(self) -> BulkEnd:
        """Return the last line."""
        assert self.status == 200, self.body
        return msgspec.convert(self.rows[-1], BulkEnd)

    @property
    def code(self) -> str:
        """Return the code of a problem."""
        return str(msgspec.json.decode(self.body)["code"])


def paper(line: int, reference: str, **changes: Any) -> dict[str, Any]:
    """Ask for a paper code."""
    return {"line": line, "kind": "paper", "reference": reference, "hours": 24} | changes


def body_of(lines: Sequence[dict[str, Any]]) -> bytes:
    """Write lines as a body."""
    return b"\n".join((*map(msgspec.json.encode, lines), b""))


def open_batch(
    port: int, body: bytes, *, job: str = JOB, batch: int | str = 0, key: str | None = ADMIN_KEY,
    content_type: str = "application/x-ndjson",
) -> http.client.HTTPConnection:  # fmt: skip
    """Send a batch; the answer is the caller's to read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": content_type}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    path = f"/v1/credentials/bulk?job={job}&batch={batch}"
    connection.request("POST", path, body=body, headers=headers)
    return connection


def send_batch(port: int, lines: Sequence[dict[str, Any]] | bytes, **given: Any) -> BatchAnswer:
    """Send a batch and read the answer."""
    body = lines if isinstance(lines, bytes) else body_of(lines)
    connection = open_batch(port, body, **given)
    try:
        answer = connection.getresponse()
        return BatchAnswer(answer.status, answer.read())
    finally:
        connection.close()
