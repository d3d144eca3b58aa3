"""How much time has surely passed: what is kept for days ends by this time, not by a clock alone.

A clock that is set ahead ends nothing. Time that passed is counted by the machine's own seconds
since its start, on from what was known last. A later start of the machine says nothing of the time
in which it was off, nor does a clock that made a step. Such time counts after it has stood for
HELD_S without being set back (decision 0045). Pure.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

HELD_S: Final = 86_400
"""Seconds that a clock must stand before what it says ends anything: a day, in which status says
that records and keys wait. Somebody sees it."""
NEAR_MS: Final = 60_000
"""Milliseconds that a clock may run ahead of what passed: it is corrected by little, and looked at
once a minute."""


class PassedTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of the time that has passed, as of one look."""

    at: Annotated[int, Meta(ge=0)]
    """Unix milliseconds that it surely was."""
    boot: str
    """Names the start of the machine to which `steady` belongs."""
    steady: float
    """Seconds since that start."""
    step: int = 0
    """Milliseconds by which the clock lies ahead of what has passed; 0: it does not."""
    since: float = 0.0
    """When that step was first seen, in seconds since the start."""

    def looked(self, clock: int, boot: str, steady: float) -> "PassedTime":
        """Return what is known when the clock says `clock`, Unix milliseconds."""
        same = boot == self.boot
        # The machine has started since: it stood for as long as it runs, if for no longer.
        passed = self.at + int((steady - self.steady if same else steady) * 1000)
        step = clock - passed
        if step <= NEAR_MS:
            return PassedTime(at=max(passed, clock), boot=boot, steady=steady)
        stands = same and self.step > 0 and abs(step - self.step) <= NEAR_MS
        since = self.since if stands else steady
        if steady - since >= HELD_S:
            return PassedTime(at=clock, boot=boot, steady=steady)
        return PassedTime(at=passed, boot=boot, steady=steady, step=step, since=since)
