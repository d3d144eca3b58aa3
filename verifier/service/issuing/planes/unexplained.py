"""Changes in the store that nothing explains: written down, and shown for a day."""

import time
from collections.abc import Sequence
from typing import Final

from runtime.audit import AuditLog
from runtime.http.audited import audited
from runtime.http.problems import Problem
from runtime.logs import Log
from verifier.contract.audit import Act, AuditAction
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.service.issuing.planes.explanations import RefusedChange

SHOWN_S: Final = 86_400
"""Seconds for which it is shown: a person looks once a day at least."""
MAX_WRITTEN: Final = 20
"""Entries in the audit log for what was found at once: the first ones say whose and what."""


class UnexplainedChanges:
    """What was found of one plane."""

    def __init__(self, name: PlaneName, audit: AuditLog[Act], log: Log) -> None:
        self._name = name
        self._audit = audit
        self._log = log
        self._at = 0.0
        """By the monotonic clock."""
        self._count = 0

    @property
    def count(self) -> int:
        """Values found of late; 0: none."""
        return self._count if time.monotonic() - self._at < SHOWN_S else 0

    async def tell(self, found: Sequence[RefusedChange]) -> None:
        """Write down what was found. What is refused stays refused when the log is away."""
        self._count = self.count + len(found)
        self._at = time.monotonic()
        self._log.error("change.refused", plane=str(self._name), values=len(found))
        try:
            for each in found[:MAX_WRITTEN]:
                await audited(self._audit, self._act(each))
        except Problem:
            self._log.error("change.not_audited", plane=str(self._name))

    def _act(self, found: RefusedChange) -> Act:
        kind = "credential" if self._name.plane is Plane.REVOCATION else "person"
        return Act(
            action=AuditAction.REFUSE_CHANGE,
            by="process",
            subject=f"{kind}:{self._name.list_number}:{found.place}",
            reason="unexplained",
            after=f"{self._name.plane} {found.value}",
            ref=found.why,
        )
