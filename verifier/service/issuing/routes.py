"""The table of routes of the issuing process: who may ask what, and what can come back.

docs/issuing.md, operators.md, bulk.md and privacy.md explain what is meant.
"""

from typing import Final

from runtime.http.health import HEALTH
from runtime.http.operations import (
    AUDIT,
    Allowed,
    CallerKind,
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
)
from verifier.contract.bulk import JOB, MAX_BULK_BYTES
from verifier.contract.holder import HolderDoor
from verifier.contract.proposal import Proposal, ProposalPage, Rejection
from verifier.contract.revocation import Revocation
from verifier.contract.subject import SubjectAnswer, SubjectRequest
from verifier.contract.vocabulary import ApiScope
from verifier.service.issuing.budgets import BUDGET
from verifier.service.issuing.bundles import bookings
from verifier.service.issuing.people import (
    bulk,
    challenges,
    credentials,
    holders,
    lost_phones,
    persons,
    revocations,
    subjects,
)
from verifier.service.issuing.people.personal import Person, PersonalAnswer
from verifier.service.issuing.proposals import proposals
from verifier.service.issuing.proposals.kinds import Asked

STORE: Final[Codes] = {503: ("store.away",)}
AREA: Final[Codes] = {403: ("operator.area",)}
REFERENCE: Final[Codes] = {400: ("reference.bad",)}
PERSON: Final[Codes] = {404: ("person.unknown",)}
COLOUR: Final[Codes] = {400: ("colour.unknown",)}
MADE: Final[Codes] = {
    404: ("person.unknown",),
    409: (
        *("list.full", "request.conflict", "credentials.full", "family.full"),
        *("guardian.phone", "colour.not_green"),
    ),
}
"""What keeps a credential of a person from being made."""
POSSESSION: Final[Codes] = {
    400: ("holder.malformed", "holder.signature", "holder.other"),
}
HOLDER: Final[Codes] = {
    400: ("holder.malformed",),
    403: (
        *("holder.unknown", "holder.signature", "holder.expired", "holder.clock"),
        *("holder.other", "holder.revoked"),
    ),
    409: ("holder.replayed",),
    429: ("holder.often",),
    503: ("system.busy", "trust.away"),
}
"""What is answered to a holder whose request does not hold."""

_ISSUERS: Final = (service(ApiScope.ISSUE),)
_REVOKERS: Final = (service(ApiScope.ISSUE), operator(ApiScope.REVOKE))
_INDEX: Final = {"type": "integer", "minimum": 0, "maximum": (1 << 32) - 1}
_OF_PERSON: Final = in_path("person", "The person's index.", **_INDEX)
_OF_CREDENTIAL: Final = in_path("credential", "The credential's index.", **_INDEX)
_OF_PROPOSAL: Final = in_path("proposal", "The proposal's id.", type="string",
                              pattern="^[0-9a-f]{32}$")  # fmt: skip
_PROPOSAL: Final = {200: Reply("The proposal as it stands now.", Proposal)}


def _by_operator(scope: ApiScope) -> tuple[Allowed, ...]:
    """Allow operators; a person belongs to no district, so all of it is the whole city's."""
    return (operator(scope),)


def _of_holder(door: HolderDoor, says: str, reply: Reply, problems: Codes) -> Operation:
    """Return the row of a holder's request; renewals and emergency codes are made."""
    made = door in (HolderDoor.RENEW, HolderDoor.EMERGENCY)
    return Operation(
        method="POST",
        path=f"/v1/holder/{door}",
        name=f"holder{door.capitalize()}",
        says=says,
        area=OperationArea.OWN,
        callers=(Allowed(kind=CallerKind.HOLDER),),
        body=RequestBody(type=holders.HolderBody, limit=holders.MAX_BODY),
        replies={201 if made else 200: reply},
        problems=merged(HOLDER, STORE, problems),
    )


PEOPLE: Final = (
    Operation(
        method="POST",
        path="/v1/persons",
        name="findPerson",
        says="Find a person by reference, or make a new one.",
        area=OperationArea.CITY,
        callers=_ISSUERS,
        body=RequestBody(type=persons.Reference, limit=persons.MAX_BODY),
        replies={
            200: Reply("The person was known.", persons.PersonAnswer),
            201: Reply("The person is new.", persons.PersonAnswer),
        },
        problems=merged(REFERENCE, COLOUR, STORE, {409: ("list.full",)}),
    ),
    Operation(
        method="GET",
        path="/v1/persons/{person}/credentials",
        name="listCredentials",
        says="List the credentials that a person holds.",
        area=OperationArea.CITY,
        callers=_ISSUERS,
        parameters=(_OF_PERSON,),
        replies={200: Reply("What the person holds.", lost_phones.HeldAnswer)},
        problems=merged(PERSON, STORE),
    ),
    Operation(
        method="POST",
        path="/v1/persons/{person}/lost",
        name="losePhone",
        says="Revoke what a lost phone opens.",
        area=OperationArea.CITY,
        callers=_REVOKERS,
        parameters=(_OF_PERSON,),
        body=RequestBody(type=lost_phones.Lost, limit=lost_phones.MAX_BODY),
        replies={200: Reply("What was revoked.", lost_phones.LostAnswer)},
        problems=merged(PERSON, STORE, AUDIT, BUDGET, {404: ("credential.unknown",)}),
    ),
    Operation(
        method="POST",
        path="/v1/challenges",
        name="giveChallenge",
        says="Give out what a phone has to sign before a credential is bound to its key.",
        area=OperationArea.CITY,
        callers=_ISSUERS,
        body=RequestBody(type=challenges.ChallengeAsked, limit=challenges.MAX_BODY),
        replies={201: Reply("The challenge.", challenges.ChallengeAnswer)},
        problems=STORE,
    ),
    Operation(
        method="POST",
        path="/v1/credentials",
        name="issueCredential",
        says="Issue a credential to a person or a group.",
        area=OperationArea.CITY,
        callers=_ISSUERS,
        parameters=(
            in_header(
                "Idempotency-Key",
                "Asked again under the same key, a person gets the same credential.",
                type="string",
                pattern="^[A-Za-z0-9_.-]{16,64}$",
            ),
        ),
        body=RequestBody(type=Person | credentials.Group, limit=credentials.MAX_BODY),
        replies={201: Reply("The credential.", (PersonalAnswer, credentials.GroupAnswer))},
        problems=merged(
            COLOUR,
            POSSESSION,
            MADE,
            STORE,
            BUDGET,
            {
                400: (
                    *("request.key", "sector.unknown", "form.other", "roster.twice"),
                    *("holder.key", "holder.possession"),
                ),
                404: ("place.unknown",),
                409: ("challenge.unknown", "challenge.used"),
            },
        ),
    ),
    Operation(
        method="POST",
        path="/v1/credentials/bulk",
        name="issueBulk",
        says="Issue a batch of up to 1,000 lines of a job; as many lines come back, and one.",
        area=OperationArea.CITY,
        callers=_ISSUERS,
        parameters=(
            in_query(
                "job",
                "The caller's name for the job.",
                required=True,
                type="string",
                pattern=f"^{JOB}$",
            ),
            in_query(
                "batch",
                "Number of the batch, from 0 on.",
                required=True,
                type="integer",
                minimum=0,
                maximum=999_999_999,
            ),
        ),
        body=RequestBody(type=bytes, limit=MAX_BULK_BYTES, media=(bulk.NDJSON,)),
        replies={200: Reply("One line for each line sent, and a last one.", bytes, (bulk.NDJSON,))},
        problems=merged(
            STORE,
            {
                400: ("bulk.lines",),
                409: ("bulk.other", "bulk.order", "list.full"),
                503: ("system.busy",),
            },
        ),
    ),
    Operation(
        method="POST",
        path="/v1/credentials/{credential}/revoke",
        name="revokeCredential",
        says="Revoke one credential; one that is revoked stays so.",
        area=OperationArea.CITY,
        callers=_REVOKERS,
        parameters=(_OF_CREDENTIAL,),
        body=RequestBody(type=Revocation, limit=revocations.MAX_BODY),
        replies={200: Reply("It is revoked.", revocations.RevokedAnswer)},
        problems=merged(STORE, AUDIT, BUDGET, {404: ("credential.unknown",)}),
    ),
    Operation(
        method="POST",
        path="/v1/appointments",
        name="book",
        says="Cancel, then book appointments at one place: all or nothing.",
        area=OperationArea.CITY,
        callers=(service(ApiScope.APPOINTMENTS),),
        body=RequestBody(type=bookings.BookingRequest, limit=bookings.MAX_BODY),
        replies={200: Reply("What became of them.", bookings.BookingAnswer)},
        problems=merged(
            REFERENCE,
            PERSON,
            STORE,
            {
                400: ("appointment.times",),
                404: ("place.unknown",),
                409: ("appointment.cancelled", "appointment.conflict", "appointments.full"),
            },
        ),
    ),
    Operation(
        method="POST",
        path="/v1/subjects",
        name="showSubject",
        says="Show what is kept of one person.",
        area=OperationArea.CITY,
        callers=_by_operator(ApiScope.PERSONS),
        body=RequestBody(type=SubjectRequest, limit=subjects.MAX_BODY),
        replies={200: Reply("What is kept.", SubjectAnswer)},
        problems=merged(REFERENCE, PERSON, STORE, AUDIT, BUDGET),
    ),
)
HOLDERS: Final = (
    _of_holder(
        HolderDoor.RENEW,
        "Renew the credential that is shown, under its key or a new one.",
        Reply("The new credential.", PersonalAnswer),
        merged(
            MADE,
            {400: ("request.key", "holder.possession", "holder.key"), 409: ("renewal.early",)},
        ),
    ),
    _of_holder(
        HolderDoor.LIST,
        "List what the holder has.",
        Reply("What the holder has.", holders.HolderListAnswer),
        {},
    ),
    _of_holder(
        HolderDoor.LOST,
        "Revoke what another phone of the holder, which is lost, opens.",
        Reply("What was revoked.", holders.HolderLostAnswer),
        {400: ("holder.lost",), 404: ("credential.unknown",)},
    ),
    _of_holder(
        HolderDoor.EMERGENCY,
        "Make an emergency code for paper, of somebody who is green.",
        Reply("The code.", PersonalAnswer),
        merged(MADE, {400: ("request.key",)}),
    ),
)
PROPOSALS: Final = (
    Operation(
        method="POST",
        path="/v1/proposals",
        name="propose",
        says="Propose what takes two people.",
        area=OperationArea.CITY,
        callers=_by_operator(ApiScope.PROPOSE),
        body=RequestBody(type=Asked, limit=proposals.MAX_BODY),
        replies={201: Reply("The proposal.", Proposal)},
        problems=merged(
            REFERENCE,
            PERSON,
            STORE,
            AUDIT,
            BUDGET,
            {
                404: ("correction.unknown",),
                409: ("proposal.same", "proposals.many", "correction.closed", "plane.unknown"),
            },
        ),
    ),
    Operation(
        method="GET",
        path="/v1/proposals",
        name="listProposals",
        says="Show the newest proposals.",
        area=OperationArea.CITY,
        callers=_by_operator(ApiScope.RECORDS),
        parameters=numbers_in_query(
            proposals.BOUNDS,
            {
                "before": "Only older ones than this moment, in Unix milliseconds.",
                "limit": "Proposals in a page.",
            },
        ),
        replies={200: Reply("The newest first.", ProposalPage)},
        problems=STORE,
    ),
    Operation(
        method="GET",
        path="/v1/proposals/{proposal}",
        name="readProposal",
        says="Show one proposal.",
        area=OperationArea.CITY,
        callers=_by_operator(ApiScope.RECORDS),
        parameters=(_OF_PROPOSAL,),
        replies=_PROPOSAL,
        problems=merged(STORE, {404: ("proposal.unknown",)}),
    ),
    Operation(
        method="POST",
        path="/v1/proposals/{proposal}/approve",
        name="approveProposal",
        says="Approve what somebody else proposed; it is carried out before the answer, or at"
        " its time.",
        area=OperationArea.CITY,
        callers=_by_operator(ApiScope.APPROVE),
        parameters=(_OF_PROPOSAL,),
        replies=_PROPOSAL,
        problems=merged(
            STORE,
            AUDIT,
            {
                403: ("proposal.own",),
                404: ("proposal.unknown",),
                409: ("proposal.closed", "proposal.expired", "proposal.overtaken"),
            },
        ),
    ),
    Operation(
        method="POST",
        path="/v1/proposals/{proposal}/reject",
        name="rejectProposal",
        says="Reject what somebody else proposed (scope approve), or take back one's own"
        " (scope propose).",
        area=OperationArea.CITY,
        callers=_by_operator(ApiScope.RECORDS),
        parameters=(_OF_PROPOSAL,),
        body=RequestBody(type=Rejection, limit=proposals.MAX_BODY),
        replies=_PROPOSAL,
        problems=merged(
            STORE,
            AUDIT,
            {
                400: ("proposal.reason",),
                404: ("proposal.unknown",),
                409: ("proposal.closed", "proposal.expired"),
            },
        ),
    ),
)
TABLE: Final = RouteTable(
    name="issuing",
    title="Kapok issuing",
    says="The issuing process: persons, credentials, appointments, holders, proposals.",
    explained="docs/issuing.md",
    operations=(*PEOPLE, *HOLDERS, *PROPOSALS, *HEALTH),
)
