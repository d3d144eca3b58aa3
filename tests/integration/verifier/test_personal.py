"""Credentials of persons at a running issuing process: bound, once per request, in forms."""

import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.centre import ADMIN_KEY, eventually
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.keys import PHONE, STRANGER
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import scan
from verifier.contract.cbor import encode
from verifier.contract.holder import Purpose
from verifier.contract.reasons import Reason
from verifier.issuing import signing_key
from verifier.issuing.holder import possess, present, presentation_text
from verifier.issuing.signing_key import SigningKey


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker."""
    with issuing_house() as running:
        yield running


def code_of(answer: Any) -> tuple[int, str | None]:
    """Return status and code of an answer."""
    return answer.status, answer.body.get("code")


def post(house: IssuingHouse, body: Any, **given: Any) -> Any:
    """Ask for a credential."""
    return house.ask("/v1/credentials", body, **given)


def test_a_key_must_be_at_hand(house: IssuingHouse) -> None:
    """A holder without a possession, with a stranger's, or with one of another purpose."""
    body = house.bound(PHONE)
    bare = {name: body[name] for name in ("kind", "hours", "holder")}
    assert code_of(post(house, bare)) == (400, "holder.possession")
    challenge = bytes.fromhex(body["challenge"])
    for key, purpose, cause in (
        (STRANGER, Purpose.PHONE, "signature"),
        (PHONE, Purpose.PROXY, "other"),
    ):
        shown = possess(key, issuer="440100", challenge=challenge, purpose=purpose)
        refused = post(house, body | {"possession": b64encode(shown).decode()})
        assert code_of(refused) == (400, f"holder.{cause}")
    assert post(house, body).status == 201


def test_a_challenge_is_for_one_person_and_one_purpose(house: IssuingHouse) -> None:
    """Given out for somebody new it opens nobody else's code, and the reverse."""
    person = house.issue(holder=None)["person"]
    unknown = (409, "challenge.unknown")
    assert code_of(post(house, house.bound(PHONE) | {"person": person})) == unknown
    body = house.bound(PHONE, person=person)
    del body["person"]
    assert code_of(post(house, body)) == unknown
    never = house.bound(PHONE) | {"challenge": "0" * 32}
    assert code_of(post(house, never)) == unknown


def test_a_challenge_is_used_once(house: IssuingHouse) -> None:
    """The same request gets the same answer; any other one nothing."""
    body = house.bound(PHONE)
    first = post(house, body)
    again = post(house, body)
    assert again.body == first.body
    assert code_of(post(house, body | {"hours": 25})) == (409, "request.conflict")
    other = post(house, body | {"hours": 25}, headers={"Idempotency-Key": "k" * 20})
    assert code_of(other) == (409, "challenge.used")
    key = signing_key.generate()
    shown = possess(key, issuer="440100", challenge=bytes.fromhex(body["challenge"]))
    stolen = body | {
        "holder": b64encode(encode(key.confirmation)).decode(),
        "possession": b64encode(shown).decode(),
    }
    refused = post(house, stolen, headers={"Idempotency-Key": "s" * 20})
    assert code_of(refused) == (409, "challenge.used")


def test_a_request_is_carried_out_once(house: IssuingHouse) -> None:
    """Under an Idempotency-Key; a second paper is not printed by a lost answer."""
    person = house.issue(holder=None)["person"]
    body = {"kind": "personal", "hours": 24, "holder": None, "person": person}
    key = {"Idempotency-Key": secrets.token_hex(16)}
    answers = [post(house, body, headers=key).body for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(held(house, person)) == 2
    assert code_of(post(house, body | {"hours": 2}, headers=key)) == (409, "request.conflict")
    short = {"Idempotency-Key": "short"}
    assert code_of(post(house, body, headers=short)) == (400, "request.key")


def held(house: IssuingHouse, person: int) -> list[dict[str, Any]]:
    """Return what a person holds."""
    answer = house.get(f"/v1/persons/{person}/credentials")
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["credentials"]
    return found


@pytest.mark.parametrize(
    ("stopped_at", "burnt"), [("set", 1), ("fcall", 0)], ids=["the draw", "the answer"]
)
def test_killed_after_it_is_issued_once(house: IssuingHouse, stopped_at: str, burnt: int) -> None:
    """The store refuses the next step and the process is killed there; the request comes again."""
    person = house.issue(holder=None)["person"]
    body = {"kind": "personal", "hours": 24, "holder": None, "person": person}
    key = {"Idempotency-Key": secrets.token_hex(16)}
    with house.centre.redis.client() as client:
        drawn = client.bitcount("v:taken:1:credential")
        client.execute_command("ACL", "SETUSER", "issuing", f"-{stopped_at}")
        try:
            assert code_of(post(house, body, headers=key)) == (503, "store.away")
            assert client.bitcount("v:taken:1:credential") == drawn + 1
            house.issuing.kill()
        finally:
            client.execute_command("ACL", "SETUSER", "issuing", f"+{stopped_at}")
    house.issuing.start()
    first = post(house, body, headers=key)
    assert first.status == 201
    assert post(house, body, headers=key).body == first.body
    with house.centre.redis.client() as client:
        assert client.bitcount("v:taken:1:credential") == drawn + 1 + burnt
    rows = [row["credential_index"] for row in held(house, person)]
    assert rows.count(first.body["credential_index"]) == 1
    assert len(rows) == 2


def lives(house: IssuingHouse, text: str) -> bool:
    """Say whether a code is good; its person may have passed with another one a moment ago."""
    return house.reason_of(text) in (None, Reason.USE_REPLAYED)


def test_a_lost_phone_ends_and_the_other_lives(house: IssuingHouse) -> None:
    """With every credential of its key, and no other."""
    one, two = signing_key.generate(), signing_key.generate()
    person = house.issue_to(one)["person"]
    first = house.issue_to(one, person=person)
    second = house.issue_to(two, person=person)
    sheet = house.issue(holder=None, person=person)
    answer = house.ask(
        f"/v1/persons/{person}/lost",
        {"credential": first["credential_index"], "reason": "lost"},
    )
    assert first["credential_index"] in answer.body["revoked"]
    assert len(answer.body["revoked"]) == 2
    eventually(
        "the lost phone is refused",
        lambda: house.reason_of(shown(first, one)) == Reason.STATUS_REVOKED,
        within=5,
    )
    eventually("the other passes", lambda: lives(house, shown(second, two)), within=5)
    assert house.reason_of(sheet["text"]) == Reason.USE_REPLAYED
    left = {row["credential_index"] for row in held(house, person)}
    assert left == {second["credential_index"], sheet["credential_index"]}


def shown(issued: dict[str, Any], key: SigningKey) -> str:
    """Return what a phone shows now."""
    credential = b64decode(issued["credential"])
    made = present(credential, key=key, now=int(time.time()), cti=secrets.token_bytes(4))
    return presentation_text(made)


@pytest.mark.parametrize(
    ("person", "body", "code"),
    [
        ("someone", {"credential": 4_000_000_000, "reason": "lost"}, (404, "credential.unknown")),
        ("someone", {"credential": 1}, (400, "body.field")),
        ("99999", {"credential": 1, "reason": "lost"}, (404, "person.unknown")),
        ("x", {"credential": 1, "reason": "lost"}, (404, "person.unknown")),
    ],
)
def test_what_is_not_there_is_not_lost(
    house: IssuingHouse, person: str, body: Any, code: tuple[int, str]
) -> None:
    """Another's credential, nobody's, without a reason."""
    if person == "someone":
        person = str(house.issue(holder=None)["person"])
    assert code_of(house.ask(f"/v1/persons/{person}/lost", body)) == code


@pytest.mark.parametrize("picture", ["png", "svg"])
def test_paper_comes_with_its_picture(house: IssuingHouse, picture: str) -> None:
    """PNG in base64, SVG as text; what the PNG shows is the text."""
    sheet = house.issue(holder=None, picture=picture)
    if picture == "svg":
        assert sheet["picture"].startswith("<svg ")
    else:
        assert scan(read_picture(b64decode(sheet["picture"]))) == (sheet["text"],)


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "phone"},
        {"form": "proxy"},
        {"form": "proxy", "guardian": 1},
        {"guardian": 1},
        {"form": "emergency", "hours": 13},
        {"form": "emergency", "guardian": 1},
    ],
)
def test_a_form_that_does_not_fit_is_refused(house: IssuingHouse, changes: dict[str, Any]) -> None:
    """Static codes have no phone; proxies have a guardian; emergency codes are short."""
    body = {"kind": "personal", "hours": 2, "holder": None}
    assert code_of(post(house, body | changes)) == (400, "form.other")


@pytest.mark.parametrize("colour", ["yellow", "red", "none"])
def test_an_emergency_code_is_for_who_is_green(house: IssuingHouse, colour: str) -> None:
    """At a counter too."""
    person = house.issue(holder=None, colour=colour)["person"]
    body = {"kind": "personal", "hours": 12, "holder": None, "person": person}
    refused = post(house, body | {"form": "emergency"})
    assert code_of(refused) == (409, "colour.not_green")


def test_nobody_holds_more_than_sixteen(house: IssuingHouse) -> None:
    """The seventeenth is refused until one ends."""
    person = house.issue(holder=None)["person"]
    for _ in range(15):
        house.issue(holder=None, person=person)
    body = {"kind": "personal", "hours": 24, "holder": None, "person": person}
    assert code_of(post(house, body)) == (409, "credentials.full")
    lost = {"credential": held(house, person)[3]["credential_index"], "reason": "replaced"}
    assert house.ask(f"/v1/persons/{person}/lost", lost).status == 200
    assert post(house, body).status == 201


def test_a_phone_carries_eight_and_not_nine(house: IssuingHouse) -> None:
    """A child's code on the guardian's phone; the lost phone takes them all with it."""
    phone, other = signing_key.generate(), signing_key.generate()
    guardian = house.issue_to(phone)
    children = [house.issue(holder=None)["person"] for _ in range(9)]
    asked = [
        {"person": child, "form": "proxy", "guardian": guardian["person"]} for child in children
    ]
    carried = [house.issue_to(phone, **each) for each in asked[:8]]
    assert code_of(post(house, house.bound(phone, **asked[8]))) == (409, "family.full")
    house.issue_to(phone, **asked[0])
    refused = post(house, house.bound(other, **asked[8]))
    assert code_of(refused) == (409, "guardian.phone")
    eventually("the child passes", lambda: house.reason_of(shown(carried[1], phone)) is None)
    lost = {"credential": guardian["credential_index"], "reason": "stolen"}
    answer = house.ask(f"/v1/persons/{guardian['person']}/lost", lost)
    assert len(answer.body["revoked"]) == 10
    eventually(
        "the child's code has ended too",
        lambda: house.reason_of(shown(carried[1], phone)) == Reason.STATUS_REVOKED,
        within=5,
    )
    assert [row["form"] for row in held(house, children[1])] == ["paper"]


def test_challenges_need_the_scope_that_issues(house: IssuingHouse) -> None:
    """And make sense."""
    assert house.ask("/v1/challenges", {}, key=None).body["code"] == "key.unknown"
    for body in ({"purpose": "renewal"}, {"purpose": "proxy"}, {"person": -1}, {"more": 1}):
        assert house.ask("/v1/challenges", body, key=ADMIN_KEY).status == 400
