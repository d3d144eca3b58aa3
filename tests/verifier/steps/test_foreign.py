"""Step (7): what a place asks of foreign documents, and never a pass where it asks nothing."""

from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.support.city import GRANT
from tests.support.foreign import rule
from tests.support.health import (
    AT,
    CARDS,
    COUNTRY,
    DOSE,
    card_text,
    health_text,
)
from tests.support.health import claims as health_claims
from tests.support.health_cards import PATIENT, TEST, card_of, coding
from verifier.contract.bundle import ProfilesDocument
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.decision import Assessment
from verifier.engine import Clock, Known, assess
from verifier.errors import ProfileError
from verifier.policy.profiles import check_profile, open_profiles, resolve
from verifier.status.plane import NO_STATUS
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.jwk import thumbprint_of
from verifier.trust.keys import KeyRing, TrustedKey, load_spki
from verifier.trust.signers import Trust

DETECTED: Final = "260373001"
NOT_DETECTED: Final = "260415000"
BORDER: Final[Mapping[str, Any]] = {
    "place": "hall-1",
    "stance": "closed",
    "formats": ["HC1", "SHC"],
    "static": ["HC1", "SHC"],
    "rules": {"country": "XX"},
}
BEFORE: Final = {
    "not-after": [
        {"plusTime": [{"var": "payload.t.0.date"}, 0, "day"]},
        {"plusTime": [{"var": "external.validationClock"}, 0, "day"]},
        {"plusTime": [{"var": "payload.t.0.date"}, 3, "day"]},
    ]
}
RULES: Final = (
    rule(1, {"===": [{"var": "payload.t.0.tr"}, NOT_DETECTED]}, CertificateType="Test"),
    rule(
        2,
        {"and": [{"===": [{"var": "payload.t.0.result"}, NOT_DETECTED]}, BEFORE]},
        CertificateType="Test",
        Format="SHC",
    ),
    rule(
        3,
        {
            "and": [
                {"in": [{"var": "payload.v.0.cvx"}, {"var": "external.valueSets.cvx"}]},
                {
                    ">=": [
                        {
                            "reduce": [
                                {"var": "payload.v"},
                                {"+": [{"var": "accumulator"}, 1]},
                                0,
                            ]
                        },
                        2,
                    ]
                },
            ]
        },
        CertificateType="Vaccination",
        Format="SHC",
    ),
)


def trust() -> Trust:
    """Trust a country's signer and an issuer of cards."""
    keys = []
    for signer, code_format in ((COUNTRY, "HC1"), (CARDS, "SHC")):
        public, key = load_spki(signer.spki)
        keys.append(
            TrustedKey(
                kid=signer.kid if code_format == "HC1" else thumbprint_of(public),
                key=key,
                uses=frozenset({"credential"}),
                not_before=0,
                not_after=AT * 2,
                issuer=None,
                lists=None,
                sectors=None,
                formats=frozenset({code_format}),
            )
        )
    ring = KeyRing(tuple(keys))
    return Trust(version=1, expires=AT * 2, ring=ring, sectors_enabled=frozenset())


def judge(text: str, profile: Mapping[str, Any] = BORDER) -> Assessment:
    """Judge a document at the border."""
    profiles = open_profiles(
        ProfilesDocument(
            type="profiles",
            version=1,
            iat=AT,
            exp=AT + 2,
            profiles=(dict(profile),),
            rules=RULES,
            value_sets={"cvx": ("207", "208")},
        )
    )
    return assess(
        text,
        known=Known(trust=trust(), status=NO_STATUS),
        profile=profiles.at("hall-1"),
        grant=GRANT,
        clock=Clock(now=AT),
        seen=VerifiedCredentials(0),
    )


def resulting(result: str) -> dict[str, Any]:
    """Return a test with a result."""
    return dict(TEST) | {"valueCodeableConcept": coding("http://snomed.info/sct", result)}


def certificate(result: str) -> str:
    """Return an EU certificate of a test."""
    return health_text(health_claims(v=None, t=[{"tg": "840539006", "tr": result}]))


def test_a_place_without_rules_takes_no_foreign_document() -> None:
    """A certificate of a positive test passed there: the profile is refused where it is read."""
    for formats in (["HC1"], ["SHC"], ["CC1", "HC1"]):
        profile = {"place": "hall-1", "stance": "closed", "formats": formats}
        with pytest.raises(ProfileError):
            check_profile(profile)
        with pytest.raises(ProfileError) as refused:
            check_profile(profile | {"static": [one for one in formats if one != "CC1"]})
        assert refused.value.field == "rules"


@pytest.mark.parametrize("formats", [["HC1"], ["SHC"], ["HC1", "SHC"]])
def test_rules_that_read_no_document_of_a_format(formats: list[str]) -> None:
    """The bundle is refused, and the place named: rules of another format ask nothing of it."""
    for missing in formats:
        kept = tuple(text for text in RULES if ('"Format": "SHC"' in text) == (missing != "SHC"))
        document = ProfilesDocument(
            type="profiles",
            version=1,
            iat=AT,
            exp=AT + 2,
            profiles=({**BORDER, "formats": formats, "static": formats},),
            rules=kept,
        )
        with pytest.raises(ProfileError, match=rf"hall-1 takes {missing}") as refused:
            open_profiles(document)
        assert (refused.value.field, refused.value.places) == ("rules", ("hall-1",))


@pytest.mark.parametrize("text", [health_text(), card_of(PATIENT, DOSE)], ids=["HC1", "SHC"])
def test_a_profile_that_came_another_way_passes_nothing(text: str) -> None:
    """Where there are no rules, step (7) does not let a document pass."""
    found = assess(
        text,
        known=Known(trust=trust(), status=NO_STATUS),
        profile=resolve(check_profile(BORDER), 1),
        grant=GRANT,
        clock=Clock(now=AT),
        seen=VerifiedCredentials(0),
    )
    assert found.reason is Reason.RULE_UNKNOWN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (certificate(NOT_DETECTED), None),
        (certificate(DETECTED), Reason.RULE_FAILED),
        (health_text(), Reason.RULE_UNKNOWN),  # no rule for vaccinations of HC1
        (card_of(PATIENT, DOSE, DOSE), None),
        (card_of(PATIENT, DOSE), Reason.RULE_FAILED),
        (card_of(PATIENT, DOSE, dict(DOSE) | {"status": "not-done"}), Reason.RULE_UNKNOWN),
        (card_of(PATIENT, resulting(NOT_DETECTED)), None),
        (card_of(PATIENT, resulting(DETECTED)), Reason.RULE_FAILED),
        (
            card_of(
                PATIENT, resulting(NOT_DETECTED) | {"effectiveDateTime": "2023-11-10T22:13:19Z"}
            ),
            Reason.RULE_FAILED,
        ),
        (card_of(PATIENT, DOSE, DOSE, resulting(NOT_DETECTED)), Reason.RULE_UNKNOWN),
        (card_of(PATIENT), Reason.RULE_UNKNOWN),
        (card_of(PATIENT, DOSE, DOSE, {"resourceType": "Condition"}), Reason.RULE_UNKNOWN),
        (card_text(), Reason.RULE_UNKNOWN),
    ],
)
def test_what_rules_say_of_documents(text: str, reason: Reason | None) -> None:
    """Doses and tests of both formats; what does not map is unknown, and nothing else passes."""
    found = judge(text)
    assert (found.outcome is Outcome.PASS, found.reason) == (reason is None, reason)


def test_an_open_place_does_not_pass_what_rules_cannot_read() -> None:
    """Its stance is for what cannot be known of the time and the network."""
    opened = {**BORDER, "stance": "open"}
    assert judge(card_of(PATIENT), opened).reason is Reason.RULE_UNKNOWN
