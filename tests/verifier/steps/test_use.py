"""Uses: what a pass takes, named so that nobody is named, and the turn of the day."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tests.support.city import GRANT, GROUP_ID, NOW, City, asks
from tests.support.faults import static_bytes
from tests.support.keys import other_half
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import Direction, Kind, Outcome
from verifier.encoding import base45
from verifier.groups.roster import pack_members
from verifier.issuing.issuer import Subject
from verifier.steps.use import (
    HASH_TAGS,
    NAME_CHARS,
    PERSON_BYTES,
    PersonKeys,
    Use,
    UseKind,
    person_hash,
    person_name,
    scope_tag,
    uses_of,
)

KEYS = PersonKeys(today=b"t" * 32, yesterday=None)
MIDNIGHT = PersonKeys(today=b"t" * 32, yesterday=b"y" * 32)
OUT: Grant = msgspec.structs.replace(GRANT, direction=Direction.OUT)
FORTY = tuple(range(100, 140))
GROUP = Subject(
    kind=Kind.GROUP, list=1, credential=900, group=GROUP_ID, members=40,
    packed_members=pack_members(FORTY),
)  # fmt: skip


def taken(
    city: City, keys: PersonKeys = KEYS, grant: Grant = GRANT, text: str | None = None, **use: Any
) -> tuple[Use, ...]:
    """Judge, and return what a pass takes."""
    rule = {"scope": "place", "once_for": 300} | use
    asked = city.at(profile=asks(use=rule)).asked()
    assert asked is not None
    return uses_of(city.judge(text), asked.profile, grant, keys)


def test_a_person_takes_one_use() -> None:
    """For as long as the profile says."""
    (claim,) = taken(City())
    assert (claim.kind, claim.seconds, claim.also) == (UseKind.ONCE, 300, "")
    assert len(claim.key) == NAME_CHARS + 1
    assert claim.key[-1] == "i"


def test_what_is_not_a_pass_takes_nothing() -> None:
    """Nor does paper where the place counts no uses; a presentation takes itself."""
    assert taken(City(expires=0)) == ()
    judged = City(phone=None).judge()
    assert judged.outcome is Outcome.PASS
    asked = City().at(profile={k: v for k, v in asks().items() if k != "use"}).asked()
    assert asked is not None
    assert uses_of(judged, asked.profile, GRANT, KEYS) == ()
    assert len(uses_of(City().judge(), asked.profile, GRANT, KEYS)) == 1


@pytest.mark.parametrize("scope", ["gate", "place", "zone:metro"])
def test_the_name_hangs_on_scope_direction_person_and_day(scope: str) -> None:
    """Each of them alone makes another claim; the code, the phone and the time do not."""
    key = taken(City(), scope=scope)[0].key
    person = replace(City().subject, person=78)
    assert taken(City(), scope=scope, grant=OUT)[0].key != key
    assert taken(City(subject=person), scope=scope)[0].key != key
    assert taken(City(), PersonKeys(today=b"u" * 32, yesterday=None), scope=scope)[0].key != key
    paper = taken(City(phone=None), scope=scope)[0]
    assert paper.key != key
    assert paper.also == key
    second = replace(City().subject, credential=502)
    assert taken(City(subject=second), scope=scope)[0].key == key
    other_gate = msgspec.structs.replace(GRANT, gate="west")
    same = taken(City(), scope=scope, grant=other_gate)[0].key == key
    assert same is (scope != "gate")
    other_place = msgspec.structs.replace(GRANT, place="hall-2")
    same = taken(City(), scope=scope, grant=other_place)[0].key == key
    assert same is (scope == "zone:metro")


def test_the_other_half_of_a_signature_takes_the_same() -> None:
    """A malleable signature does not make a second use."""
    static = static_bytes(City())
    turned = "CC1:" + base45.encode(static[:-64] + other_half(static[-64:]))
    assert taken(City(), text=turned) == taken(City(phone=None))
    shown = City().presentation()
    turned = "CC1:" + base45.encode(shown[:-64] + other_half(shown[-64:]))
    assert taken(City(), text=turned) == taken(City())


def test_around_midnight_a_claim_also_looks_at_yesterday() -> None:
    """The name under yesterday's key is what was claimed under it then."""
    before = PersonKeys(today=MIDNIGHT.yesterday or b"", yesterday=None)
    (old,) = taken(City(), before)
    (new,) = taken(City(), MIDNIGHT)
    assert new.also == old.key
    assert new.key != old.key


def test_pairs_and_room() -> None:
    """In: once, enter, a place; out: once, leave, the place given back."""
    rule: dict[str, Any] = {"pair": True, "pair_for": 7200, "capacity": 50}
    into = taken(City(), **rule)
    out = taken(City(), grant=OUT, **rule)
    assert [claim.kind for claim in into] == [UseKind.ONCE, UseKind.ENTER, UseKind.ROOM]
    assert [claim.kind for claim in out] == [UseKind.ONCE, UseKind.LEAVE, UseKind.ROOM]
    assert into[1].key == out[1].key, "an exit answers the entry"
    assert into[0].key != out[0].key
    assert (into[1].seconds, into[2].limit) == (7200, 50)
    assert (into[2].count, out[2].count) == (1, -1)
    assert into[2].key == out[2].key


def test_forty_people_take_forty_places() -> None:
    """One use each under their own names, so that none of them passes alone as well."""
    group = City(subject=GROUP)
    claims = taken(group, capacity=60)
    once = [claim for claim in claims if claim.kind is UseKind.ONCE]
    assert len({claim.key for claim in once}) == 40
    assert claims[-1].count == 40
    alone = Subject(kind=Kind.PERSONAL, list=1, person=117, credential=5, sectors={1: 0})
    assert taken(City(subject=alone))[0].key in {claim.key for claim in once}
    members = [claim.count for claim in claims if claim.kind is UseKind.MEMBER]
    assert members == list(range(1, 41))
    at_midnight = [claim for claim in taken(group, MIDNIGHT) if claim.kind is UseKind.ONCE]
    assert len({claim.also for claim in at_midnight}) == 40


def test_a_groups_claims_do_not_hang_on_the_rule_of_exceptions() -> None:
    """It speaks of colours, which are judged before: who had passed never ends the group."""
    found = City(subject=GROUP).judge()
    asked = [City(profile=asks(group={"exceptions": it})).asked() for it in ("deny", "review")]
    deny, review = (uses_of(found, it and it.profile, GRANT, KEYS) for it in asked)
    assert deny == review != ()


def test_a_groups_paper_takes_nothing_of_its_members() -> None:
    """Its claims have names of their own; they ask what members have passed by themselves."""
    city = City(subject=GROUP)
    asked, judged = city.asked(), city.judge()
    assert asked is not None
    assert judged.claims is not None
    static = msgspec.structs.replace(
        judged, claims=msgspec.structs.replace(judged.claims, holder=None), shown_at=None
    )
    proof, paper = (
        [use for use in uses_of(it, asked.profile, GRANT, KEYS) if use.kind is UseKind.ONCE]
        for it in (judged, static)
    )
    assert not {claim.key for claim in proof} & {claim.key for claim in paper}
    assert [claim.also.split()[0] for claim in paper] == [claim.key for claim in proof]
    assert {claim.also for claim in proof} == {""}


def test_persons_are_not_in_the_names() -> None:
    """A hash under the day's key; another key, another name; nothing in a repr."""
    found = City().judge()
    assert person_name(found) == "1/77"
    assert person_name(City(subject=GROUP).judge()) is None
    assert person_name(City(expires=0, issuer="440300").judge()) is None
    hashed = person_hash(KEYS.today, "1/77")
    assert len(hashed) == PERSON_BYTES
    assert hashed != person_hash(b"u" * 32, "1/77")
    assert "t" * 8 not in repr(MIDNIGHT)


def test_scopes_spread_over_the_tags() -> None:
    """64 tags, the same for the same scope, and all of them used."""
    tags = {scope_tag(f"place:hall-{number}") for number in range(2000)}
    assert len(tags) == HASH_TAGS
    assert scope_tag("zone:metro") == scope_tag("zone:metro")
    assert all(len(tag) == 2 for tag in tags)


def test_a_presentation_is_claimed_for_as_long_as_an_uncertain_clock_takes_it() -> None:
    """A clock that may be 120 s off takes a proof 100 s ahead of it, and still after 150 s."""
    city = City(shown_at=NOW + 100, uncertainty=120.0, profile=asks())
    asked = city.asked()
    assert asked is not None
    (claim,) = uses_of(city.judge(), asked.profile, GRANT, KEYS)
    assert claim.seconds > 100 + asked.profile.window
    assert taken(city)[0].seconds == 300 + 100
