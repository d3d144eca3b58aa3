"""Step (7) of documents: which kinds a place's rules read, ICVP by a catalogue, days of a zone."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.foreign import rule
from tests.support.health import COUNTRY, dcc
from tests.verifier.codes.test_hcert import trusted
from tests.verifier.codes.test_health_documents import (
    ICVP_2024,
    ICVP_2025,
    ICVP_2026,
    TESTED,
    VACCINATED,
    YELLOW,
    icvp,
    link,
    signed,
)
from tests.verifier.steps.test_place import GRANT
from verifier.engine import Clock, Known, assess
from verifier.errors import ProfileError
from verifier.policy.profiles import open_profiles
from verifier.service.issuing.bundles.sources import read_sources
from verifier.status.plane import NO_STATUS
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.keys import KeyRing
from verifier.trust.signers import Trust

NOON: Final = "2026-11-30T12:00:00+00:00"
PLACE: Final = """
place = "hall-1"
stance = "closed"
formats = ["HC1"]
static = ["HC1"]
rules = {{ country = "XX" }}
{more}
"""
POLIO: Final = "PolioVaccineOralOPVBivalProduct0123456789abcdef0123456789abcdef"
GONE: Final = "YellowFeverProduct0123456789abcdef0123456789abcdef"
PRODUCTS: Final[Mapping[str, Any]] = {
    "old.json": {"date": "2026-06-01", "products": {GONE: {"diseases": ["1D47"]}}},
    "new.json": {
        "date": "2026-09-01",
        "products": {YELLOW: {"diseases": ["1D47"]}, POLIO: {"diseases": ["1C81"]}},
    },
}


def against(disease: str) -> str:
    """Return the rule of a place that asks for a vaccination against a disease."""
    logic = {"in": [disease, {"var": "payload.v.0.diseases"}]}
    return rule(1, logic, Format="ICVP", CertificateType="Vaccination")


def days(number: int) -> str:
    """Return a rule that is met from so many days after the dose of an EU certificate."""
    dose = {"plusTime": [{"var": "payload.v.0.dt"}, number, "day"]}
    now = {"plusTime": [{"var": "external.validationClock"}, 0, "day"]}
    return rule(2, {"not-after": [dose, now]}, CertificateType="Vaccination")


def judged(
    folder: Path,
    text: str,
    *rules: str,
    at: str = NOON,
    products: Mapping[str, Any] = PRODUCTS,
    more: str = "",
) -> tuple[str, str | None]:
    """Judge a code at a place of files; outcome or reason, and the rule that decided."""
    for name in ("profiles", "rules/products"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "profiles/hall-1.toml").write_text(PLACE.format(more=more))
    for number, one in enumerate(rules):
        (folder / f"rules/{number}.json").write_text(one)
    for name, listed in products.items():
        (folder / "rules/products" / name).write_text(json.dumps(listed))
    now = int(datetime.fromisoformat(at).timestamp())
    try:
        document = read_sources(
            folder / "profiles", folder / "rules", issued_at=now - 9, expires=now + 9
        )
        place = open_profiles(document).at("hall-1")
    except ProfileError as error:
        return str(error), None
    ring = KeyRing((trusted(kid=COUNTRY.kid, not_before=0, not_after=2 * now),))
    trust = Trust(version=1, expires=2 * now, ring=ring, sectors_enabled=frozenset())
    found = assess(
        text,
        known=Known(trust=trust, status=NO_STATUS),
        profile=place,
        grant=GRANT,
        clock=Clock(now=now),
        seen=VerifiedCredentials(0),
    )
    outcome = found.outcome if found.reason is None or found.outcome == "review" else found.reason
    return outcome, found.rule


NEEDS_YELLOW: Final[Mapping[str, tuple[str, str]]] = {
    "2026": ("pass", signed(-6, ICVP_2026)),
    "2025": ("pass", signed(-6, ICVP_2025)),
    "2024": ("pass", signed(-6, ICVP_2024)),
    "nine days": ("time.not_yet", signed(-6, icvp(dv="2026-11-21"))),
    "polio": ("rule.failed", signed(-6, icvp(vp=POLIO))),
    "another disease of 2024": ("rule.failed", signed(-6, icvp(ICVP_2024, "v", tg="RA01"))),
    "an id that is gone, before it went": ("pass", signed(-6, icvp(vp=GONE, dv="2026-08-31"))),
    "an id that is gone, after it went": ("rule.failed", signed(-6, icvp(vp=GONE))),
    "no product": ("rule.failed", signed(-6, icvp(vp="YellowFeverProduct" + "0" * 32))),
    "a dose later than the certificate": (
        "rule.failed",
        signed(-6, icvp(dv="2026-10-01"), iat=1_780_000_000),
    ),
    "a template of another version": ("review", signed(-6, {**ICVP_2026, "v": "2.0"})),
    "an EU certificate": ("place.document", signed(1, dcc())),
    "WHO's": ("place.document", signed(3, VACCINATED)),
    "a link": ("place.link", signed(5, link())),
    "a kind that nobody reads": ("place.document", signed(-42, {"a": 1})),
    "a date that is none": ("rule.unknown", signed(-6, icvp(dv="soon"))),
}


@pytest.mark.parametrize("name", NEEDS_YELLOW)
def test_a_place_that_asks_for_yellow_fever(name: str, tmp_path: Path) -> None:
    """The disease comes from the catalogue; a name of an id approves nothing."""
    expected, text = NEEDS_YELLOW[name]
    assert judged(tmp_path, text, against("1D47"))[0] == expected


def test_a_product_that_is_not_approved_is_said(tmp_path: Path) -> None:
    """By WHO's name of the rule."""
    text = signed(-6, icvp(vp="YellowFeverProduct" + "0" * 32))
    assert judged(tmp_path, text, against("1D47")) == ("rule.failed", "ICVP.DT.1")


def test_without_a_catalogue_nobody_knows(tmp_path: Path) -> None:
    """A product by its id is unknown; the form of 2024 names the disease itself."""
    text = signed(-6, ICVP_2026)
    assert judged(tmp_path, text, against("1D47"), products={})[0] == "rule.unknown"
    assert judged(tmp_path, signed(-6, ICVP_2024), against("1D47"), products={})[0] == "pass"


def test_rules_for_certificates_of_who(tmp_path: Path) -> None:
    """They read the document as it was signed; the EU's rules say nothing of it."""
    rules = (
        rule(1, {"===": [{"var": "payload.vaccination.dose"}, 1]}, Format="DDCC"),
        rule(2, {"===": [1, 2]}),
    )
    assert judged(tmp_path, signed(3, VACCINATED), *rules)[0] == "pass"
    assert judged(tmp_path, signed(4, TESTED), *rules)[0] == "rule.failed"
    assert judged(tmp_path, signed(1, dcc(v=[{"tg": "1"}])), *rules)[0] == "rule.failed"


ZONES: Final = {
    "Guangzhou, before midnight": ("2026-11-29T15:59:59+00:00", "Asia/Shanghai", "rule.failed"),
    "Guangzhou, at midnight": ("2026-11-29T16:00:00+00:00", "Asia/Shanghai", "pass"),
    "Guangzhou, without a zone": ("2026-11-29T16:00:00+00:00", None, "pass"),
    "UTC, before midnight": ("2026-11-29T23:59:59+00:00", "UTC", "rule.failed"),
    "UTC, at midnight": ("2026-11-30T00:00:00+00:00", "UTC", "pass"),
    "New York, before midnight": ("2026-11-30T04:59:59+00:00", "America/New_York", "rule.failed"),
    "New York, at midnight": ("2026-11-30T05:00:00+00:00", "America/New_York", "pass"),
}


@pytest.mark.parametrize("name", ZONES)
def test_a_rule_counts_days_of_the_place(name: str, tmp_path: Path) -> None:
    """From day 14 begins at midnight there, whatever day it is elsewhere."""
    at, zone, expected = ZONES[name]
    more = "" if zone is None else f'zone = "{zone}"'
    text = signed(1, dcc(v=[{"tg": "840539006", "dt": "2026-11-16"}]))
    assert judged(tmp_path, text, days(14), at=at, more=more)[0] == expected


def test_a_window_of_days_is_of_the_place(tmp_path: Path) -> None:
    """The last day counts to its end there, and the first from its begin."""
    text = signed(-6, icvp(ICVP_2025, "v", vls="2026-11-20", vle="2026-11-29"))
    for at, expected in (
        ("2026-11-19T15:59:59+00:00", "time.not_yet"),
        ("2026-11-19T16:00:00+00:00", "pass"),
        ("2026-11-29T15:59:59+00:00", "pass"),
        ("2026-11-29T16:00:00+00:00", "time.expired"),
    ):
        assert judged(tmp_path, text, against("1D47"), at=at)[0] == expected


@pytest.mark.parametrize(
    "stated", ["16.11.2026", "2026-13-01", "2026-11-16T25:00:00Z", 20261116, None]
)
def test_a_date_that_cannot_be_read_is_unknown(stated: Any, tmp_path: Path) -> None:
    """Nobody can say whether the rule is met, so it is not said that it is not."""
    text = signed(1, dcc(v=[{"tg": "840539006", "dt": stated}]))
    assert judged(tmp_path, text, days(14))[0] == "rule.unknown"


def test_a_zone_that_is_none(tmp_path: Path) -> None:
    """It is refused by its field, also where it would lead out of the folder of zones."""
    for zone in ("Asia/Nowhere", "../../etc/passwd", "China Standard Time", ""):
        said, _ = judged(tmp_path, signed(1, dcc()), days(14), more=f'zone = "{zone}"')
        assert said.startswith("hall-1.toml: zone: ")
