"""Step (7): groups, sectors, and which rules apply at a place and what they decide."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.support.city import PERSON, City, asks
from tests.support.foreign import rule
from tests.support.health import AT, CARDS, COUNTRY, DOSE, card_text, dcc, health_text
from tests.support.health import claims as health_claims
from tests.support.health_cards import PATIENT, TEST, card_of, coding
from tests.support.judgements import ON_PAPER
from tests.support.public_vectors import public_folder
from verifier.contract.bundle import ProfilesDocument
from verifier.contract.grant import Grant
from verifier.contract.reasons import Language, Reason
from verifier.contract.vocabulary import Answer, Colour, Direction, GrantState, Outcome
from verifier.decision import Assessment, conclude, terminal_answer
from verifier.engine import Clock, Known, assess
from verifier.errors import ProfileError
from verifier.policy.profiles import check_profile, open_profiles, resolve
from verifier.policy.rules import seconds_iso
from verifier.status.plane import NO_STATUS
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.jwk import thumbprint_of
from verifier.trust.keys import KeyRing, TrustedKey, load_spki
from verifier.trust.signers import Trust

PLACE: Final = {
    "place": "hall-1",
    "stance": "closed",
    "formats": ["HC1"],
    "static": ["HC1"],
    "rules": {"country": "XX"},
}
GRANT: Final = Grant(
    terminal="hall-1-a",
    fingerprint="00" * 32,
    place="hall-1",
    gate="a",
    direction=Direction.IN,
    scopes=(),
    state=GrantState.ACTIVE,
    version=1,
)


PASSES: Final = {"===": [{"var": "payload.v.0.ci"}, {"var": "payload.v.0.ci"}]}
FAILS: Final = {"===": [1, 2]}
ENDING: Final = rule(9, PASSES, ValidTo=seconds_iso(AT + 2))


CLOCK: Final = Clock(now=AT)
ONCE: Final = {"scope": "place", "once_for": 60}


@dataclass(frozen=True, slots=True)
class Place:
    """A place with rules, judging one certificate of a trusted country."""

    rules: tuple[str, ...]
    value_sets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    clock: Clock = CLOCK

    def judge(self, text: str | None = None, **changes: Any) -> Assessment:
        """Judge a certificate."""
        _, key = load_spki(COUNTRY.spki)
        trusted = TrustedKey(
            kid=COUNTRY.kid,
            key=key,
            uses=frozenset({"credential"}),
            not_before=0,
            not_after=AT * 2,
            issuer=None,
            lists=None,
            sectors=None,
            formats=frozenset({"HC1"}),
        )
        trust = Trust(
            version=1, expires=AT * 2, ring=KeyRing((trusted,)), sectors_enabled=frozenset()
        )
        profiles = open_profiles(
            ProfilesDocument(
                type="profiles",
                version=1,
                iat=AT,
                exp=AT + 2,
                profiles=(dict(PLACE) | changes,),
                rules=self.rules,
                value_sets=dict(self.value_sets),
            )
        )
        return assess(
            health_text() if text is None else text,
            known=Known(trust=trust, status=NO_STATUS),
            profile=profiles.at("hall-1"),
            grant=GRANT,
            clock=self.clock,
            seen=VerifiedCredentials(),
        )


def test_a_document_passes_all_rules() -> None:
    """Each rule of the country passes: so does the document."""
    found = Place((rule(1, PASSES), rule(2, PASSES))).judge()
    assert (found.outcome, found.reason, found.rule) == (Outcome.PASS, None, None)


def test_the_first_rule_that_fails_decides() -> None:
    """Its id and its text reach the terminal, in the terminal's language."""
    found = Place((rule(1, PASSES), rule(2, FAILS), rule(3, FAILS))).judge()
    assert (found.outcome, found.reason, found.rule) == (
        Outcome.DENY,
        Reason.RULE_FAILED,
        "GR-XX-0002",
    )
    for language, text in ((Language.ZH, "全部。"), (Language.EN, "All of it.")):
        decision = conclude(found, Answer.UNASKED)
        told = terminal_answer(decision, found, scan_id="s", language=language, recorded=True)
        assert (told.rule, told.rule_text) == ("GR-XX-0002", text)


def test_an_absent_input_is_never_a_pass() -> None:
    """A rule that reads what is not there, or a clock that is unsure: unknown."""
    absent = rule(1, {"in": ["a", {"var": "external.nothing"}]})
    assert Place((absent,)).judge().reason is Reason.RULE_UNKNOWN
    timed = rule(
        1,
        {"before": [{"plusTime": ["2020-01-01", 0, "day"]},
                    {"plusTime": [{"var": "external.validationClock"}, 0, "day"]}]},
    )  # fmt: skip
    assert Place((timed,)).judge().outcome is Outcome.PASS
    unsure = Place((timed,), clock=Clock(now=AT, sure=False))
    assert unsure.judge().reason is Reason.RULE_UNKNOWN


def test_value_sets_come_with_the_bundle() -> None:
    """A rule reads them as external.valueSets."""
    asked = rule(1, {"in": ["EU/1", {"var": "external.valueSets.products"}]})
    held = Place((asked,), value_sets=(("products", ("EU/1",)),))
    assert held.judge().outcome is Outcome.PASS
    assert replace(held, value_sets=(("products", ()),)).judge().reason is Reason.RULE_FAILED


@pytest.mark.parametrize(
    "rules",
    [
        (),
        (rule(1, PASSES, Country="YY", Identifier="GR-YY-0001"),),
        (rule(1, PASSES, ValidTo="2021-01-02T00:00:00Z"),),
    ],
)
def test_no_rule_at_all_is_never_a_pass(rules: tuple[str, ...]) -> None:
    """None in the bundle, none of this country, none that is valid now: the bundle is refused.

    Where the last rule ends while the bundle counts, nothing passes any more.
    """
    with pytest.raises(ProfileError) as refused:
        Place(rules).judge()
    assert (refused.value.field, refused.value.places) == ("rules", ("hall-1",))
    ending = Place((*rules, ENDING))
    assert ending.judge().outcome is Outcome.PASS
    assert replace(ending, clock=Clock(now=AT + 3)).judge().reason is Reason.RULE_UNKNOWN


def test_a_document_of_two_kinds_is_judged_by_general_rules_only() -> None:
    """And is unknown when they let it through: no rule is written for it."""
    both = health_text(health_claims(t=[{"tg": "840539006"}], v=dcc().get("v", [{}])))
    assert Place((rule(1, FAILS),)).judge(both).reason is Reason.RULE_FAILED
    assert Place((rule(1, PASSES),)).judge(both).reason is Reason.RULE_UNKNOWN


def test_published_rules_load_unchanged() -> None:
    """Every rule of the public sets opens as a bundle's rule, byte for byte."""
    files = public_folder("certlogic/rules")
    texts = tuple(path.read_text() for path in files if path.name == "rule.json")
    document = ProfilesDocument(
        type="profiles", version=1, iat=1, exp=2, profiles=(asks(),), rules=texts
    )
    assert texts
    assert open_profiles(document).at("hall-1") is not None


def test_a_document_of_nobody_cannot_be_used_once() -> None:
    """Where a person passes once, a document without a name is unsure: the stance decides."""
    named = Place((rule(1, PASSES),))
    assert named.judge(use=ONCE).outcome is Outcome.PASS
    nameless = health_text(health_claims(nam=None))
    assert named.judge(nameless).outcome is Outcome.PASS
    assert named.judge(nameless, use=ONCE).reason is Reason.USE_UNKNOWN
    assert named.judge(nameless, use=ONCE, stance="open").unsure is Reason.USE_UNKNOWN


def test_review_of_a_group() -> None:
    """All but number 2 may pass, and the roster's masked name says who that is."""
    found = ON_PAPER.at(
        colours={20: Colour.RED}, profile=asks(group={"exceptions": "review"})
    ).judge()
    assert (found.outcome, found.reason) == (Outcome.REVIEW, Reason.GROUP_EXCEPTIONS)
    assert found.group is not None
    assert found.group.counts.exceptions == ((2, "李*明"),)


def test_the_subject_says_no_more_than_asked() -> None:
    """Only the class of the place's own sector leaves the assessment for the gate."""
    assert PERSON.sectors is not None
    found = City(profile=asks(sector="transit")).judge()
    assert found.sector_class == PERSON.sectors[2]


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
BORDER_RULES: Final = (
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


def at_border(text: str, profile: Mapping[str, Any] = BORDER) -> Assessment:
    """Judge a document at the border."""
    profiles = open_profiles(
        ProfilesDocument(
            type="profiles",
            version=1,
            iat=AT,
            exp=AT + 2,
            profiles=(dict(profile),),
            rules=BORDER_RULES,
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
        kept = tuple(
            text for text in BORDER_RULES if ('"Format": "SHC"' in text) == (missing != "SHC")
        )
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
    found = at_border(text)
    assert (found.outcome is Outcome.PASS, found.reason) == (reason is None, reason)


def test_an_open_place_does_not_pass_what_rules_cannot_read() -> None:
    """Its stance is for what cannot be known of the time and the network."""
    opened = {**BORDER, "stance": "open"}
    assert at_border(card_of(PATIENT), opened).reason is Reason.RULE_UNKNOWN
