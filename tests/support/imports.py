"""An import of lists into an empty trust source, and codes judged by what came of it."""

from pathlib import Path
from typing import Any, Final

from deploy.trust.imports import Import, Terms, planned
from deploy.trust.lists import read_files
from tests.support.health import AT, HOUR
from tests.support.signers import as_json
from verifier.contract.reasons import Reason
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.issuing.publisher import TrustSource
from verifier.status.plane import NO_STATUS
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.lists import offered_ring
from verifier.trust.signers import Trust, open_trust

EMPTY: Final = TrustSource(keys=(), lists={}, sectors_enabled=())
UNTIL: Final = AT + 1000 * HOUR


def plan_of(folder: Path, *lists: Any, source: TrustSource = EMPTY, **terms: Any) -> Import:
    """Plan an import of lists: JSON values, or the bytes of a file."""
    paths = []
    for number, content in enumerate(lists):
        path = folder / f"list-{number}"
        path.write_bytes(content if isinstance(content, bytes) else as_json(content))
        paths.append(path)
    return planned(source, {}, read_files(tuple(paths)), Terms(**{"until": UNTIL} | terms))


def at_a_gate(source: TrustSource) -> Trust:
    """Return what a gate takes from a trust source."""
    return open_trust(source.document(version=1, issued_at=0, expires=2 * AT))


def at_a_desk(folder: Path) -> Trust:
    """Return what `kapok verify --trust` makes of the files of a folder."""
    ring, _ = offered_ring(read_files((folder,)).offers)
    return Trust(version=1, expires=2 * AT, ring=ring, sectors_enabled=frozenset())


def reason(text: str, trust: Trust, now: float = AT) -> Reason | None:
    """Judge a code under a trust, with nothing else asked."""
    return assess(
        text,
        known=Known(trust=trust, status=NO_STATUS),
        profile=UNASKED,
        grant=None,
        clock=Clock(now=now),
        seen=VerifiedCredentials(0),
    ).reason
