"""Holders' doors at a running issuing process: what a phone may ask alone, and what it may not."""

import contextlib
import secrets
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.support.centre import Answer, eventually
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.keys import ISSUER, STRANGER
from verifier.contract.cbor import encode
from verifier.contract.holder import HolderDoor, HolderRequest, Purpose
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Kind
from verifier.issuing import signing_key
from verifier.issuing.credential_row import CredentialForm, credential_row, pack_held
from verifier.issuing.holder import ask, possess, present, presentation_text
from verifier.issuing.issuer import Subject, make_credential
from verifier.issuing.possession import CLOCK_S
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.people.holders import MAX_UNDER_WAY
from verifier.service.store.credentials import credentials_key
from verifier.service.store.holders import MAX_REQUESTS

Issued = dict[str, Any]


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker."""
    with issuing_house() as running:
        yield running


@pytest.fixture
def key() -> SigningKey:
    """Return the key of a new phone."""
    return signing_key.generate()


@pytest.fixture
def phone(house: IssuingHouse, key: SigningKey) -> Issued:
    """Return a credential on that phone."""
    return house.issue_to(key, sectors={"transit": 1})


def code_of(answer: Answer) -> tuple[int, str | None]:
    """Return status and code of an answer."""
    return answer.status, answer.body.get("code")


def shown(issued: Issued, key: SigningKey) -> str:
    """Return what a phone shows now."""
    credential = b64decode(issued["credential"])
    made = present(credential, key=key, now=int(time.time()), cti=secrets.token_bytes(4))
    return presentation_text(made)


def another_key(key: SigningKey, nonce: bytes) -> dict[str, Any]:
    """Return what a renewal under another key says."""
    possession = possess(key, issuer="440100", challenge=nonce, purpose=Purpose.RENEWAL)
    return {"nonce": nonce, "holder": encode(key.confirmation), "possession": possession}


def indices(house: IssuingHouse, issued: Issued, key: SigningKey) -> dict[int, str]:
    """Return what a holder is told of the person's credentials: index to form."""
    answer = house.holder(HolderDoor.LIST, issued["credential"], key)
    assert answer.status == 200, answer.body
    return {row["credential_index"]: row["form"] for row in answer.body["credentials"]}


def test_a_holder_lists_what_the_person_holds(
    house: IssuingHouse, phone: Issued, key: SigningKey
) -> None:
    """Phones and papers, with when they end."""
    sheet = house.issue(holder=None, person=phone["person"])
    assert indices(house, phone, key) == {
        phone["credential_index"]: "phone",
        sheet["credential_index"]: "paper",
    }


def test_a_new_phone_takes_the_place_of_the_old(
    house: IssuingHouse, phone: Issued, key: SigningKey
) -> None:
    """Renewed under another key: the same person and sectors, and the old one ends."""
    other = signing_key.generate()
    said = another_key(other, secrets.token_bytes(16))
    answer = house.holder(HolderDoor.RENEW, phone["credential"], key, **said)
    assert answer.status == 201, answer.body
    assert answer.body["person"] == phone["person"]
    eventually("the new phone passes", lambda: house.reason_of(shown(answer.body, other)) is None)
    eventually(
        "the old one has ended",
        lambda: house.reason_of(shown(phone, key)) == Reason.STATUS_REVOKED,
        within=5,
    )
    assert indices(house, answer.body, other) == {answer.body["credential_index"]: "phone"}
    listed = house.holder(HolderDoor.LIST, phone["credential"], key)
    assert code_of(listed) == (403, "holder.revoked")


def test_a_lost_answer_is_asked_for_again(
    house: IssuingHouse, phone: Issued, key: SigningKey
) -> None:
    """Under the same id, with a new nonce: the same credential, though the old one has ended."""
    other, request = signing_key.generate(), secrets.token_bytes(16)
    answers = [
        house.holder(
            HolderDoor.RENEW,
            phone["credential"],
            key,
            request=request,
            **another_key(other, secrets.token_bytes(16)),
        )
        for _ in range(2)
    ]
    assert answers[0].status == 201
    assert answers[1].body == answers[0].body
    said = another_key(signing_key.generate(), secrets.token_bytes(16))
    again = house.holder(HolderDoor.RENEW, phone["credential"], key, request=request, **said)
    assert code_of(again) == (409, "request.conflict")


def aged(house: IssuingHouse, key: SigningKey, *, hours: int, left: int) -> Issued:
    """Return a credential of a life of so many hours, of which so many are left."""
    person, index = house.issue(holder=None)["person"], 60_000 + left
    now = int(time.time())
    subject = Subject(kind=Kind.PERSONAL, list=1, person=person, credential=index, sectors={2: 1})
    signed = make_credential(
        subject,
        issuer="440100",
        issued_at=now - (hours - left) * 3600 - 5,
        expires=now + left * 3600,
        key=ISSUER,
        holder=key.confirmation,
    )
    row = credential_row(index, expires=now + left * 3600, form=CredentialForm.PHONE, kid=key.kid)
    with house.centre.redis.client() as client:
        bucket = credentials_key(1, person)
        client.fcall("kapok_hold", 1, bucket, person % 128, now // 3600, 16, pack_held(row))
    credential = b64encode(signed).decode()
    return {"person": person, "credential_index": index, "credential": credential}


def test_a_phone_renews_late_under_its_own_key(house: IssuingHouse, key: SigningKey) -> None:
    """Past the middle of its life, for as long again; the old one is left to end by itself."""
    early = aged(house, key, hours=100, left=51)
    answer = house.holder(HolderDoor.RENEW, early["credential"], key)
    assert code_of(answer) == (409, "renewal.early")
    late = aged(house, key, hours=100, left=49)
    answer = house.holder(HolderDoor.RENEW, late["credential"], key)
    assert answer.status == 201, answer.body
    assert abs(answer.body["expires"] - time.time() - 100 * 3600) < 60
    eventually("the new one passes", lambda: house.reason_of(shown(answer.body, key)) is None)
    assert house.reason_of(shown(late, key)) == Reason.USE_REPLAYED
    assert indices(house, late, key)[answer.body["credential_index"]] == "phone"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"possession": None}, (400, "holder.possession")),
        ({"holder": None}, (400, "holder.possession")),
        ({"nonce": bytes(range(16))}, (403, "holder.other")),
        ({"holder": encode(STRANGER.confirmation)}, (403, "holder.signature")),
        ({"holder": b"\xa0"}, (400, "holder.key")),
        ({"request": None}, (400, "request.key")),
    ],
)
def test_what_a_renewal_under_another_key_needs(
    house: IssuingHouse,
    phone: Issued,
    key: SigningKey,
    changes: dict[str, Any],
    code: tuple[int, str],
) -> None:
    """The new key's own signature over this request's nonce, a usable key, an id."""
    said = another_key(signing_key.generate(), secrets.token_bytes(16)) | changes
    assert code_of(house.holder(HolderDoor.RENEW, phone["credential"], key, **said)) == code


def lives(house: IssuingHouse, text: str) -> bool:
    """Say whether a code is good; its person may have passed with another one a moment ago."""
    return house.reason_of(text) in (None, Reason.USE_REPLAYED)


def test_one_phone_reports_the_other_lost(house: IssuingHouse, key: SigningKey) -> None:
    """And is left; it cannot report itself, nor another person's."""
    old = signing_key.generate()
    lost = house.issue_to(old)
    mine = house.issue_to(key, person=lost["person"])
    stranger = house.issue_to(signing_key.generate())
    for index, code in (
        (mine["credential_index"], (400, "holder.lost")),
        (stranger["credential_index"], (404, "credential.unknown")),
        (None, (400, "holder.lost")),
    ):
        answer = house.holder(HolderDoor.LOST, mine["credential"], key, lost=index)
        assert code_of(answer) == code
    asked = house.holder(HolderDoor.EMERGENCY, lost["credential"], old).body
    answer = house.holder(HolderDoor.LOST, mine["credential"], key, lost=lost["credential_index"])
    ended = sorted((lost["credential_index"], asked["credential_index"]))
    assert answer.body == {"revoked": ended}
    eventually(
        "the lost phone is refused",
        lambda: house.reason_of(shown(lost, old)) == Reason.STATUS_REVOKED,
        within=5,
    )
    eventually("the other passes", lambda: lives(house, shown(mine, key)), within=5)


def test_an_emergency_code_is_asked_for(
    house: IssuingHouse, phone: Issued, key: SigningKey
) -> None:
    """Static, of hours, with the sectors of the phone's; it is the same person, after the phone."""
    made = house.holder(HolderDoor.EMERGENCY, phone["credential"], key, hours=2)
    assert made.status == 201, made.body
    assert made.body["form"] == "emergency"
    assert abs(made.body["expires"] - time.time() - 2 * 3600) < 60
    eventually("it passes", lambda: house.reason_of(made.body["text"]) is None)
    assert house.reason_of(shown(phone, key)) is None  # paper takes nothing from a proof
    assert house.reason_of(made.body["text"]) == Reason.USE_REPLAYED
    assert indices(house, phone, key)[made.body["credential_index"]] == "emergency"


def test_who_is_not_green_gets_no_emergency_code(house: IssuingHouse, key: SigningKey) -> None:
    """A short code outlives a change of colour at gates that are cut off."""
    red = house.issue_to(key, colour="red")
    made = house.holder(HolderDoor.EMERGENCY, red["credential"], key)
    assert code_of(made) == (409, "colour.not_green")


def test_a_child_s_code_moves_with_the_guardian(house: IssuingHouse, key: SigningKey) -> None:
    """To a phone that is the guardian's; to no other."""
    guardian = house.issue_to(key)
    child = house.issue(holder=None)["person"]
    carried = house.issue_to(key, person=child, form="proxy", guardian=guardian["person"])
    family = house.holder(HolderDoor.LIST, guardian["credential"], key).body["family"]
    assert family == [{"person": child, "credential_index": carried["credential_index"]}]
    other = signing_key.generate()
    said = another_key(other, secrets.token_bytes(16))
    refused = house.holder(HolderDoor.RENEW, carried["credential"], key, **said)
    assert code_of(refused) == (409, "guardian.phone")
    for issued in (guardian, carried):
        said = another_key(other, secrets.token_bytes(16))
        answer = house.holder(HolderDoor.RENEW, issued["credential"], key, **said)
        assert answer.status == 201, answer.body
    assert answer.body["form"] == "proxy"
    eventually("the child passes", lambda: house.reason_of(shown(answer.body, other)) is None)


def test_a_lost_phone_takes_along_what_was_left_to_expire(
    house: IssuingHouse, key: SigningKey
) -> None:
    """Two credentials of one child on one phone: an earlier one, and the one that followed."""
    guardian = house.issue_to(key)
    child = house.issue(holder=None)["person"]
    proxy: dict[str, Any] = {"person": child, "form": "proxy", "guardian": guardian["person"]}
    carried = [house.issue_to(key, **proxy)["credential_index"] for _ in range(2)]
    lost = {"credential": guardian["credential_index"], "reason": "stolen"}
    answer = house.ask(f"/v1/persons/{guardian['person']}/lost", lost)
    assert answer.body["revoked"] == sorted((*carried, guardian["credential_index"]))


def request(issued: Issued, **changes: Any) -> HolderRequest:
    """Return what a phone asks, now."""
    asked: dict[str, Any] = {
        "door": HolderDoor.LIST,
        "iss": "440100",
        "list": 1,
        "credential": issued["credential_index"],
        "iat": int(time.time()),
        "nonce": secrets.token_bytes(16),
    }
    return HolderRequest(**asked | changes)


def test_a_request_counts_once(house: IssuingHouse, phone: Issued, key: SigningKey) -> None:
    """What was heard on the way opens nothing a second time; another nonce does."""
    signed = ask(request(phone), key)
    assert house.holder_body(HolderDoor.LIST, phone["credential"], signed).status == 200
    again = house.holder_body(HolderDoor.LIST, phone["credential"], signed)
    assert code_of(again) == (409, "holder.replayed")
    elsewhere = house.holder_body(HolderDoor.LOST, phone["credential"], signed)
    assert code_of(elsewhere) == (403, "holder.other")


@pytest.mark.parametrize("off", [-CLOCK_S - 30, CLOCK_S + 30])
def test_a_clock_that_is_off_is_told(
    house: IssuingHouse, phone: Issued, key: SigningKey, off: int
) -> None:
    """The answer's Date lets the phone count right without setting its clock."""
    answer = house.holder(HolderDoor.LIST, phone["credential"], key, iat=int(time.time()) + off)
    assert code_of(answer) == (403, "holder.clock")
    said = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert abs(said - time.time()) < 5


def test_another_key_opens_nothing(house: IssuingHouse, phone: Issued, key: SigningKey) -> None:
    """A credential that was seen is no right to ask; a request is for its own credential."""
    stolen = ask(request(phone), STRANGER)
    answer = house.holder_body(HolderDoor.LIST, phone["credential"], stolen)
    assert code_of(answer) == (403, "holder.signature")
    other = house.issue_to(key)
    answer = house.holder_body(HolderDoor.LIST, other["credential"], ask(request(phone), key))
    assert code_of(answer) == (403, "holder.other")


def test_paper_opens_nothing(house: IssuingHouse, key: SigningKey) -> None:
    """It has no key; neither does what is no credential at all."""
    sheet = house.issue(holder=None)
    answer = house.holder_body(HolderDoor.LIST, sheet["credential"], ask(request(sheet), key))
    assert code_of(answer) == (403, "holder.unknown")
    for text, code in ((b64encode(b"\x84").decode(), 400), ("***", 400)):
        answer = house.holder_body(HolderDoor.LIST, text, b"")
        assert code_of(answer) == (code, "holder.malformed")


def test_a_phone_that_asks_without_end_is_told_to_wait(
    house: IssuingHouse, phone: Issued, key: SigningKey
) -> None:
    """Its own requests alone: another phone is heard."""
    codes = [code_of(house.holder(HolderDoor.LIST, phone["credential"], key)) for _ in range(61)]
    assert (429, "holder.often") in codes
    assert codes[0] == (200, None)
    with house.centre.redis.client() as client:
        kept = [client.hlen(name) for name in client.keys(f"v:holder:*:{key.kid.hex()}")]
    assert max(kept) == MAX_REQUESTS  # what is refused is not remembered without end
    other = signing_key.generate()
    assert house.holder(HolderDoor.LIST, house.issue_to(other)["credential"], other).status == 200


def test_whoever_sends_slowly_takes_nobody_s_place(
    house: IssuingHouse, phone: Issued, key: SigningKey
) -> None:
    """Anybody may connect here: half a request holds no place of those who ask."""
    head = b"POST /v1/holder/list HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: 900\r\n\r\n{"
    address = ("127.0.0.1", house.issuing.port)
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_UNDER_WAY + 8):
            connection = stack.enter_context(socket.create_connection(address, timeout=5))
            connection.sendall(head)
        for _ in range(3):
            answer = house.holder(HolderDoor.LIST, phone["credential"], key)
            assert code_of(answer) == (200, None)


def test_a_day_has_so_many_credentials(house: IssuingHouse, key: SigningKey) -> None:
    """Each takes an index for good; who has had them comes again tomorrow."""
    issued = house.issue_to(key)
    day = int(time.time()) // 86_400
    person = issued["person"]
    with house.centre.redis.client() as client:
        client.hset(f"v:made:1:{day}:{person // 128:x}", str(person % 128), 20)
    made = house.holder(HolderDoor.EMERGENCY, issued["credential"], key)
    assert code_of(made) == (429, "holder.often")
    assert 0 < int(made.headers["Retry-After"]) <= 86_400
