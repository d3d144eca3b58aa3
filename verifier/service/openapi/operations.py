"""Every request that a scan worker answers: who may ask it, with what, and what can come back.

One row a method and path; a test holds the rows against the routes. Problem codes stand here once,
by group, and docs/http-verifier.md says what to do about each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from runtime.http.health import Readiness
from verifier.contract.amendment import AnnulAnswer, ResolveAnswer, ResolveRequest
from verifier.contract.bundle import BundleIndex
from verifier.contract.record import RecordPage
from verifier.contract.scan import (
    BatchAnswer,
    BatchRequest,
    ManualRequest,
    ScanRequest,
    TerminalAnswer,
    UploadAnswer,
    UploadRequest,
)
from verifier.contract.vocabulary import ApiScope

Codes = Mapping[int, tuple[str, ...]]
JSON: Final = "application/json"


class Alive(StrEnum):
    """What /healthz says."""

    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value outside the body."""

    name: str
    place: str
    """path, query or header."""
    schema: Mapping[str, Any]
    says: str
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request."""

    method: str
    path: str
    name: str
    says: str
    scope: ApiScope | None
    """None: nobody is asked who they are."""
    terminals: bool
    """Whether terminals may ask it, by their certificate."""
    keys: bool = True
    """Whether API keys may."""
    operators: bool = False
    """Whether operators may, by their tokens."""
    body: Any = None
    bodies: tuple[str, ...] = (JSON,)
    """Content types of the body."""
    answer: Any = None
    answers: tuple[str, ...] = (JSON,)
    statuses: Mapping[int, str] = field(default_factory=lambda: {200: "The answer."})
    """Answers that are no problems."""
    problems: Codes = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()


def merged(*groups: Codes) -> Codes:
    """Join groups of codes by status."""
    found: dict[int, tuple[str, ...]] = {}
    for group in groups:
        for status, codes in group.items():
            found[status] = tuple(dict.fromkeys((*found.get(status, ()), *codes)))
    return dict(sorted(found.items()))


ALWAYS: Final[Codes] = {400: ("request.malformed",), 500: ("internal",)}
KEY: Final[Codes] = {
    401: ("key.unknown", "token.bad", "token.expired", "token.early", "token.stale"),
    403: ("scope.missing", "certificate.unusable"),
}
STARTING: Final[Codes] = {503: ("system.starting",)}
GRANT: Final[Codes] = {
    403: (
        *("terminal.none", "grant.none", "grant.suspended", "grant.revoked"),
        *("grant.fingerprint", "grant.scope"),
    ),
}
BODY: Final[Codes] = {
    408: ("body.slow",),
    413: ("body.large",),
    415: ("body.type", "body.encoding"),
}
AREA: Final[Codes] = {403: ("operator.area",)}
AUDIT: Final[Codes] = {503: ("audit.unavailable",)}
FIELDS: Final[Codes] = {400: ("body.json", "body.field")}
BUSY: Final[Codes] = {503: ("system.busy",)}
STORE: Final[Codes] = {503: ("store.unavailable",)}
OWN: Final[Codes] = {400: ("body.field",), 409: ("scan.conflict",)}
PLACE: Final[Codes] = {403: ("grant.place",)}
_GATE: Final = merged(ALWAYS, KEY, STARTING, GRANT)
_SCAN: Final = merged(_GATE, BODY, BUSY)

_SCAN_ID: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
}
OF_SCAN: Final = Parameter(
    name="scan_id", place="path", schema=_SCAN_ID, says="The scan that is meant."
)

_CONDITIONS: Final = tuple(
    Parameter(name=name, place="header", schema={"type": "string"}, says=says, required=False)
    for name, says in (
        ("If-None-Match", "ETags of what the caller has."),
        ("Accept-Encoding", "gzip, if the caller unpacks it."),
        ("Range", "One range of octets, of the representation that If-Range names."),
        ("If-Range", "ETag of the representation of which the caller has a part."),
    )
)
_OF_BUNDLE: Final = Parameter(
    name="name",
    place="path",
    schema={"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,96}$"},
    says="As the list names it.",
)
_STANDS: Final = "What If-None-Match names stands."
_BUNDLE: Final = merged(ALWAYS, KEY, GRANT, {404: ("bundle.unknown", "path.unknown")})

OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/v1/scans",
        name="scan",
        says="Judge one code at the caller's gate.",
        scope=ApiScope.SCAN,
        terminals=True,
        body=ScanRequest,
        answer=TerminalAnswer,
        problems=merged(_SCAN, FIELDS, OWN, PLACE),
    ),
    Operation(
        method="POST",
        path="/v1/scans/batch",
        name="scanBatch",
        says="Judge up to 1,000 codes, each as if it came alone; answers in order.",
        scope=ApiScope.SCAN,
        terminals=True,
        body=BatchRequest,
        answer=BatchAnswer,
        problems=merged(_SCAN, FIELDS),
    ),
    Operation(
        method="GET",
        path="/v1/scans/stream",
        name="scanStream",
        says="A WebSocket: a text frame a scan line, answered in order.",
        scope=ApiScope.SCAN,
        terminals=True,
        statuses={101: "The stream is open."},
        problems=merged(_GATE, BUSY, {426: ("upgrade.missing",)}),
    ),
    Operation(
        method="POST",
        path="/v1/scans/image",
        name="scanImage",
        says="Judge the one code in a picture.",
        scope=ApiScope.SCAN,
        terminals=True,
        body=bytes,
        bodies=("image/png", "image/jpeg"),
        answer=TerminalAnswer,
        parameters=(
            Parameter(
                name="Kapok-Scan-Id", place="header", schema=_SCAN_ID, says="The caller's scan_id."
            ),
        ),
        problems=merged(
            _SCAN,
            OWN,
            {400: ("picture.truncated", "picture.unsupported", "picture.too_many_pixels")},
        ),
    ),
    Operation(
        method="POST",
        path="/v1/scans/manual",
        name="admitVisitor",
        says="Count and record a visitor whom staff admits without a code.",
        scope=ApiScope.SCAN,
        terminals=True,
        operators=True,
        body=ManualRequest,
        answer=TerminalAnswer,
        problems=merged(_SCAN, FIELDS, OWN, PLACE, AREA, AUDIT, {404: ("terminal.unknown",)}),
    ),
    Operation(
        method="POST",
        path="/v1/scans/upload",
        name="uploadScans",
        says="Take in scans that a terminal has decided itself.",
        scope=ApiScope.SCAN,
        terminals=True,
        body=UploadRequest,
        answer=UploadAnswer,
        problems=merged(_SCAN, FIELDS),
    ),
    Operation(
        method="POST",
        path="/v1/scans/{scan_id}/annul",
        name="annulScan",
        says="Give back what the caller's own scan claimed: the turnstile did not turn.",
        scope=ApiScope.SCAN,
        terminals=True,
        answer=AnnulAnswer,
        parameters=(OF_SCAN,),
        problems=merged(
            _GATE,
            STORE,
            OWN,
            {400: ("body.unasked",), 404: ("scan.unknown", "path.unknown"), 409: ("scan.late",)},
        ),
    ),
    Operation(
        method="POST",
        path="/v1/scans/{scan_id}/resolve",
        name="resolveScan",
        says="Close a review, once.",
        scope=ApiScope.RESOLVE,
        terminals=False,
        keys=False,
        operators=True,
        body=ResolveRequest,
        answer=ResolveAnswer,
        parameters=(OF_SCAN,),
        problems=merged(
            ALWAYS,
            KEY,
            STARTING,
            STORE,
            BUSY,
            BODY,
            FIELDS,
            AREA,
            AUDIT,
            {
                403: ("operator.needed",),
                404: ("scan.unknown", "path.unknown"),
                409: ("scan.annulled", "scan.resolved", "scan.not_review"),
            },
        ),
    ),
    Operation(
        method="GET",
        path="/v1/records",
        name="readRecords",
        says="Read the last 24 hours' records, oldest first.",
        scope=ApiScope.RECORDS,
        terminals=False,
        operators=True,
        answer=RecordPage,
        parameters=(
            Parameter(
                name="after",
                place="query",
                schema={"type": "integer", "minimum": 0, "maximum": 1 << 48, "default": 0},
                says="Cursor of the page before.",
                required=False,
            ),
            Parameter(
                name="limit",
                place="query",
                schema={"type": "integer", "minimum": 1, "maximum": 1000, "default": 200},
                says="Records in a page; it may be a little longer.",
                required=False,
            ),
        ),
        problems=merged(ALWAYS, KEY, AREA, STORE, {400: ("query.bad",)}),
    ),
    Operation(
        method="GET",
        path="/v1/bundles",
        name="listBundles",
        says="List the signed bundles that this worker goes by.",
        scope=ApiScope.BUNDLES,
        terminals=True,
        operators=True,
        answer=BundleIndex,
        statuses={200: "The list.", 304: _STANDS},
        parameters=(
            Parameter(
                name="place",
                place="query",
                schema={"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}$"},
                says="The place whose own bundles are listed too; of a terminal its own.",
                required=False,
            ),
            _CONDITIONS[0],
        ),
        problems=merged(ALWAYS, KEY, GRANT, {400: ("query.bad",)}),
    ),
    Operation(
        method="GET",
        path="/v1/bundles/{name}",
        name="readBundle",
        says="Read a signed bundle as it was accepted here.",
        scope=ApiScope.BUNDLES,
        terminals=True,
        operators=True,
        answer=bytes,
        answers=("application/cose",),
        statuses={200: "The signed bytes.", 206: "The part asked for.", 304: _STANDS},
        parameters=(_OF_BUNDLE, *_CONDITIONS),
        problems=merged(_BUNDLE, {416: ("range.outside",)}),
    ),
    Operation(
        method="HEAD",
        path="/v1/bundles/{name}",
        name="describeBundle",
        says="The headers of a signed bundle.",
        scope=ApiScope.BUNDLES,
        terminals=True,
        operators=True,
        statuses={200: "As a GET would be answered, without the bytes.", 304: _STANDS},
        parameters=(_OF_BUNDLE, *_CONDITIONS[:2]),
        problems=_BUNDLE,
    ),
    Operation(
        method="GET",
        path="/v1/bundles/{name}/deltas/{first}",
        name="readDeltas",
        says="Read what leads to versions first to first + 63 of a plane: a CBOR sequence.",
        scope=ApiScope.BUNDLES,
        terminals=True,
        operators=True,
        answer=bytes,
        answers=("application/cbor-seq",),
        statuses={200: "Signed deltas.", 206: "The part asked for.", 304: _STANDS},
        parameters=(
            _OF_BUNDLE,
            Parameter(
                name="first",
                place="path",
                schema={"type": "integer", "minimum": 0, "multipleOf": 64},
                says="A multiple of 64.",
            ),
            *_CONDITIONS,
        ),
        problems=merged(
            _BUNDLE,
            {
                400: ("deltas.first",),
                404: ("deltas.ahead",),
                410: ("deltas.gone",),
                416: ("range.outside",),
            },
        ),
    ),
    Operation(
        method="GET",
        path="/healthz",
        name="health",
        says="The process lives.",
        scope=None,
        terminals=False,
        answer=dict[str, Alive],
        problems=ALWAYS,
    ),
    Operation(
        method="GET",
        path="/readyz",
        name="readiness",
        says="Whether it can do its work; if not, what to do.",
        scope=None,
        terminals=False,
        answer=Readiness,
        statuses={200: "It can.", 503: "It cannot."},
        problems=ALWAYS,
    ),
    Operation(
        method="GET",
        path="/metrics",
        name="metrics",
        says="Prometheus text.",
        scope=None,
        terminals=False,
        answer=str,
        answers=("text/plain",),
        problems=ALWAYS,
    ),
)
