"""The stage: codes rendered, seen by a camera, held before a terminal's lens; rows of what came."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.local.doors import Answer, Doors
from firmware_stubs.edge.scene import Scene, photograph, to_png
from verifier.barcode import render
from verifier.barcode.render import symbol

SCENE: Final = Scene()
"""A phone before a gate's camera: tilted, blurred, noisy, unevenly lit."""
HALL, METRO, MUSEUM = "hall-1", "transit-1", "culture-1"
PASS: Final = ("pass", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRow:
    """One line of the demo's table."""

    chapter: str
    what: str
    where: str
    decision: str
    """Or, of what is no scan, what came."""
    reason: str
    milliseconds: float | None
    online: bool | None
    right: bool
    wanted: str


@dataclass(slots=True)
class Stage:
    """The doors, and the rows so far."""

    doors: Doors
    shown: Callable[[DemoRow], None]
    """Called with each row as it comes."""
    rows: list[DemoRow] = field(default_factory=list)
    seed: int = 0
    chapter: str = ""
    """Of the rows to come."""

    def picture(self, text: str) -> bytes:
        """Return a camera's picture (PNG) of a code."""
        self.seed += 1
        return to_png(photograph(render.to_png(symbol(text)), SCENE, seed=self.seed))

    async def scan(
        self,
        what: str,
        text: str,
        terminal: str,
        *,
        wanted: tuple[str, str | None],
        online: bool | None = True,
    ) -> Answer:
        """Hold a code before a terminal and note what it decided against what it must."""
        answer = await self.doors.terminal(terminal, "/frame", self.picture(text))
        self.note(what, terminal, answer, wanted=wanted, online=online)
        return answer

    def note(
        self,
        what: str,
        terminal: str,
        answer: Answer,
        *,
        wanted: tuple[str, str | None],
        online: bool | None,
    ) -> None:
        """Add the row of an answer."""
        got = (str(answer.get("decision")), answer.get("reason"))
        self._add(
            DemoRow(
                chapter=self.chapter,
                what=what,
                where=terminal,
                decision=got[0],
                reason=got[1] or "",
                milliseconds=_milliseconds(answer.get("ms")),
                online=answer.get("online"),
                right=got == wanted and online in (None, answer.get("online")),
                wanted=_wanted(wanted, online),
            )
        )

    def fact(
        self,
        what: str,
        where: str,
        got: str,
        *,
        wanted: str,
        right: bool | None = None,
        milliseconds: float | None = None,
    ) -> None:
        """Add the row of something that is not a scan; `right` where no word says what must be."""
        self._add(
            DemoRow(
                chapter=self.chapter,
                what=what,
                where=where,
                decision=got,
                reason="",
                milliseconds=milliseconds,
                online=None,
                right=got == wanted if right is None else right,
                wanted=wanted,
            )
        )

    def _add(self, row: DemoRow) -> None:
        self.rows.append(row)
        self.shown(row)


def _wanted(wanted: tuple[str, str | None], online: bool | None) -> str:  # noqa: FBT001 - tristate
    how = {True: "online", False: "alone", None: ""}[online]
    return " ".join(word for word in (*wanted, how) if word)


def _milliseconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
