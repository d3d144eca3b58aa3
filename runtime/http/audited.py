"""What must be in the audit log before it is done: an entry, or a problem and nothing is done."""

from http import HTTPStatus

from runtime.audit import AuditError, AuditLog
from runtime.audit_format import Act
from runtime.http.health import Finding
from runtime.http.problems import Problem


async def audited(log: AuditLog[Act], act: Act) -> None:
    """Append an entry; it is on disk when this returns.

    Raises:
        Problem: 503 audit.unavailable; then the act must not take place.
    """
    try:
        await log.append(act)
    except AuditError as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "audit.unavailable") from error


async def refused(log: AuditLog[Act], act: Act, *, same: str) -> None:
    """Append that something was refused; `same` says of which refusal it is a repeat.

    Raises:
        Problem: 503 audit.unavailable.
    """
    try:
        await log.append_refusal(act, same)
    except AuditError as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "audit.unavailable") from error


def no_audit() -> Finding:
    """Return what is said while what must be written down is refused."""
    return Finding(
        code="audit.refused",
        detail="the audit log cannot be continued: make room on the disk if it is full; else run"
        " `kapok audit verify`",
    )
