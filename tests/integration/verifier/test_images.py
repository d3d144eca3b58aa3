"""POST /v1/scans/image: real pictures; what is read is judged as its text would be."""

import io
import threading
from hashlib import sha256
from http import HTTPStatus
from itertools import count
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.centre import (
    ADMIN_KEY,
    ONCE,
    TERMINAL,
    Centre,
    api_keys,
    centre,
    eventually,
    new_scan_id,
    shown,
)
from tests.support.uploads import lines_of
from tests.support.verifier_process import Answer
from verifier.barcode.render import symbol, to_png
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.service.worker.doors.image import MAX_CALLER_PICTURES, MAX_PICTURES

persons = count(57_000)


def drawn(text: str) -> Image.Image:
    """Draw a code."""
    return Image.open(io.BytesIO(to_png(symbol(text), scale=4))).convert("L")


def beside(*texts: str) -> bytes:
    """Draw codes side by side on white."""
    codes = [drawn(text) for text in texts]
    frame = Image.new("L", (sum(c.width for c in codes), max(c.height for c in codes)), "white")
    at = 0
    for code in codes:
        frame.paste(code, (at, 0))
        at += code.width
    return as_file(frame)


def as_file(picture: Image.Image, kind: str = "PNG") -> bytes:
    """Write a picture."""
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


EMPTY = as_file(Image.new("L", (640, 480), "white"))


def post(house: Centre, picture: bytes, scan_id: str | None = None, **more: Any) -> Answer:
    """Send a picture."""
    headers = {"Content-Type": more.pop("kind", "image/png")}
    headers |= {"Kapok-Scan-Id": scan_id or new_scan_id()} | more.pop("headers", {})
    return house.ask("POST", "/v1/scans/image", picture, headers=headers, **more)


def test_a_picture_of_a_code_passes_like_its_text(house: Centre) -> None:
    """PNG and JPEG; the text under the same scan_id gets the same answer, and is used up."""
    for kind in ("PNG", "JPEG"):
        text, scan_id = shown(next(persons)), new_scan_id()
        answer = post(house, as_file(drawn(text), kind), scan_id, kind=f"image/{kind.lower()}")
        assert answer.status == 200
        assert (answer.body["decision"], answer.body["recorded"]) == (Outcome.PASS, True)
        assert answer.body["scan_id"] == scan_id
        assert house.scan(text, scan_id=scan_id).body == answer.body
        assert house.scan(text).body["reason"] == Reason.USE_REPLAYED


def test_pictures_without_exactly_one_code_are_denied_scans(house: Centre) -> None:
    """Recorded and idempotent too; a poster beside a code does not disturb."""
    text = shown(next(persons))
    for picture, reason in (
        (EMPTY, Reason.PICTURE_NONE),
        (beside(text, shown(next(persons))), Reason.PICTURE_SEVERAL),
        (beside("https://example.com/poster"), Reason.FORMAT_UNKNOWN),
    ):
        scan_id = new_scan_id()
        answer = post(house, picture, scan_id)
        assert (answer.status, answer.body["decision"]) == (200, Outcome.DENY)
        assert (answer.body["reason"], answer.body["recorded"]) == (reason, True)
        assert post(house, picture, scan_id).body == answer.body
        line = eventually("the record", lambda of=scan_id: lines_of(house, of))[0]
        assert line["reason"] == reason
        other = post(house, as_file(drawn(text)), scan_id)
        assert (other.status, other.body["code"]) == (409, "scan.conflict")
    passed = post(house, beside("https://example.com/poster", text))
    assert passed.body["decision"] == Outcome.PASS


@pytest.mark.parametrize(
    ("picture", "more", "status", "code"),
    [
        (b"", {}, 400, "picture.truncated"),
        (EMPTY[:-20], {}, 400, "picture.truncated"),
        (b"GIF89a", {}, 400, "picture.unsupported"),
        (as_file(Image.new("1", (8000, 8000))), {}, 400, "picture.too_many_pixels"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * (4 << 20), {}, 413, "body.large"),
        (EMPTY, {"kind": "image/gif"}, 415, "body.type"),
        (EMPTY, {"kind": "application/json"}, 415, "body.type"),
        (EMPTY, {"headers": {"Kapok-Scan-Id": ""}}, 400, "body.field"),
        (EMPTY, {"headers": {"Kapok-Scan-Id": new_scan_id("t-2")}}, 409, "scan.conflict"),
        (EMPTY, {"key": ADMIN_KEY}, 403, "scope.missing"),
    ],
)
def test_what_cannot_be_looked_at_is_a_problem(
    house: Centre, picture: bytes, more: dict[str, Any], status: int, code: str
) -> None:
    """With its cause; nothing was stored."""
    answer = post(house, picture, **more)
    assert (answer.status, answer.body["code"]) == (status, code)


def test_pictures_past_the_bound_are_turned_away(house: Centre) -> None:
    """Hard pictures from one caller: some wait, others are told to come again; scans go on."""
    noise = np.random.default_rng(1).integers(0, 2, (1080, 1920), np.uint8) * 255
    hard = as_file(Image.fromarray(noise))
    statuses: list[int] = []

    def send() -> None:
        statuses.append(post(house, hard).status)

    senders = [threading.Thread(target=send) for _ in range(24)]
    for sender in senders:
        sender.start()
    assert house.scan(shown(next(persons))).body["decision"] == Outcome.PASS
    for sender in senders:
        sender.join()
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= MAX_CALLER_PICTURES
    assert post(house, EMPTY).status == 200


def test_pictures_of_several_callers_are_bounded_together() -> None:
    """Who finds no place is told to come again, and is served afterwards."""
    noise = np.random.default_rng(1).integers(0, 2, (1080, 1920), np.uint8) * 255
    hard = as_file(Image.fromarray(noise))
    keys = [f"kapok_gate_{letter * 43}" for letter in "xyz"]
    gates = [
        {
            "name": f"gate-{number}",
            "sha256": sha256(key.encode()).hexdigest(),
            "scopes": ["scan"],
            "terminal": TERMINAL,
        }
        for number, key in enumerate(keys)
    ]
    with centre((ONCE,)) as own:
        own.worker(api_keys=[*api_keys(), *gates])
        statuses: list[int] = []
        senders = [
            threading.Thread(
                target=lambda key=key: statuses.append(post(own, hard, key=key).status)
            )
            for key in keys * 8
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        assert HTTPStatus.SERVICE_UNAVAILABLE in statuses
        assert set(statuses) <= {200, 429, 503}
        assert statuses.count(200) >= MAX_PICTURES
        assert post(own, EMPTY, key=keys[2]).status == 200
