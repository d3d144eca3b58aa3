"""What is kept of one person, asked of the two processes that keep it (docs/privacy.md)."""

from typing import Any, NamedTuple

from deploy.local.doors import Answer, Doors


class SubjectReport(NamedTuple):
    """What there is."""

    kept: Answer
    """Of the issuing process: planes and credentials."""
    records: Answer
    """Of the archiving process."""


async def show(doors: Doors, who: dict[str, Any], reason: str) -> SubjectReport:
    """Ask for all that is kept of a person; each asking is in an audit log."""
    kept = await doors.issuing("/v1/subjects", {"reason": reason, **who})
    asked = {"reason": reason, "list": kept["list"], "person": kept["person"]}
    return SubjectReport(kept, await doors.archive("/v1/subjects/records", asked))
