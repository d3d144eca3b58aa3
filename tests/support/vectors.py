"""Reads our own vectors and judges them by the core; knows nothing of how they were made."""

import base64
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import scan
from verifier.codes.scanned import clean
from verifier.contract.bundle import AppointmentsDocument, Roster, RostersDocument
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import ApiScope, Direction, GrantState, Plane
from verifier.decision import Assessment
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.groups.roster import NO_ROSTERS, Rosters, open_rosters, unpack_members
from verifier.policy.profiles import check_profile, resolve
from verifier.sectors.appointments import PlaceAppointments, open_appointments
from verifier.status.plane import BITS, PackedValues, PlaneView, Status, pack
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.keys import KeyRing, TrustedKey, kid_of, load_spki
from verifier.trust.signers import Trust

FOLDER: Final = Path(__file__).resolve().parents[1] / "vectors"
ALL_SECTORS: Final = frozenset({1, 2, 3, 4})
PLACE: Final = "hall-1"
"""Whose the rosters and appointments of all vectors are."""
FOR_EVER: Final = float("inf")

Vector = Mapping[str, Any]


def vectors(folder: str) -> tuple[Path, ...]:
    """Return the files of `accept` or `reject`, sorted."""
    return tuple(sorted((FOLDER / folder).glob("*.json")))


def load(path: Path) -> Vector:
    """Read one vector."""
    found: Vector = msgspec.json.decode(path.read_bytes())
    return found


def seconds(at: str) -> float:
    """Turn an ISO 8601 time with its offset into Unix seconds."""
    return datetime.fromisoformat(at).timestamp()


def judge(vector: Vector) -> Assessment:
    """Assess a vector's code, cleaned as every door does; a picture is decoded first."""
    text = vector.get("text")
    if "png" in vector:
        texts = scan(read_picture(base64.b64decode(vector["png"])))
        assert texts == (text,)
    assert isinstance(text, str)
    asked = vector.get("profile", UNASKED)
    clock = vector.get("clock", {})
    return assess(
        clean(text),
        known=Known(
            trust=_trust(vector),
            status=_status(vector),
            rosters=_rosters(vector),
            appointments=_appointments(vector),
        ),
        profile=asked if asked is UNASKED or asked is None else resolve(check_profile(asked), 1),
        grant=_grant(vector.get("grant")),
        clock=Clock(
            now=seconds(vector["at"]),
            uncertainty=clock.get("uncertainty", 0),
            sure=clock.get("sure", True),
        ),
        seen=VerifiedCredentials(1),
    )


def _trust(vector: Vector) -> Trust:
    stated = vector.get("trust", {})
    return Trust(
        version=1,
        expires=stated.get("exp", FOR_EVER),
        ring=KeyRing(tuple(_key(key) for key in vector["keys"])),
        sectors_enabled=frozenset(stated.get("sectors_enabled", ALL_SECTORS)),
    )


def _key(stated: Vector) -> TrustedKey:
    public, key = load_spki(base64.b64decode(stated["spki"]))
    kid = stated.get("kid")
    lists, sectors = stated.get("lists"), stated.get("sectors")
    return TrustedKey(
        kid=kid_of(public) if kid is None else bytes.fromhex(kid),
        key=key,
        uses=frozenset(stated.get("uses", ("credential",))),
        not_before=stated.get("nbf", 0),
        not_after=stated.get("exp", FOR_EVER),
        issuer=stated.get("issuer"),
        lists=None if lists is None else frozenset(lists),
        sectors=None if sectors is None else frozenset(sectors),
        formats=frozenset(stated.get("formats", ("CC1",))),
    )


def _status(vector: Vector) -> Status:
    planes = {}
    for stated in vector.get("status", ()):
        plane = Plane(stated["plane"])
        whole = np.full(stated["size"], stated["fill"], np.uint8)
        for index, value in stated["values"].items():
            whole[int(index)] = value
        bits = BITS[plane]
        values = PackedValues(bits=bits, size=stated["size"], data=pack(whole, bits))
        view = PlaneView(values=values, version=1, as_of=stated["as_of"])
        planes[stated["list"], plane] = view
    return Status(planes)


def _rosters(vector: Vector) -> Rosters:
    if "rosters" not in vector:
        return NO_ROSTERS
    stated = [dict(r) | {"group": bytes.fromhex(r["group"])} for r in vector["rosters"]]
    place = vector["profile"]["place"]
    document = RostersDocument(
        type="rosters",
        version=1,
        iat=1,
        exp=2,
        place=place,
        rosters=msgspec.convert(stated, tuple[Roster, ...]),
    )
    return Rosters({place: open_rosters(document)})


def _appointments(vector: Vector) -> dict[str, PlaceAppointments]:
    if "appointments" not in vector:
        return {}
    stated, place = vector["appointments"], vector["profile"]["place"]
    opening = {"type": "appointments", "version": 1, "iat": 1, "place": place}
    document = msgspec.convert(opening | dict(stated), AppointmentsDocument)
    return {place: open_appointments(document)}


def _grant(stated: Vector | None) -> Grant | None:
    if stated is None:
        return None
    return Grant(
        terminal="terminal",
        fingerprint="00" * 32,
        place=stated["place"],
        gate=stated["gate"],
        direction=Direction(stated["direction"]),
        scopes=(ApiScope.SCAN,),
        state=GrantState.ACTIVE,
        version=1,
    )


def told(found: Assessment) -> dict[str, Any] | None:
    """Write claims by their names, bytes as hex, as a vector states them."""
    claims = found.claims
    if claims is None:
        return None
    said: dict[str, Any] = {
        "iss": claims.issuer,
        "exp": claims.expires,
        "iat": claims.issued_at,
        "kind": int(claims.kind),
        "status": [n for n in (claims.list, claims.person, claims.credential) if n is not None],
    }
    if claims.not_before is not None:
        said["nbf"] = claims.not_before
    if claims.sectors is not None:
        said["sectors"] = {str(sector): value for sector, value in claims.sectors.items()}
    if claims.group is not None:
        group = claims.group
        said["group"] = {
            "id": group.group.hex(),
            "roster_version": group.roster_version,
            "count": group.members,
        }
        if group.packed is not None:
            number = claims.list or 0
            members = unpack_members(group.packed, count=group.members, list_number=number)
            said["group"]["members"] = members.persons.tolist()
    return said
