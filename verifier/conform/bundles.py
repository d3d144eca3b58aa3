"""`kapok conform bundles`: signed documents in, taken one after another; what refuses one out.

The first is the pinned root file. A refused document ends the line: a terminal would go on with
what it had, so whoever wants to see that sends the next document without the refused one. The kind
`restart` stands for a power cut: floors and the newest root stay, all else is read again as held.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from verifier.conform.lines import BadLine, Members, ProtocolFault, answer
from verifier.conform.moments import unix_seconds
from verifier.contract.errors import MalformedError
from verifier.contract.status import DeltaDocument, StatusDocument
from verifier.errors import BundleCause, BundleRefused
from verifier.status.plane import NO_STATUS, PlaneView
from verifier.trust.bundle import Taken, TrustedSet
from verifier.trust.bundle_kind import Naming
from verifier.trust.kinds import KINDS, take

MAX_DOCUMENTS: Final = 256
"""Documents of a line."""
MAX_VALUES: Final = 4096
"""Values of a plane that an answer lists; of a longer one it says none."""
_ROOT: Final = "root"
_GRANT: Final = "grant"
_STATUS: Final = "status"
_DELTA: Final = "delta"
_RESTART: Final = "restart"
_PLACE: Final = "hall-1"
"""Whose the rosters and appointments are, where a line names no place."""


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    at: str
    hex: str = ""
    held: bool = False
    """It was taken before and is opened again, as at a restart: an end is no refusal then."""
    deltas: tuple[str, ...] = ()
    """Of a snapshot: the deltas that come with it, hex; all are taken, or nothing."""


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    documents: Annotated[tuple[_Document, ...], Meta(min_length=1, max_length=MAX_DOCUMENTS)]
    place: str = _PLACE


def conform_line(line: bytes) -> bytes:
    """Answer one line of `kapok conform bundles`; no line end, never raises for what it holds."""
    return answer(line, _respond)


def _respond(members: Members) -> Members:
    try:
        asked = msgspec.convert(dict(members), _Line)
        read = [(each, bytes.fromhex(each.hex), unix_seconds(each.at)) for each in asked.documents]
        _ = [bytes.fromhex(delta) for each in asked.documents for delta in each.deltas]
    except ValueError as error:  # msgspec's too
        raise BadLine(ProtocolFault.DOCUMENTS) from error
    kinds = {_STATUS, _DELTA, _GRANT, _RESTART, *KINDS}
    if read[0][0].kind != _ROOT or any(each.kind not in kinds for each, _, _ in read):
        raise BadLine(ProtocolFault.DOCUMENTS)
    holder: _Holder | None = None
    for number, (each, data, now) in enumerate(read):
        try:
            if holder is None:
                holder = _Holder(data, asked.place)
            else:
                holder.take(each, data, now)
        except BundleRefused as refused:
            return _answer(refused.cause, number, holder)
        except MalformedError:
            return _answer(BundleCause.MALFORMED, number, holder)
    return _answer(None, None, holder)


def _answer(cause: BundleCause | None, number: int | None, holder: "_Holder | None") -> Members:
    found: dict[str, Any] = {"cause": None if cause is None else cause.value, "document": number}
    if holder is not None and holder.plane is not None:
        found["plane"] = _told(holder.plane)
    return found


def _told(view: PlaneView) -> Members:
    size = view.values.size
    return {
        "version": view.version,
        "chain": view.chain.hex(),
        "as_of": view.as_of,
        "known_as_of": view.known_as_of,
        "values": [view.values[at] for at in range(size)] if size <= MAX_VALUES else None,
    }


class _Holder:
    """What the documents of a line have led to: what is trusted, and the newest plane."""

    def __init__(self, root_file: bytes, place: str) -> None:
        self.plane: PlaneView | None = None
        self._root_file = root_file
        self._trusted = TrustedSet(root_file)
        self._status = NO_STATUS
        self._place = place

    def take(self, document: _Document, data: bytes, now: float) -> None:
        """Take a document.

        Raises:
            BundleRefused: with its cause.
        """
        if document.kind == _RESTART:
            self._restart()
        elif document.kind in (_STATUS, _DELTA):
            self._take_plane(document, data, now)
        elif document.kind == _GRANT:
            self._trusted.read_grant(data, now)
        else:
            kind = KINDS[document.kind]
            name = kind.of(self._place) if kind.naming is Naming.PLACE else kind.word
            take(self._trusted, name, data, now, held=document.held)
            if document.kind == _ROOT:
                self._root_file = data

    def _restart(self) -> None:
        """Begin anew from the newest root and the floors, as a terminal does."""
        floors = {name: rows for name, rows in self._trusted.kept.items() if name != _ROOT}
        self._trusted = TrustedSet(self._root_file, floors=floors)
        self._status, self.plane = NO_STATUS, None

    def _take_plane(self, document: _Document, data: bytes, now: float) -> None:
        found: Taken[StatusDocument, PlaneView] | Taken[DeltaDocument, PlaneView]
        if document.kind == _STATUS:
            deltas = tuple(bytes.fromhex(each) for each in document.deltas)
            found = self._trusted.take_status(data, now, deltas=deltas, held=document.held)
        else:
            found = self._trusted.take_delta(data, self._status, now, held=document.held)
        self.plane, signed = found.value, found.document
        self._status = self._status.replaced(signed.list, signed.plane, found.value)
