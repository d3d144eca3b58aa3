"""The table of routes of the archiving process: who may ask what, and what can come back.

docs/privacy.md explains what is meant, docs/records.md what is archived.
"""

from typing import Final

from runtime.http.health import HEALTH
from runtime.http.operations import (
    Operation,
    OperationArea,
    Reply,
    RequestBody,
    RouteTable,
    operator,
)
from verifier.contract.subject import SubjectRecords, SubjectRecordsRequest
from verifier.contract.vocabulary import ApiScope
from verifier.service.archive.subjects import MAX_BODY

TABLE: Final = RouteTable(
    name="archive",
    title="Kapok archive",
    says="The archiving process: moves records into day files, and finds one person's.",
    explained="docs/privacy.md",
    operations=(
        Operation(
            method="POST",
            path="/v1/subjects/records",
            name="showSubjectRecords",
            says="Show the records that carry one person's keyed hash, oldest first.",
            area=OperationArea.CITY,
            callers=(operator(ApiScope.PERSONS),),
            body=RequestBody(type=SubjectRecordsRequest, limit=MAX_BODY),
            replies={200: Reply("The records.", SubjectRecords)},
            problems={503: ("audit.unavailable", "store.away", "records.unreadable")},
        ),
        *HEALTH,
    ),
)
