"""SMART Health Cards of several symbols at a real worker: texts, pictures, batches, uploads."""

import io
import json
import random
import signal
import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from PIL import Image

from tests.support.centre import ONCE, Answer, Centre, centre, eventually, new_scan_id, shown
from tests.support.foreign import ANYTHING, taking
from tests.support.health import AT, card, card_text, chunks, persons_card, thumbprint
from tests.support.issuing_house import METRO, issuing_house
from verifier.barcode.render import symbol, to_png
from verifier.codes.shc import join
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome

CARDS = taking(dict(ONCE) | {"colours": []}, "CC1", "SHC")
numbers = count(1)


@pytest.fixture(scope="module")
def house() -> Iterator[Centre]:
    """Yield a centre whose place takes health cards."""
    with centre((CARDS,)) as it:
        it.worker()
        yield it


def somebody() -> bytes:
    """Make the payload of another person's card."""
    return persons_card("".join(chr(ord("A") + int(digit)) for digit in str(next(numbers))))


def scan(house: Centre, texts: Sequence[str], scan_id: str | None = None) -> Answer:
    """Scan the symbols of a card."""
    body = {"scan_id": scan_id or new_scan_id(), "texts": list(texts)}
    return house.ask("POST", "/v1/scans", body)


def outcome(answer: Answer) -> tuple[int, Any, Any]:
    """Return what was decided, and why."""
    return answer.status, answer.body.get("decision"), answer.body.get("reason")


def test_symbols_in_any_order_are_one_scan(house: Centre) -> None:
    """One use; any order and the joined text are the same scan under the same scan_id."""
    texts, scan_id = chunks(3, somebody()), new_scan_id()
    first = scan(house, texts[::-1], scan_id)
    assert outcome(first) == (200, Outcome.PASS, None)
    assert first.body["recorded"]
    assert scan(house, texts, scan_id).body == first.body
    assert house.scan(join(texts), scan_id=scan_id).body == first.body
    assert scan(house, texts).body["reason"] == Reason.USE_REPLAYED
    assert house.scan(card_text(somebody()), scan_id=scan_id).status == 409


@pytest.mark.parametrize("what", ["missing", "doubled", "foreign", "mixed", "of another kind"])
def test_symbols_of_no_card_are_denied(house: Centre, what: str) -> None:
    """Denied and recorded, and the same scan in any order."""
    texts, other = chunks(3, somebody()), chunks(3, somebody())
    shown_texts, reason = {
        "missing": (texts[:2], Reason.CODE_MALFORMED),
        "doubled": ([*texts[:2], texts[1]], Reason.CODE_MALFORMED),
        "foreign": ([*texts[:2], chunks(2)[1]], Reason.CODE_MALFORMED),
        "mixed": ([*texts[:2], other[2]], Reason.SIGNATURE_BAD),
        "of another kind": ([*texts[:2], shown(1)], Reason.CODE_MALFORMED),
    }[what]
    scan_id = new_scan_id()
    answer = scan(house, shown_texts, scan_id)
    assert outcome(answer) == (200, Outcome.DENY, reason)
    assert answer.body["recorded"]
    for _ in range(3):
        random.shuffle(shown_texts)
        assert scan(house, shown_texts, scan_id).body == answer.body


def test_longer_than_any_card_is_denied(house: Centre) -> None:
    """Symbols have one bound together."""
    texts = [f"shc:/{number}/3/" + "00" * 4000 for number in (1, 2, 3)]
    assert outcome(scan(house, texts)) == (200, Outcome.DENY, Reason.FORMAT_TOO_LONG)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "$"),
        ({"text": "shc:/56", "texts": ["shc:/1/2/56", "shc:/2/2/56"]}, "$"),
        ({"texts": ["shc:/1/1/56"]}, "$.texts"),
        ({"texts": []}, "$.texts"),
        ({"texts": None}, "$.texts"),
        ({"texts": ["shc:/1/2/56", ""]}, "$.texts[...]"),
        ({"texts": ["shc:/1/2/56", 5]}, "$.texts[...]"),
        ({"texts": ["shc:/1/99/56"] * 100}, "$.texts"),
        ({"texts": "shc:/56"}, "$.texts"),
    ],
)
def test_exactly_one_of_text_and_texts(house: Centre, body: dict[str, Any], field: str) -> None:
    """With two to 99 symbols; the rest is a problem that names the field."""
    answer = house.ask("POST", "/v1/scans", {"scan_id": new_scan_id()} | body)
    assert (answer.status, answer.body["code"]) == (400, "body.field")
    assert answer.body["field"].replace("[1]", "[...]") == field


def test_a_batch_takes_symbols_too(house: Centre) -> None:
    """Each line one or the other."""
    first, second = chunks(2, somebody()), chunks(4, somebody())
    lines = [
        {"scan_id": new_scan_id(), "texts": first},
        {"scan_id": new_scan_id(), "text": join(second)},
        {"scan_id": new_scan_id(), "texts": first, "text": first[0]},
        {"scan_id": new_scan_id(), "texts": second[1:]},
    ]
    answers = house.ask("POST", "/v1/scans/batch", {"scans": lines}).body["answers"]
    assert [line.get("decision") for line in answers] == ["pass", "pass", None, "deny"]
    assert answers[2]["code"] == "body.field"
    assert answers[3]["reason"] == Reason.CODE_MALFORMED


def test_an_upload_takes_symbols_too(house: Centre) -> None:
    """As texts or joined, it is the scan that was asked."""
    texts, scan_id = chunks(3, somebody()), new_scan_id()
    assert scan(house, texts, scan_id).body["decision"] == Outcome.PASS
    for code, what in (("stored", {"texts": texts[::-1]}), ("known", {"text": join(texts)})):
        record = {"scan_id": scan_id, "at": time.time(), "decision": "pass"} | what
        results = house.ask("POST", "/v1/scans/upload", {"records": [record]}).body["results"]
        assert results == [{"scan_id": scan_id, "stored": True, "code": code}]


def picture(texts: Sequence[str]) -> bytes:
    """Draw symbols one below the other."""
    codes = [Image.open(io.BytesIO(to_png(symbol(text), scale=3))).convert("L") for text in texts]
    frame = Image.new("L", (max(c.width for c in codes), sum(c.height for c in codes)), "white")
    at = 0
    for code in codes:
        frame.paste(code, (0, at))
        at += code.height
    out = io.BytesIO()
    frame.save(out, "PNG")
    return out.getvalue()


def look(house: Centre, texts: Sequence[str], scan_id: str | None = None) -> Answer:
    """Send a picture."""
    headers = {"Content-Type": "image/png", "Kapok-Scan-Id": scan_id or new_scan_id()}
    return house.ask("POST", "/v1/scans/image", picture(texts), headers=headers)


def test_a_picture_of_all_symbols_is_the_card(house: Centre) -> None:
    """A sheet of paper with three symbols passes; its texts are the same scan."""
    texts, scan_id = chunks(3, somebody()), new_scan_id()
    answer = look(house, ["https://poster.example", *texts[::-1]], scan_id)
    assert outcome(answer) == (200, Outcome.PASS, None)
    assert scan(house, texts, scan_id).body == answer.body


def test_a_picture_of_half_a_card_or_of_two(house: Centre) -> None:
    """Half a card is none; symbols of two cards are several codes."""
    texts = chunks(3, somebody())
    assert look(house, texts[:1]).body["reason"] == Reason.CODE_MALFORMED
    assert look(house, texts[:2]).body["reason"] == Reason.CODE_MALFORMED
    for several in ([*texts, chunks(2)[0]], [*texts, chunks(3, card({"nbf": AT}))[0]]):
        assert look(house, several).body["reason"] == Reason.PICTURE_SEVERAL


def test_a_card_is_refused_once_its_issuers_list_is_imported() -> None:
    """The issuing process signs it, the worker follows; a list that is none changes nothing."""
    with issuing_house() as made:
        folder = made.centre.folder / "cards"
        folder.mkdir()
        profile = METRO.replace('["CC1"]', '["CC1", "SHC"]').replace("colours", "#")
        profile = profile.replace("static = true", 'static = ["CC1", "SHC"]\nrules.country = "XX"')
        rules = made.centre.folder / "rules"
        rules.mkdir(exist_ok=True)
        for number, one in enumerate(ANYTHING):
            (rules / f"{number}.json").write_text(one)
        (made.profiles / "metro-1.toml").write_text(profile)
        text, other = card_text(persons_card("A", "revoked")), card_text(persons_card("B", "other"))

        def publish(content: bytes) -> None:
            (folder / f"{thumbprint()}.json").write_bytes(content)
            made.issuing.signal(signal.SIGHUP)

        def publish_list(*rids: str) -> None:
            published = {"kid": thumbprint(), "method": "rid", "ctr": 1, "rids": rids}
            publish(json.dumps(published).encode())

        publish_list("nobody")
        eventually("cards are taken", lambda: made.reason_of(text) is None)
        publish_list("revoked")
        eventually("it is revoked", lambda: made.reason_of(text) == Reason.STATUS_REVOKED)
        assert made.reason_of(other) is None
        publish(b"{}")
        eventually("the list is refused", lambda: made.get("/readyz").status == 503)
        assert made.get("/readyz").body["problems"][0]["code"] == "cards.refused"
        assert made.reason_of(text) == Reason.STATUS_REVOKED
