"""`kapok holder` as its user calls it, against a real issuing process and a real worker."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from deploy.phones.phone import PendingRenewal, Phone, read_phone, write_phone
from tests.support import data_folder
from tests.support.centre import ADMIN_KEY, eventually
from tests.support.command_line import Ran, kapok
from tests.support.issuing_house import IssuingHouse, issuing_house
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import scan
from verifier.contract.reasons import Reason
from verifier.issuing import signing_key


@pytest.fixture(scope="module")
def house() -> Iterator[IssuingHouse]:
    """Yield a running issuing process and a worker."""
    with issuing_house() as running:
        yield running


@pytest.fixture
def data(house: IssuingHouse, tmp_path: Path) -> Path:
    """Return a data folder that says where the house answers."""
    folder = tmp_path / "data"
    data_folder.issuing_at(folder, house.issuing.port, ADMIN_KEY)
    return folder


def holder(data: Path, *words: object) -> Ran:
    """Run `kapok holder`, which must succeed."""
    ran = kapok("holder", *words, "--data", data)
    assert ran.code == 0, ran.err
    return ran


def shown(data: Path, *words: object) -> str:
    """Return the text that a phone shows."""
    return holder(data, "show", *words).out.splitlines()[0]


def test_a_phone_is_made_shown_and_passes(house: IssuingHouse, data: Path, tmp_path: Path) -> None:
    """Its file is its owner's alone; the picture holds the text."""
    holder(data, "new", "lin")
    assert (data / "phones" / "lin.json").stat().st_mode & 0o777 == 0o600
    eventually("it passes", lambda: house.reason_of(shown(data, "lin")) is None)
    png = tmp_path / "lin.png"
    text = shown(data, "lin", "--png", png)
    assert scan(read_picture(png.read_bytes())) == (text,)
    assert kapok("holder", "new", "lin", "--data", data).code == 2
    assert kapok("holder", "show", "nobody", "--data", data).code == 2
    assert kapok("holder", "show", "../lin", "--data", data).code == 2


def test_one_phone_reports_the_other(house: IssuingHouse, data: Path) -> None:
    """Two of one person: the lost one ends, the other lives."""
    holder(data, "new", "old", "--reference", "44010119700101001X")
    holder(data, "new", "spare", "--same-as", "old")
    assert read_phone(data / "phones/old.json").own.person == (
        read_phone(data / "phones/spare.json").own.person
    )
    assert "this phone" in holder(data, "list", "spare").out
    holder(data, "lost", "old", "--by", "spare")
    eventually(
        "the lost one is refused",
        lambda: house.reason_of(shown(data, "old")) == Reason.STATUS_REVOKED,
    )
    eventually(
        "the other one lives",
        lambda: house.reason_of(shown(data, "spare")) in (None, Reason.USE_REPLAYED),
    )
    holder(data, "new", "newer", "--reference", "44010119700101001x")
    assert read_phone(data / "phones/newer.json").own.person == (
        read_phone(data / "phones/spare.json").own.person
    )
    holder(data, "lost", "spare")
    assert kapok("holder", "list", "spare", "--data", data).code == 1


def test_a_family_moves_to_a_new_key(house: IssuingHouse, data: Path) -> None:
    """With its guardian's card."""
    holder(data, "new", "mother")
    for child in ("an", "bo"):
        holder(data, "family", "add", "mother", child)
    assert kapok("holder", "family", "add", "mother", "an", "--data", data).code == 2
    path = data / "phones/mother.json"
    before = read_phone(path)
    holder(data, "renew", "mother", "--new-key")
    after = read_phone(path)
    assert {card.key for card in after.family.values()} == {after.own.key} != {before.own.key}
    eventually(
        "the child passes", lambda: house.reason_of(shown(data, "mother", "--of", "an")) is None
    )
    assert holder(data, "list", "mother").out.count("carried") == 2


def test_a_renewal_that_was_cut_off_goes_on(data: Path) -> None:
    """The answer was lost and the file says what was asked: the same card comes again."""
    holder(data, "new", "he")
    path = data / "phones/he.json"
    assert kapok("holder", "renew", "he", "--data", data).code == 1
    before = read_phone(path)
    assert before.own.pending is None
    pending = PendingRenewal(request=bytes(range(16)), key=signing_key.generate().to_pem().decode())
    begun = Phone(own=msgspec.structs.replace(before.own, pending=pending))
    cards = []
    for _ in range(2):
        write_phone(path, begun)
        holder(data, "renew", "he")
        cards.append(read_phone(path).own)
    assert cards[0] == cards[1] != before.own
    assert cards[0].key == pending.key


def test_a_code_for_a_dead_battery(house: IssuingHouse, data: Path) -> None:
    """Static, for two hours."""
    holder(data, "new", "wu")
    said = holder(data, "emergency", "wu", "--hours", 2).out.splitlines()
    assert said[0].startswith("until ")
    assert said[1].startswith("CC1:")
    eventually("it passes", lambda: house.reason_of(said[1]) is None)
    assert read_phone(data / "phones/wu.json").own.expires > time.time() + 86_400
