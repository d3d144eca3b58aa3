"""The issuing process: it fills the shelf, issues and revokes; a worker judges by what it signs."""

import json
import secrets
import signal
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.centre import ADMIN_KEY, eventually
from tests.support.issuing_house import METRO, IssuingHouse, issuing_house
from tests.support.keys import PHONE
from tests.support.operators import operator_token
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.issuing.holder import present, presentation_text

GROUP = {
    "kind": "group",
    "hours": 1,
    "roster": [{"person": 1, "masked_name": "a"}],
    "places": ["metro-1"],
}
"""A request for a group, to be spoiled."""


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker."""
    with issuing_house() as running:
        yield running


def showing(issued: dict[str, Any]) -> str:
    """Return what the phone shows now."""
    credential = b64decode(issued["credential"])
    made = present(credential, key=PHONE, now=int(time.time()), cti=secrets.token_bytes(4))
    return presentation_text(made)


def test_a_phone_and_a_paper_are_issued_and_pass(house: IssuingHouse) -> None:
    """As soon as the new person's colour has reached the gates."""
    phone = house.issue_to(PHONE, sectors={"transit": 1, "hall": 0})
    sheet = house.issue(holder=None)
    assert "text" not in phone
    eventually("the phone passes", lambda: house.reason_of(showing(phone)) is None, within=5)
    eventually("the paper passes", lambda: house.reason_of(sheet["text"]) is None, within=5)
    for text in (showing(phone), sheet["text"]):
        assert house.reason_of(text) == Reason.USE_REPLAYED


def test_a_second_credential_is_the_same_person(house: IssuingHouse) -> None:
    """Double use follows the person, not the credential."""
    first = house.issue(holder=None)
    second = house.issue(holder=None, person=first["person"])
    assert first["credential_index"] != second["credential_index"]
    eventually("it passes", lambda: house.reason_of(first["text"]) is None, within=5)
    assert house.reason_of(second["text"]) == Reason.USE_REPLAYED


def test_a_revoked_credential_ends_and_the_other_lives(house: IssuingHouse) -> None:
    """Within about a second."""
    first = house.issue(holder=None)
    second = house.issue(holder=None, person=first["person"])
    eventually(
        "the person is known",
        lambda: house.reason_of(first["text"]) in (None, Reason.USE_REPLAYED),
        within=5,
    )
    path = f"/v1/credentials/{first['credential_index']}/revoke"
    assert house.ask(path, {}).body["field"] == "$.reason"
    assert house.ask(path, {"reason": "lost"}).status == 200
    eventually(
        "it is revoked", lambda: house.reason_of(first["text"]) == Reason.STATUS_REVOKED, within=5
    )
    assert house.reason_of(second["text"]) == Reason.USE_REPLAYED


def test_a_colour_is_the_persons(house: IssuingHouse) -> None:
    """Issued red, refused red."""
    red = house.issue(holder=None, colour="red")
    eventually("it is red", lambda: house.reason_of(red["text"]) == Reason.STATUS_RED, within=5)


def test_a_group_is_issued_with_its_roster(house: IssuingHouse) -> None:
    """Its members pass together; the next version of the roster takes the place of the first."""
    members = [house.issue(holder=None)["person"] for _ in range(3)]
    roster = [{"person": person, "masked_name": "李*"} for person in members]
    body = {"kind": "group", "hours": 2, "roster": roster, "places": ["metro-1"]}
    issued = house.ask("/v1/credentials", body)
    assert issued.status == 201
    assert issued.body["roster_version"] == 1
    eventually("it passes", lambda: house.reason_of(issued.body["text"]) is None, within=5)
    again = house.ask("/v1/credentials", body | {"group": issued.body["group"]})
    assert again.body["roster_version"] == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "personal", "holder": None}, 400),
        ({"kind": "personal", "holder": None, "hours": 0}, 400),
        ({"kind": "personal", "holder": None, "hours": 10**9}, 400),
        ({"kind": "personal", "holder": "nonsense", "hours": 1}, 400),
        ({"kind": "personal", "holder": b64encode(b"\xa0").decode(), "hours": 1}, 400),
        ({"kind": "personal", "holder": None, "hours": 1, "colour": "blue"}, 400),
        ({"kind": "personal", "holder": None, "hours": 1, "sectors": {"moon": 1}}, 400),
        ({"kind": "personal", "holder": None, "hours": 1, "person": 99_999}, 404),
        ({**GROUP, "hours": 25}, 400),
        ({**GROUP, "roster": []}, 400),
        ({**GROUP, "places": []}, 400),
        ({**GROUP, "places": ["metro-1"] * 65}, 400),
        ({**GROUP, "places": ["elsewhere"]}, 404),
        ({"kind": "other"}, 400),
        ({"kind": "personal", "holder": None, "hours": 1, "more": 1}, 400),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    house: IssuingHouse, body: dict[str, Any], status: int
) -> None:
    """With a code and no echo."""
    refused = house.ask("/v1/credentials", body)
    assert refused.status == status
    assert "nonsense" not in json.dumps(refused.body)


def test_issuing_needs_its_scope(house: IssuingHouse) -> None:
    """A key that scans does not issue."""
    body = {"kind": "personal", "holder": None, "hours": 1}
    given: dict[str, Any] = {"key": "kapok_test_" + "k" * 43}
    assert house.ask("/v1/credentials", body, **given).body["code"] == "scope.missing"
    assert house.ask("/v1/credentials", body, key=None).body["code"] == "key.unknown"


def test_an_index_that_was_never_issued_is_not_revoked(house: IssuingHouse) -> None:
    """404, whatever stands there."""
    for index in ("70000", "x", "-1", "00"):
        path = f"/v1/credentials/{index}/revoke"
        assert house.ask(path, {"reason": "lost"}).status == 404


def test_a_wrong_profile_is_refused_with_its_file_and_field(house: IssuingHouse) -> None:
    """The last good set stays in force, and readiness says what to correct."""
    path = house.profiles / "metro-1.toml"
    path.write_text(METRO.replace('stance = "closed"', 'stance = "ajar"'))
    signal_again(house)
    eventually("readiness refuses", lambda: house.issuing.readiness().status == 503)
    said = json.dumps(house.issuing.readiness().body)
    assert "metro-1.toml" in said
    assert "stance" in said
    person = house.issue(holder=None)
    eventually("codes pass as before", lambda: house.reason_of(person["text"]) is None, within=5)
    path.write_text(METRO)
    signal_again(house)
    eventually("all is well", lambda: house.issuing.readiness().status == 200)


def test_profiles_that_do_not_go_together_are_refused_with_their_files(
    house: IssuingHouse,
) -> None:
    """Two places of one zone; a place that takes certificates and asks nothing of them."""
    other = house.profiles / "metro-2.toml"
    one = house.profiles / "metro-1.toml"
    zone = METRO.replace('scope = "place"', 'scope = "zone:metro"')
    one.write_text(zone)
    for text, said in (
        (
            zone.replace("metro-1", "metro-2").replace("600", "60"),
            ("metro-1.toml", "metro-2.toml", "use.once_for"),
        ),
        (
            'place = "metro-2"\nstance = "closed"\nformats = ["HC1"]\nstatic = ["HC1"]\n',
            ("metro-2.toml", "rules"),
        ),
    ):
        other.write_text(text)
        signal_again(house)
        for word in said:
            eventually(
                f"readiness names {word}",
                lambda word=word: word in json.dumps(house.issuing.readiness().body),
            )
    other.unlink()
    one.write_text(METRO)
    signal_again(house)
    eventually("all is well", lambda: house.issuing.readiness().status == 200)


def test_a_wrong_file_of_rules_is_named_and_spoils_nothing_else(house: IssuingHouse) -> None:
    """Issuing stays ready, with a warning; nothing that is published is touched."""
    rules = house.profiles.parent / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "half.json").write_text('{"Identifier": ')
    signal_again(house)
    eventually(
        "the file is named", lambda: "half.json" in json.dumps(house.issuing.readiness().body)
    )
    said = house.issuing.readiness()
    assert (said.status, [one["code"] for one in said.body["warnings"]]) == (
        200,
        ["rules.left_out"],
    )
    (rules / "half.json").unlink()
    signal_again(house)
    eventually("all is well", lambda: not house.issuing.readiness().body["warnings"])


def signal_again(house: IssuingHouse) -> None:
    """Have the sources read again."""
    house.issuing.signal(signal.SIGHUP)


def test_a_restart_keeps_versions_and_indices(house: IssuingHouse) -> None:
    """Nothing rolls back, and whoever was issued passes."""

    def versions() -> dict[str, int]:
        bundles = house.centre.ask("GET", "/v1/bundles", key=ADMIN_KEY).body["bundles"]
        return {bundle["name"]: bundle["version"] for bundle in bundles}

    before, person = versions(), house.issue(holder=None)
    eventually("it passes", lambda: house.reason_of(person["text"]) is None, within=5)
    house.issuing.kill()
    house.issuing.start()
    after = versions()
    assert all(after[name] >= version for name, version in before.items())
    assert house.reason_of(person["text"]) == Reason.USE_REPLAYED
    text = house.issue(holder=None, person=person["person"])["text"]
    assert house.reason_of(text) == Reason.USE_REPLAYED
    assert house.centre.scan(person["text"]).body["decision"] == Outcome.DENY


def test_person_keys_are_made_for_today_and_tomorrow(house: IssuingHouse) -> None:
    """32 bytes, for nobody else to read."""
    folder = house.centre.folder / "person-hash"
    for path in folder.glob("*.key"):
        path.unlink()
    house.issuing.kill()
    house.issuing.start()
    made = sorted(folder.glob("*.key"))
    assert len(made) == 2
    assert all(len(path.read_bytes()) == 32 and path.stat().st_mode & 0o77 == 0 for path in made)


def test_an_operator_revokes_alone_with_a_reason(house: IssuingHouse) -> None:
    """Whose role does; it is in the audit log before it is done, as a service's is."""
    first, second = house.issue(holder=None), house.issue(holder=None)
    path = f"/v1/credentials/{first['credential_index']}/revoke"
    body = {"reason": "stolen"}
    for key, code in (
        (operator_token("wen", "viewer"), "scope.missing"),
        (operator_token("hao", "approver"), "scope.missing"),
        (operator_token(district="liwan"), "operator.area"),
    ):
        assert house.ask(path, body, key=key).body["code"] == code
    assert house.ask(path, {"reason": "because"}).body["field"] == "$.reason"
    assert house.ask(path, body, key=operator_token("ling", "operator")).status == 200
    lost = {"credential": second["credential_index"], "reason": "lost"}
    assert house.ask(f"/v1/persons/{second['person']}/lost", lost).status == 200
    log = house.centre.folder / "audit" / "issuing.ndjson"
    by_hand, by_key = (json.loads(line) for line in log.read_bytes().splitlines()[-2:])
    assert (by_hand["action"], by_hand["person"], by_hand["reason"]) == (
        "credential.revoke",
        "ling",
        "stolen",
    )
    assert by_hand["subject"] == f"credential:1:{first['credential_index']}"
    assert (by_key["person"], by_key["by"]) == ("", "key:admin")
    assert by_key["ref"] == f"person:1:{second['person']}"
