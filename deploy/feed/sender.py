"""Sending a file as a batch, and asking how sources stand; over the doors of a running house."""

import asyncio
import base64
import gzip
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.feed.files import Described, describe, part_of
from deploy.feed.ledger import Ledger, LedgerEntry
from deploy.local.doors import Answer, Doors
from deploy.local.errors import LocalError, UsageError
from deploy.local.sources import sender_key
from verifier.contract.errors import MalformedError
from verifier.contract.feed import BatchForm, BatchManifest, seal_manifest
from verifier.contract.vocabulary import Plane
from verifier.issuing import signing_key
from verifier.issuing.signing_key import SigningKey

POLL_S: Final = 0.2
"""Between two questions whether a large batch is applied."""
COLUMNS: Final = ("source", "state", "fresh", "age", "batches", "breaker", "refused", "needed by")
_TYPES: Final = {BatchForm.NDJSON: "application/x-ndjson", BatchForm.CSV: "text/csv"}
_RECEIVING, _APPLYING = "receiving", "applying"


async def source_rows(doors: Doors) -> list[tuple[str, ...]]:
    """Return a row for each source, as COLUMNS says."""
    found = await doors.feeds("/v1/feeds")
    return [_row(source) for source in found["sources"]]


def _row(source: Mapping[str, Any]) -> tuple[str, ...]:
    refused = ", ".join(f"{cause} {count}" for cause, count in source["refused"].items())
    age = source["age"]
    return (
        str(source["source"]),
        str(source["state"]),
        str(source["freshness"]),
        "-" if age is None else f"{age} s of {source['stale_after']} s",
        str(source["sequence"]),
        str(source["breaker"]),
        refused or "-",
        ", ".join(source["required"]) or "-",
    )


async def send_file(doors: Doors, data: Path, source: str, path: Path | None) -> Answer:
    """Sign and send a file as the source's next batch, None an empty one; return its report.

    An interrupted sending goes on where it was when the same file is sent again.

    Raises:
        LocalError: the batch was refused, or a door does not answer.
        UsageError: there is no such file or key.
    """
    key = _key(data, source)
    described = await asyncio.to_thread(describe, path) if path is not None else _nothing()
    state = await doors.feeds(f"/v1/feeds/{source}")
    ledger = Ledger(data, source)
    sequence, digest = int(state["next"]), described.digest.hex()
    entry, begun = ledger.pending(digest, sequence), Answer()
    if entry is not None:
        where = f"/v1/feeds/{source}/batches/{entry.batch}"
        status, begun = await doors.feed_part("GET", where, {}, None)
        begun = begun if status < 300 else {}  # refused before, or never arrived: begun anew
    if entry is None or not begun:
        entry = LedgerEntry(
            sequence=sequence,
            batch=secrets.token_hex(16),
            digest=digest,
            counts=described.counts,
        )
        ledger.note(entry)
    manifest = _manifest(source, state, entry, described)
    report = await _send(doors, manifest, begun, path, key)
    while report["state"] == _APPLYING:
        await asyncio.sleep(POLL_S)
        report = await doors.feeds(f"/v1/feeds/{source}/batches/{entry.batch}")
    ledger.note(msgspec.structs.replace(entry, applied=True))
    return report


async def reconcile(doors: Doors, data: Path, source: str) -> Answer:
    """Compare the sender's own log with what the house holds."""
    asked = msgspec.to_builtins(Ledger(data, source).asked())
    return await doors.feeds(f"/v1/feeds/{source}/reconcile", asked)


async def _send(
    doors: Doors, manifest: BatchManifest, begun: Answer, path: Path | None, key: SigningKey
) -> Answer:
    """Send what the house does not have yet; `begun` is what it says of the batch so far."""
    base = f"/v1/feeds/{manifest.source}/batches"
    headers = {"Content-Type": _TYPES[manifest.form], "Content-Encoding": "gzip"}
    report = begun
    if not begun:
        sealed = seal_manifest(manifest, kid=key.kid, algorithm=key.algorithm, sign=key.sign)
        text = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
        first = b"" if path is None else part_of(path, 0)
        report = await _part(doors, "POST", base, headers | {"Kapok-Manifest": text}, first)
    while report["state"] == _RECEIVING and path is not None:
        # From where the house stands: after the last whole line of the part before.
        offset = int(report.get("octets", 0))
        more = headers | {"Upload-Offset": str(offset)}
        part = part_of(path, offset)
        report = await _part(doors, "PATCH", f"{base}/{manifest.batch.hex()}", more, part)
    return report


async def _part(
    doors: Doors, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    status, found = await doors.feed_part(method, path, headers, gzip.compress(body, 6))
    if status >= 300:
        raise LocalError(_refusal(found))
    return found


def _refusal(found: Mapping[str, Any]) -> str:
    """Say why a batch was not taken, with its first wrong lines."""
    told = ", ".join(
        f"{name} {found[name]}" for name in ("expected", "yours", "ours") if name in found
    )
    wrong = "; ".join(f"line {n}: {field} {fault}" for n, field, fault in _wrong(found))
    code = found.get("code") or found.get("cause")
    return f"the batch was refused: {code}" + "".join(f" ({it})" for it in (told, wrong) if it)


def _wrong(found: Mapping[str, Any]) -> list[Any]:
    return list(found.get("wrong_lines", ()))[:5]


def _manifest(
    source: str, state: Answer, entry: LedgerEntry, described: Described
) -> BatchManifest:
    return BatchManifest(
        type="feed",
        source=source,
        batch=bytes.fromhex(entry.batch),
        sequence=entry.sequence,
        iat=int(time.time()),
        list=int(state["list"]),
        # A batch without lines names a plane too: one that the source may feed.
        planes=described.planes or (Plane(state["planes"][0]),),
        form=described.form,
        lines=described.lines,
        octets=described.octets,
        digest=described.digest,
    )


def _nothing() -> Described:
    """Describe the empty batch: nothing has changed up to now."""
    return msgspec.convert(
        {
            "form": "ndjson",
            "lines": 0,
            "octets": 0,
            "digest": bytes(32),
            "planes": (),
            "counts": {},
        },
        Described,
    )


def _key(data: Path, source: str) -> SigningKey:
    path = sender_key(data, source)
    try:
        return signing_key.load(path.read_bytes())
    except OSError as error:
        raise UsageError(f"no key of source {source}: {path}: {error.strerror}") from error
    except MalformedError as error:
        raise UsageError(f"{path} is not a private key") from error
