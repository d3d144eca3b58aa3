"""What nothing explains is shown for a day that has passed, not for one that the clock says."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import structlog

from runtime.audit import AuditLog
from runtime.clock import now, now_ms
from verifier.contract import audit as audit_format
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.service.issuing.planes import unexplained
from verifier.service.issuing.planes.explanations import RefusedChange
from verifier.service.issuing.planes.unexplained import SHOWN_S, UnexplainedChanges


def test_a_step_of_the_clock_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days ahead within a second: nobody has looked yet."""
    audit = AuditLog(tmp_path, "issuing", now_ms, audit_format)
    audit.open()
    log: Any = structlog.get_logger()
    changes = UnexplainedChanges(PlaneName(1, Plane.HEALTH), audit, log)
    asyncio.run(changes.tell([RefusedChange(why="-", place=7, value=3)]))
    assert changes.count == 1
    monkeypatch.setattr(unexplained, "now", lambda: now() + 2 * SHOWN_S, raising=False)
    assert changes.count == 1
    audit.close()
