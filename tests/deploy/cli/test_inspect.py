"""`kapok inspect` as support staff call it: whatever is shown, it says what it is."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import kapok
from tests.support.health import COUNTRY, ISSUER, card_text, chunks, health_text
from tests.support.signers import as_json, pem, web_key
from verifier.barcode.render import symbol, to_png
from verifier.contract.reasons import REASONS, Reason

AT = "2023-11-14T22:13:20Z"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Return a file with a country's key."""
    path = tmp_path / "country.pem"
    path.write_bytes(pem(COUNTRY.spki, "PUBLIC KEY"))
    return path


def test_text_picture_and_standard_input(keys: Path, tmp_path: Path) -> None:
    """The same report of each."""
    picture = tmp_path / "code.png"
    picture.write_bytes(to_png(symbol(health_text())))
    call = ("--trust", keys, "--at", AT, "--json")
    found = [
        kapok("inspect", health_text(), *call),
        kapok("inspect", picture, *call),
        kapok("inspect", *call, stdin=health_text().encode()),
    ]
    assert {one.code for one in found} == {0}
    reports = [{**json.loads(one.out), "name": ""} for one in found]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0]["verified"] is True


def test_a_stranger_is_marked(keys: Path) -> None:
    """Claims are shown as unverified; the sentence comes in both languages."""
    text = health_text(signer=lambda _: b"\0" * 64)
    done = kapok("inspect", text, "--trust", keys, "--at", AT)
    assert done.code == 1
    assert "UNVERIFIED" in done.out
    row = REASONS[Reason.SIGNATURE_BAD]
    assert {row.zh, row.en} <= {line.strip() for line in done.out.splitlines()}
    good = kapok("inspect", health_text(), "--trust", keys, "--at", AT)
    assert (good.code, "UNVERIFIED" in good.out) == (0, False)


def test_a_key_of_many_issuers_is_one_key(tmp_path: Path) -> None:
    """However many publish it."""
    path = tmp_path / "directory.json"
    rows = [
        {"issuer": {"iss": iss}, "keys": [web_key()]}
        for iss in (ISSUER, *(f"https://clinic-{number}.example" for number in range(9)))
    ]
    path.write_bytes(as_json({"issuerInfo": rows}))
    done = kapok("inspect", card_text(), "--trust", path, "--at", AT)
    assert done.code == 0
    assert "holds under 1 of the keys" in done.out
    assert "and 9 more" in done.out


@pytest.mark.parametrize(
    "garbage",
    [b"HC1:\x1b[31m", b"HC1:" + b"A" * 99_999, b"\xff\xfe", b"shc:/1/3/56", b"CC1:%%%", b"?"],
)
def test_garbage_is_said_to_be_garbage(garbage: bytes, keys: Path) -> None:
    """Exit 1, a whole report, and nothing that a terminal obeys."""
    done = kapok("inspect", "--trust", keys, stdin=garbage)
    assert (done.code, done.err) == (1, "")
    assert "\x1b" not in done.out
    assert "(7) profile" in done.out


def test_one_code_at_a_time(keys: Path) -> None:
    """Chunks of one card are one; nothing is none; two are two."""
    assert kapok("inspect", *chunks(3), "--trust", keys, "--at", AT).code == 1
    for stdin in (b"", b"HC1:A\nHC1:B\n"):
        done = kapok("inspect", "--trust", keys, stdin=stdin)
        assert (done.code, done.out) == (2, "")
