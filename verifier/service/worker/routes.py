"""The table of routes of a scan worker: who may ask what, with what, and what can come back.

docs/http-verifier.md says what to do about each problem code.
"""

from typing import Final

from runtime.http.health import HEALTH
from runtime.http.operations import (
    AUDIT,
    STORE,
    Codes,
    Operation,
    OperationArea,
    Reply,
    RequestBody,
    RouteTable,
    in_header,
    in_path,
    in_query,
    merged,
    numbers_in_query,
    operator,
    service,
    terminal,
)
from runtime.http.requests import MAX_BODY_BYTES
from verifier.barcode.picture import PICTURE_TYPES
from verifier.contract.amendment import AnnulAnswer, ResolveAnswer, ResolveRequest
from verifier.contract.bundle import DELTA_BUCKET, BundleIndex
from verifier.contract.record import RecordPage, ScanSearch, ScansFound
from verifier.contract.scan import (
    SCAN_ID_PATTERN,
    BatchAnswer,
    BatchRequest,
    LineProblem,
    ManualRequest,
    ScanRequest,
    TerminalAnswer,
    UploadAnswer,
    UploadRecord,
    UploadRequest,
    UploadResult,
)
from verifier.contract.vocabulary import ApiScope
from verifier.service.worker.doors import (
    manual,
    record_search,
    records,
    resolve,
    scans,
    upload,
)

STARTING: Final[Codes] = {503: ("system.starting",)}
GRANT: Final[Codes] = {
    403: (
        *("terminal.none", "grant.none", "grant.suspended", "grant.revoked"),
        *("grant.fingerprint", "grant.scope"),
    ),
}
AREA: Final[Codes] = {403: ("operator.area",)}
BUSY: Final[Codes] = {503: ("system.busy",)}
OWN: Final[Codes] = {400: ("body.field",), 409: ("scan.conflict",)}
PLACE: Final[Codes] = {403: ("grant.place",)}

_GATES: Final = (service(ApiScope.SCAN), terminal(ApiScope.SCAN))
_GATE: Final = merged(STARTING, GRANT)
_SCAN: Final = merged(_GATE, BUSY)
_READERS: Final = (
    service(ApiScope.BUNDLES),
    terminal(ApiScope.BUNDLES),
    operator(ApiScope.BUNDLES),
)
_BUNDLE: Final = merged(GRANT, AREA, {404: ("bundle.unknown",)})

_SCAN_ID: Final = {"type": "string", "pattern": f"^{SCAN_ID_PATTERN}$"}
OF_SCAN: Final = in_path("scan_id", "The scan that is meant.", **_SCAN_ID)
_OF_BUNDLE: Final = in_path("name", "As the list names it.")
_CONDITIONS: Final = (
    in_header("If-None-Match", "ETags of what the caller has."),
    in_header("Accept-Encoding", "gzip, if the caller unpacks it."),
    in_header("Range", "One range of bytes, of the representation that If-Range names."),
    in_header("If-Range", "ETag of the representation of which the caller has a part."),
)
_STANDS: Final = Reply("What If-None-Match names stands.")
_JUDGED: Final = {200: Reply("The answer.", TerminalAnswer)}


def _signed(says: str, media: str) -> dict[int, Reply]:
    return {
        200: Reply(says, bytes, (media,)),
        206: Reply("The part asked for.", bytes, (media,)),
        304: _STANDS,
    }


SCANS: Final = (
    Operation(
        method="POST",
        path="/v1/scans",
        name="scan",
        says="Judge one code at the caller's gate.",
        area=OperationArea.OWN,
        callers=_GATES,
        body=RequestBody(type=ScanRequest, limit=scans.MAX_BODY_BYTES),
        replies=_JUDGED,
        problems=merged(_SCAN, OWN, PLACE),
    ),
    Operation(
        method="POST",
        path="/v1/scans/batch",
        name="scanBatch",
        says="Judge up to 1,000 codes, each as if it came alone; answers in order.",
        area=OperationArea.OWN,
        callers=_GATES,
        body=RequestBody(type=BatchRequest, limit=MAX_BODY_BYTES),
        replies={200: Reply("The answers.", BatchAnswer)},
        problems=_SCAN,
    ),
    Operation(
        method="GET",
        path="/v1/scans/stream",
        name="scanStream",
        says="A WebSocket: a text frame a scan line, answered in order.",
        area=OperationArea.OWN,
        callers=_GATES,
        replies={101: Reply("The stream is open.")},
        problems=merged(_SCAN, {426: ("upgrade.missing",)}),
    ),
    Operation(
        method="POST",
        path="/v1/scans/image",
        name="scanImage",
        says="Judge the one code in a picture.",
        area=OperationArea.OWN,
        callers=_GATES,
        body=RequestBody(type=bytes, limit=MAX_BODY_BYTES, media=PICTURE_TYPES),
        parameters=(
            in_header("Kapok-Scan-Id", "The caller's scan_id.", required=True, **_SCAN_ID),
        ),
        replies=_JUDGED,
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
        area=OperationArea.PLACE,
        callers=(*_GATES, operator(ApiScope.RESOLVE)),
        body=RequestBody(type=ManualRequest, limit=manual.MAX_BODY_BYTES),
        replies=_JUDGED,
        problems=merged(_SCAN, OWN, PLACE, AREA, AUDIT, {404: ("terminal.unknown",)}),
    ),
    Operation(
        method="POST",
        path="/v1/scans/upload",
        name="uploadScans",
        says="Take in scans that a terminal has decided itself.",
        area=OperationArea.OWN,
        callers=_GATES,
        body=RequestBody(type=UploadRequest, limit=upload.MAX_BODY_BYTES),
        replies={200: Reply("What became of each.", UploadAnswer)},
        problems=_SCAN,
    ),
    Operation(
        method="POST",
        path="/v1/scans/{scan_id}/annul",
        name="annulScan",
        says="Give back what the caller's own scan claimed: the turnstile did not turn.",
        area=OperationArea.OWN,
        callers=_GATES,
        parameters=(OF_SCAN,),
        replies={200: Reply("It is given back.", AnnulAnswer)},
        problems=merged(
            _GATE,
            STORE,
            OWN,
            {404: ("scan.unknown",), 409: ("scan.late",)},
        ),
    ),
    Operation(
        method="POST",
        path="/v1/scans/{scan_id}/resolve",
        name="resolveScan",
        says="Close a review, once.",
        area=OperationArea.PLACE,
        callers=(operator(ApiScope.RESOLVE),),
        body=RequestBody(type=ResolveRequest, limit=resolve.MAX_BODY_BYTES),
        parameters=(OF_SCAN,),
        replies={200: Reply("It is closed so.", ResolveAnswer)},
        problems=merged(
            STARTING,
            STORE,
            BUSY,
            AREA,
            AUDIT,
            {
                404: ("scan.unknown",),
                409: ("scan.annulled", "scan.resolved", "scan.not_review"),
            },
        ),
    ),
)
RECORDS: Final = Operation(
    method="GET",
    path="/v1/records",
    name="readRecords",
    says="Read the last 24 hours' records, oldest first.",
    area=OperationArea.CITY,
    callers=(service(ApiScope.RECORDS), operator(ApiScope.RECORDS)),
    parameters=numbers_in_query(
        records.BOUNDS,
        {
            "after": "Cursor of the page before.",
            "limit": "Records in a page; it may be a little longer.",
        },
    ),
    replies={200: Reply("The page.", RecordPage)},
    problems=STORE,
)
SEARCH: Final = Operation(
    method="POST",
    path="/v1/records/search",
    name="searchRecords",
    says="Find the newest scans of a terminal, or of one code there, with what explains each.",
    area=OperationArea.CITY,
    callers=(service(ApiScope.RECORDS), operator(ApiScope.RECORDS)),
    body=RequestBody(type=ScanSearch, limit=record_search.MAX_BODY_BYTES),
    replies={200: Reply("What was found, newest first.", ScansFound)},
    problems=merged(STORE, BUSY),
)
BUNDLES: Final = (
    Operation(
        method="GET",
        path="/v1/bundles",
        name="listBundles",
        says="List the signed bundles that this worker goes by.",
        area=OperationArea.PLACE,
        callers=_READERS,
        parameters=(
            in_query(
                "place",
                "The place whose own bundles are listed too; of a terminal its own.",
                type="string",
                pattern="^[a-z0-9][a-z0-9-]{0,62}$",
            ),
            *_CONDITIONS[:2],
        ),
        replies={200: Reply("The list.", BundleIndex), 304: _STANDS},
        problems=GRANT,
    ),
    Operation(
        method="GET",
        path="/v1/bundles/{name}",
        name="readBundle",
        says="Read a signed bundle as it was accepted here.",
        area=OperationArea.PLACE,
        callers=_READERS,
        parameters=(_OF_BUNDLE, *_CONDITIONS),
        replies=_signed("The signed bytes.", "application/cose"),
        problems=merged(_BUNDLE, {416: ("range.outside",)}),
    ),
    Operation(
        method="HEAD",
        path="/v1/bundles/{name}",
        name="describeBundle",
        says="The headers of a signed bundle.",
        area=OperationArea.PLACE,
        callers=_READERS,
        parameters=(_OF_BUNDLE, *_CONDITIONS[:2]),
        replies={200: Reply("As a GET would be answered, without the bytes."), 304: _STANDS},
        problems=_BUNDLE,
    ),
    Operation(
        method="GET",
        path="/v1/bundles/{name}/deltas/{first}",
        name="readDeltas",
        says="Read what leads to versions first to first + 63 of a plane: a CBOR sequence.",
        area=OperationArea.CITY,
        callers=_READERS,
        parameters=(
            _OF_BUNDLE,
            in_path(
                "first", "A multiple of 64.", type="integer", minimum=0, multipleOf=DELTA_BUCKET
            ),
            *_CONDITIONS,
        ),
        replies=_signed("Signed deltas.", "application/cbor-seq"),
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
)

_ONE_READING: Final = {"oneOf": [{"required": ["text"]}, {"required": ["texts"]}]}
"""Exactly one of text and texts, for which msgspec has no words."""
_ONE_OF_TWO: Final = [
    {"$ref": f"#/components/schemas/{kind.__name__}"} for kind in (TerminalAnswer, LineProblem)
]
TABLE: Final = RouteTable(
    name="verifier",
    title="Kapok verifier",
    says="The scan worker: judges codes, takes in what terminals decided, gives out bundles.",
    explained="docs/http-verifier.md",
    operations=(*SCANS, RECORDS, SEARCH, *BUNDLES, *HEALTH),
    written={
        BatchAnswer: {
            "type": "object",
            "properties": {"answers": {"type": "array", "items": {"anyOf": _ONE_OF_TWO}}},
            "required": ["answers"],
        }
    },
    needed=(LineProblem, TerminalAnswer),
    added={ScanRequest: _ONE_READING, UploadRecord: _ONE_READING},
    members={"scan_id": _SCAN_ID},
    echoing=(UploadResult,),
)
