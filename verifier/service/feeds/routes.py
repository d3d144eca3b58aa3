"""The table of routes of the feeds process: who may ask what, and what can come back.

docs/feeds.md explains what is meant and what to do about each problem code.
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
    merged,
    numbers_in_query,
    service,
)
from verifier.contract.feed import MAX_OCTETS
from verifier.contract.vocabulary import ApiScope
from verifier.feeds.corrections import Opening
from verifier.feeds.reconciliation import Comparison, SourceStatement
from verifier.feeds.reports import BatchReport
from verifier.service.feeds import corrections, export, intake
from verifier.service.feeds.refusals import codes
from verifier.service.feeds.states import SourceList, SourceStatus

SOURCE: Final[Codes] = {404: ("source.unknown",)}
CASE: Final[Codes] = {404: ("correction.unknown",)}

_SOURCES: Final = (service(ApiScope.FEEDS),)
_CORRECTORS: Final = (service(ApiScope.CORRECTIONS),)
_OF_SOURCE: Final = in_path("source", "The source's name.")
_OF_BATCH: Final = in_path(
    "batch", "The batch's id, as its manifest has it.", type="string", pattern="^[0-9a-f]{32}$"
)
_OF_CASE: Final = in_path(
    "case", "The case's id.", type="string", pattern="^[0-9a-f]{32}$"
)  # fmt: skip
_TEXT: Final = RequestBody(
    type=bytes,
    limit=MAX_OCTETS,
    media=tuple(intake.TYPES),
    encodings=("gzip",),
    streamed=True,
)
_STANDS: Final = {
    200: Reply("It is applied.", BatchReport),
    202: Reply("It is on its way.", BatchReport),
    422: Reply("It was refused; nothing of it was applied.", BatchReport),
}
_SENT: Final = merged(
    SOURCE,
    STORE,
    codes(),
    {400: ("header.bad",), 408: ("part.slow",), 507: ("spool.full",)},
)
_SHOWN: Final = {200: Reply("The case.", corrections.ShownCase)}

FEEDS: Final = (
    Operation(
        method="GET",
        path="/v1/feeds",
        name="listSources",
        says="Show how the caller's sources stand.",
        area=OperationArea.CITY,
        callers=_SOURCES,
        replies={200: Reply("The sources.", SourceList)},
        problems=STORE,
    ),
    Operation(
        method="GET",
        path="/v1/feeds/{source}",
        name="readSource",
        says="Show how a source stands.",
        area=OperationArea.CITY,
        callers=_SOURCES,
        parameters=(_OF_SOURCE,),
        replies={200: Reply("How it stands.", SourceStatus)},
        problems=merged(SOURCE, STORE),
    ),
    Operation(
        method="POST",
        path="/v1/feeds/{source}/batches",
        name="sendBatch",
        says="Send a batch of lines, or its beginning.",
        area=OperationArea.CITY,
        callers=_SOURCES,
        parameters=(
            _OF_SOURCE,
            in_header(
                "Kapok-Manifest",
                "The signed manifest: base64url without padding.",
                required=True,
                type="string",
                pattern=f"^{intake.MANIFEST}$",
            ),
        ),
        body=_TEXT,
        replies=_STANDS,
        problems=_SENT,
    ),
    Operation(
        method="PATCH",
        path="/v1/feeds/{source}/batches/{batch}",
        name="sendPart",
        says="Go on with a batch from an offset.",
        area=OperationArea.CITY,
        callers=_SOURCES,
        parameters=(
            _OF_SOURCE,
            _OF_BATCH,
            in_header(
                "Upload-Offset",
                "Where the part begins, in bytes of the text.",
                required=True,
                type="string",
                pattern=f"^{intake.OFFSET}$",
            ),
        ),
        body=_TEXT,
        replies=_STANDS,
        problems=_SENT,
    ),
    Operation(
        method="GET",
        path="/v1/feeds/{source}/batches/{batch}",
        name="readBatch",
        says="Show where a batch stands.",
        area=OperationArea.CITY,
        callers=_SOURCES,
        parameters=(_OF_SOURCE, _OF_BATCH),
        replies=_STANDS,
        problems=merged(SOURCE, STORE, {404: ("batch.unknown",)}),
    ),
    Operation(
        method="POST",
        path="/v1/feeds/{source}/reconcile",
        name="reconcile",
        says="Compare what a source says it has sent with what is here.",
        area=OperationArea.CITY,
        callers=_SOURCES,
        parameters=(_OF_SOURCE,),
        body=RequestBody(type=SourceStatement, limit=intake.MAX_RECONCILE_BYTES),
        replies={200: Reply("How both sides compare.", Comparison)},
        problems=merged(SOURCE, STORE),
    ),
)
CORRECTIONS: Final = (
    Operation(
        method="POST",
        path="/v1/corrections",
        name="openCorrection",
        says="Open a case of correction.",
        area=OperationArea.CITY,
        callers=_CORRECTORS,
        body=RequestBody(type=Opening, limit=corrections.MAX_BODY_BYTES),
        replies={201: Reply("The case.", corrections.ShownCase)},
        problems=merged(
            STORE,
            AUDIT,
            {404: ("person.unknown",), 409: ("plane.unknown",), 503: ("corrections.full",)},
        ),
    ),
    Operation(
        method="GET",
        path="/v1/corrections",
        name="listCorrections",
        says="List cases, oldest first.",
        area=OperationArea.CITY,
        callers=_CORRECTORS,
        parameters=numbers_in_query(
            corrections.BOUNDS,
            {
                "after": "`next` of the page before.",
                "limit": "Cases in a page.",
                "closed": "1: closed cases instead of open ones.",
            },
        ),
        replies={200: Reply("The page.", corrections.CaseList)},
        problems=STORE,
    ),
    Operation(
        method="GET",
        path="/v1/corrections/{case}",
        name="readCorrection",
        says="Show a case.",
        area=OperationArea.CITY,
        callers=_CORRECTORS,
        parameters=(_OF_CASE,),
        replies=_SHOWN,
        problems=merged(CASE, STORE),
    ),
    Operation(
        method="POST",
        path="/v1/corrections/{case}/withdraw",
        name="withdrawCorrection",
        says="Close a case that the caller opened, without a decision.",
        area=OperationArea.CITY,
        callers=_CORRECTORS,
        parameters=(_OF_CASE,),
        replies=_SHOWN,
        problems=merged(
            CASE,
            STORE,
            AUDIT,
            {403: ("correction.others",), 409: ("correction.closed",)},
        ),
    ),
)
EXPORT: Final = Operation(
    method="GET",
    path="/v1/export/records",
    name="exportRecords",
    says="Take a signed page of the last day's records, oldest first, in the caller's fields.",
    area=OperationArea.CITY,
    callers=(service(ApiScope.EXPORT),),
    parameters=numbers_in_query(
        export.BOUNDS,
        {"after": "Cursor of the page before.", "limit": "Records in a page."},
    ),
    replies={200: Reply("The signed page.", bytes, ("application/cose",))},
    problems=merged(STORE, {403: ("export.fields",)}),
)
TABLE: Final = RouteTable(
    name="feeds",
    title="Kapok feeds",
    says="The feeds process: takes batches of status, cases of correction; gives out records.",
    explained="docs/feeds.md",
    operations=(*FEEDS, *CORRECTIONS, EXPORT, *HEALTH),
)
