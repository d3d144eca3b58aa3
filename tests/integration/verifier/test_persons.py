"""POST /v1/persons at a running issuing process: one person a reference, which is kept nowhere."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.centre import eventually
from tests.support.issuing_house import REFERENCE_KEY, IssuingHouse, issuing_house
from verifier.contract.reasons import Reason
from verifier.issuing.persons import ReferenceKey
from verifier.service.store.persons import person_field, person_key

REFERENCE = "44010119491001123X"


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker."""
    with issuing_house() as running:
        yield running


def test_a_reference_is_one_person(house: IssuingHouse) -> None:
    """However it is spelled; only the first time is new."""
    first = house.ask("/v1/persons", {"reference": REFERENCE})
    assert (first.status, first.body["new"]) == (201, True)
    again = house.ask("/v1/persons", {"reference": f" {REFERENCE.lower()} "})
    assert (again.status, again.body["new"]) == (200, False)
    assert again.body["person"] == first.body["person"]
    other = house.ask("/v1/persons", {"reference": "440101194910011231"})
    assert other.body["person"] != first.body["person"]


def test_the_person_lies_in_the_store_by_its_digest_alone(house: IssuingHouse) -> None:
    """Where the document says."""
    made = house.ask("/v1/persons", {"reference": "where it lies"}).body
    digest = ReferenceKey(REFERENCE_KEY).digest("where it lies")
    with house.centre.redis.client() as client:
        found: Any = client.hget(person_key(1, digest), person_field(digest))
    assert int(found) == made["person"]


def test_a_colour_is_a_new_persons_alone(house: IssuingHouse) -> None:
    """Who is red stays red, whatever is asked the second time."""
    body = {"reference": "somebody red"}
    person = house.ask("/v1/persons", body | {"colour": "red"}).body["person"]
    again = house.ask("/v1/persons", body | {"colour": "green"})
    assert again.body["person"] == person
    code = house.issue(holder=None, person=person)
    eventually("it is red", lambda: house.reason_of(code["text"]) == Reason.STATUS_RED, within=5)


def test_many_that_ask_at_once_get_one_person(house: IssuingHouse) -> None:
    """One of them is told that it is new."""
    body = {"reference": "asked for by many"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: house.ask("/v1/persons", body), range(16)))
    assert {answer.status for answer in answers} == {200, 201}
    assert len({answer.body["person"] for answer in answers}) == 1
    assert [answer.status for answer in answers].count(201) == 1


def test_killed_before_the_person_is_kept_nobody_is_without_a_colour(house: IssuingHouse) -> None:
    """The store refuses the name, the process is killed there; asked again, the person is new."""
    body = {"reference": "cut off in between", "colour": "red"}
    with house.centre.redis.client() as client:
        client.execute_command("ACL", "SETUSER", "issuing", "-hsetnx")
        try:
            refused = house.ask("/v1/persons", body)
            assert (refused.status, refused.body["code"]) == (503, "store.away")
            house.issuing.kill()
        finally:
            client.execute_command("ACL", "SETUSER", "issuing", "+hsetnx")
    house.issuing.start()
    made = house.ask("/v1/persons", body)
    assert (made.status, made.body["new"]) == (201, True)
    code = house.issue(holder=None, person=made.body["person"])
    eventually("it is red", lambda: house.reason_of(code["text"]) == Reason.STATUS_RED, within=5)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "body.field"),
        ({"reference": ""}, "body.field"),
        ({"reference": "abc"}, "reference.bad"),
        ({"reference": "secret\u200bnumber"}, "reference.bad"),
        ({"reference": "9" * 129}, "body.field"),
        ({"reference": 440101194910011231}, "body.field"),
        ({"reference": "secret number", "colour": "blue"}, "colour.unknown"),
        ({"reference": "secret number", "person": 1}, "body.field"),
    ],
)
def test_what_is_no_person_is_refused(house: IssuingHouse, body: Any, code: str) -> None:
    """With a code and no echo."""
    refused = house.ask("/v1/persons", body)
    assert (refused.status, refused.body["code"]) == (400, code)
    assert "secret" not in json.dumps(refused.body)


def test_persons_need_the_scope_that_issues(house: IssuingHouse) -> None:
    """A key that scans makes nobody."""
    given: dict[str, Any] = {"key": "kapok_test_" + "k" * 43}
    body = {"reference": REFERENCE}
    assert house.ask("/v1/persons", body, **given).body["code"] == "scope.missing"
    assert house.ask("/v1/persons", body, key=None).body["code"] == "key.unknown"


def test_a_reference_is_found_nowhere(house: IssuingHouse) -> None:
    """Not in the store's files, the logs or the settings; the digest's bytes are in the store."""
    house.ask("/v1/persons", {"reference": REFERENCE})
    house.ask("/v1/persons", {"reference": REFERENCE + "\x00"})
    digest = ReferenceKey(REFERENCE_KEY).digest(REFERENCE)
    folders = (house.centre.folder, house.centre.redis.directory)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    held = {path: path.read_bytes() for path in files}
    assert any(person_field(digest) in data for data in held.values())
    assert not [path for path, data in held.items() if holds(data, REFERENCE)]
    assert any(path.suffix == ".log" for path in held)


def holds(data: bytes, reference: str) -> bool:
    """Say whether a reference stands in some bytes, in any spelling that a program would write."""
    lowered = data.lower()
    text = reference.lower()
    forms = (text, text[:-1], text[6:14] + text[14:17])
    return any(form.encode() in lowered or form.encode("utf-16-le") in lowered for form in forms)


def test_the_search_would_find_it(tmp_path: Path) -> None:
    """A search that finds nothing anywhere shows nothing."""
    path = tmp_path / "log"
    path.write_text(f'{{"reference": "{REFERENCE}"}}')
    assert holds(path.read_bytes(), REFERENCE)
