"""One code judged: with a place and without, revoked ones refused either way; nothing leaks."""

import math
from dataclasses import replace
from typing import Any, Final

import pytest

from deploy.inspection.inputs import ShownCode
from deploy.inspection.judgement import JudgedCode, JudgementBasis, judge
from deploy.inspection.report import remarks
from tests.support.city import City, asks
from tests.support.health import AT, CARDS, COUNTRY, card_text, health_text
from tests.support.judgements import ON_A_PHONE, ON_PAPER
from tests.support.publisher import NOW
from tests.support.signers import as_json, certificate, web_key
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Colour, Outcome, Sector, Step
from verifier.policy.profiles import ResolvedProfile, check_profile, resolve
from verifier.status.plane import NO_STATUS
from verifier.trust.known import Known
from verifier.trust.lists import offered_ring, read_signers
from verifier.trust.signers import Trust


def by_keys(*lists: bytes) -> Known:
    """Know the keys of lists, and nothing else."""
    offers = [offer for data in lists for offer in read_signers(data, "list").offers]
    ring, _ = offered_ring(offers)
    trust = Trust(version=1, expires=math.inf, ring=ring, sectors_enabled=frozenset(Sector))
    return Known(trust=trust, status=NO_STATUS)


PLACE: Final = resolve(check_profile(asks()), 1)
FOREIGN: Final = by_keys(COUNTRY.spki, as_json({"keys": [web_key(CARDS)]}))


def found(text: str, known: Known, **asked: Any) -> JudgedCode:
    """Judge a text."""
    return judge(ShownCode(name="it", text=text), JudgementBasis(known=known, at=AT, **asked))


@pytest.mark.parametrize("text", [health_text(), card_text()])
def test_foreign_codes_by_their_keys(text: str) -> None:
    """Pass with the key, unknown without."""
    assert found(text, FOREIGN).passed
    assert found(text, by_keys(certificate())).decision.reason is Reason.TRUST_UNKNOWN_KEY


def test_a_city_code_without_a_place() -> None:
    """Only what it is counts; a revoked one is refused where the plane is known."""
    city = City()
    asked = JudgementBasis(known=city.known(), at=NOW)
    good = judge(ShownCode(name="it", text=city.text()), asked)
    assert (good.passed, good.assessment.steps, good.assessment.step) == (
        True,
        "oooooos",
        Step.STATUS,
    )
    revoked = replace(city, revoked=frozenset({501}))
    refused = judge(
        ShownCode(name="it", text=city.text()), JudgementBasis(known=revoked.known(), at=NOW)
    )
    assert (refused.decision.outcome, refused.decision.reason) == (
        Outcome.DENY,
        Reason.STATUS_REVOKED,
    )
    assert (refused.assessment.steps, refused.assessment.step) == ("ooooor-", Step.STATUS)
    small = replace(city, size=100)
    outside = judge(
        ShownCode(name="it", text=city.text()), JudgementBasis(known=small.known(), at=NOW)
    )
    assert outside.decision.reason is Reason.STATUS_UNKNOWN
    blind = replace(city, planes=())
    unseen = judge(
        ShownCode(name="it", text=city.text()), JudgementBasis(known=blind.known(), at=NOW)
    )
    assert (unseen.passed, unseen.assessment.steps) == (True, "ooooos" + "s")


def test_a_city_code_at_a_place() -> None:
    """As at an entrance of it."""
    city = City()
    profile = resolve(check_profile(asks(place="museum-1", sector="culture")), 1)
    asked = JudgementBasis(known=city.known(), profile=profile, at=NOW)
    assert judge(ShownCode(name="it", text=city.text()), asked).passed
    elsewhere = replace(city, audience="place:hall-1").text()
    refused = judge(ShownCode(name="it", text=elsewhere), asked)
    assert refused.decision.reason is Reason.PROOF_AUDIENCE


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        (Reason.PICTURE_NONE, Step.RECOGNISE),
        (Reason.PICTURE_SEVERAL, Step.RECOGNISE),
        (Reason.CODE_MALFORMED, Step.DECODE),
    ],
)
def test_what_has_no_text(reason: Reason, step: Step) -> None:
    """It is refused at the step that its Reason belongs to."""
    judged = judge(
        ShownCode(name="it", text=None, reason=reason), JudgementBasis(known=FOREIGN, at=AT)
    )
    assert (judged.decision.reason, judged.assessment.step) == (reason, step)


def test_a_line_says_nothing_of_the_person() -> None:
    """Its members are these."""
    line = found(health_text(), FOREIGN).line()
    assert set(line) == {
        *("name", "outcome", "reason", "step", "format", "issuer", "expires", "sentence"),
        *("place", "status", "but_for_age"),
    }
    assert (line["format"], line["issuer"], line["expires"]) == ("HC1", "AT", AT + 3600)
    assert set(line["sentence"]) == {"zh-CN", "en"}


@pytest.mark.parametrize(
    ("colour", "word", "good"),
    [
        (Colour.GREEN, "in force, green", True),
        (Colour.YELLOW, "in force, yellow", False),
        (Colour.RED, "in force, red", False),
    ],
)
def test_without_a_place_no_verdict_is_given(colour: Colour, word: str, good: bool) -> None:  # noqa: FBT001 - a table
    """It is genuine, its status is said, and a bad status is no success."""
    city = City(colours={77: colour})
    judged = judge(
        ShownCode(name="it", text=city.text()), JudgementBasis(known=city.known(), at=NOW)
    )
    assert (judged.outcome_word, judged.status_word, judged.passed) == ("genuine", word, good)
    assert judged.line()["outcome"] != "pass"
    assert "verdict" in judged.sentences()["en"]


@pytest.mark.parametrize(
    ("colours", "word", "good"),
    [
        ({}, "in force, green", True),
        ({20: Colour.NONE}, "in force, none", True),
        ({20: Colour.YELLOW}, "in force, yellow", False),
        ({10: Colour.YELLOW, 20: Colour.RED}, "in force, red", False),
    ],
)
def test_a_group_is_as_its_worst_member(colours: dict[int, Colour], word: str, good: bool) -> None:  # noqa: FBT001 - a table
    """Where the code says who is in it, a red member is no success without a place either."""
    city = ON_A_PHONE.at(colours=colours)
    judged = judge(
        ShownCode(name="it", text=city.text()), JudgementBasis(known=city.known(), at=NOW)
    )
    assert (judged.outcome_word, judged.status_word, judged.passed) == ("genuine", word, good)


def test_a_groups_members_of_whom_only_a_place_knows() -> None:
    """The colour is unknown without the place, and the worst one with its roster."""
    city = ON_PAPER.at(colours={20: Colour.RED})
    shown = ShownCode(name="it", text=city.text())
    nowhere = judge(shown, JudgementBasis(known=city.known(), at=NOW))
    there = judge(shown, JudgementBasis(known=city.known(), at=NOW, profile=PLACE))
    assert (nowhere.status_word, there.status_word) == ("in force, unknown", "in force, red")
    assert not there.passed


def test_a_code_whose_plane_is_not_at_hand() -> None:
    """The status is unknown, and said to be."""
    city = City(planes=())
    judged = judge(
        ShownCode(name="it", text=city.text()), JudgementBasis(known=city.known(), at=NOW)
    )
    assert judged.status_word == "unknown, unknown"


@pytest.mark.parametrize(
    ("colours", "place", "then"),
    [
        ({}, None, ("genuine", None, "in force, green")),
        ({77: Colour.RED}, None, ("genuine", None, "in force, red")),
        ({}, PLACE, ("pass", None, "in force, green")),
        ({77: Colour.RED}, PLACE, ("deny", Reason.STATUS_RED, "in force, red")),
    ],
)
def test_a_photo_is_judged_past_its_age(
    colours: dict[int, Colour], place: ResolvedProfile | None, then: tuple[str, ...]
) -> None:
    """It stays refused, and what it would get but for its age is said."""
    city = City(colours=colours, shown_at=NOW - 900)
    judged = judge(
        ShownCode(name="it", text=city.text()),
        JudgementBasis(known=city.known(), at=NOW, profile=place),
    )
    assert judged.decision.reason is Reason.PROOF_STALE
    assert judged.status_word == then[2]
    aged = judged.but_for_age
    assert aged is not None
    assert (aged.outcome_word, aged.decision.reason, aged.status_word) == then
    said = remarks(judged)[-1]
    assert said.startswith(f"but for its age: {aged.outcome_word}")
    assert ("red" in said) is (Colour.RED in colours.values()), said
