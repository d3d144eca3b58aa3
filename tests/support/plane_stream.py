"""A publisher of one plane for tests: its snapshot now, and deltas that lead on, signed now."""

import time
from collections.abc import Mapping

from tests.support.centre import LIST_SIZE, trust_source
from tests.support.keys import STATUS
from verifier.contract.vocabulary import Plane
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.signing_key import SigningKey
from verifier.service.worker.kept_deltas import KeptDelta
from verifier.status.changes import pack_changes
from verifier.status.plane import BITS, PackedValues, PlaneView


class PlaneStream:
    """One plane of list 1, from a version on; `fill` is the value of each byte at first."""

    def __init__(
        self,
        plane: Plane,
        *,
        version: int = 1,
        fill: int = 0,
        chain: int = 0,
        key: SigningKey = STATUS,
    ) -> None:
        self.name = f"status-1-{plane}"
        self._bits = BITS[plane]
        self._signer = PlaneSigner(
            issuer="440100", uri=trust_source().lists[1], list_number=1, plane=plane, key=key
        )
        data = bytes((fill,)) * (LIST_SIZE * self._bits // 8)
        self.view = PlaneView(
            values=PackedValues(bits=self._bits, size=LIST_SIZE, data=data),
            version=version,
            as_of=int(time.time()),
            chain=bytes((chain,)) * 16,
        )

    def snapshot(self) -> tuple[int, bytes]:
        """Return the version and the signed plane as it is now."""
        return self.view.version, self._signer.snapshot(self.view)

    def change(self, changes: Mapping[int, int] | None = None, *, ahead: int = 0) -> KeptDelta:
        """Lead on to the next version, signed by a clock so many seconds ahead."""
        before = self.view.version
        packed = pack_changes((changes or {}).items(), bits=self._bits)
        signed = self._signer.delta(self.view, packed, int(time.time()) + ahead)
        self.view = signed.view
        return KeptDelta(before=before, version=self.view.version, data=signed.data)
