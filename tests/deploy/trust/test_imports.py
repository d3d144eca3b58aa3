"""An import: what is taken, what is refused by name; one key of many issuers, many of one kid."""

import hashlib
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.errors import UsageError
from deploy.trust.imports import Import, Terms, planned, read_pins
from deploy.trust.lists import read_files
from tests.support import imports
from tests.support.health import AT, CARDS, ISSUER, card, card_text, health_text
from tests.support.health import protected as health_header
from tests.support.imports import EMPTY, at_a_desk, at_a_gate, plan_of, reason
from tests.support.keys import STRANGER, key
from tests.support.signers import P384, as_json, certificate, kid64, packed, pem, web_key
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.errors import BundleRefused
from verifier.issuing.publisher import TrustSource, key_entry
from verifier.issuing.signing_key import SigningKey
from verifier.trust import keys as trusted_keys

DER: Final = certificate()
PIN: Final = hashlib.sha256(DER).digest()
UNTIL: Final = 1_800_000_000


def plan(*paths: Path, **terms: object) -> Import:
    """Plan an import of files into an empty source."""
    return planned(EMPTY, {}, read_files(paths), Terms(until=UNTIL, **terms))  # type: ignore[arg-type]


def test_a_folder_of_everything(tmp_path: Path) -> None:
    """Folders inside it too; what is refused is named; hidden files are not looked at."""
    (tmp_path / "cards" / ".well-known").mkdir(parents=True)
    chain = [packed(certificate(CARDS, address=ISSUER))]
    keys = {"keys": [web_key(CARDS, x5c=chain)]}
    (tmp_path / "cards" / ".well-known" / "jwks.json").write_bytes(as_json(keys))
    (tmp_path / "at.pem").write_bytes(pem(DER))
    strong = certificate(P384)
    (tmp_path / "list.json").write_bytes(as_json({kid64(DER): packed(DER), "x": packed(strong)}))
    (tmp_path / "readme").write_text("hello")
    (tmp_path / ".hidden").write_text("hello")
    found = plan(tmp_path)
    assert sorted(entry.formats for entry in found.change.added) == [("HC1",), ("SHC",)]
    assert {item.where for item in found.refused} == {"readme", "list.json x"}
    assert set(found.change.source.names.values()) == {"AT signer one"}


def test_pins(tmp_path: Path) -> None:
    """Only what is pinned is taken; what has no certificate fits no pin."""
    (tmp_path / "der").write_bytes(DER)
    (tmp_path / "keys").write_bytes(as_json({"keys": [web_key(CARDS)]}))
    assert len(plan(tmp_path / "der", pins=frozenset({PIN})).change.added) == 1
    other = plan(tmp_path / "der", pins=frozenset({b"\0" * 32}))
    assert (other.change.empty, len(other.refused)) == (True, 1)
    bare = plan(tmp_path / "keys", pins=frozenset({PIN}), issuer=ISSUER)
    assert (bare.change.empty, len(bare.refused)) == (True, 1)


def test_pins_as_they_are_written() -> None:
    """Hex of 32 bytes, colons or none."""
    colons = ":".join(f"{byte:02X}" for byte in PIN)
    assert read_pins([PIN.hex(), colons]) == {PIN}
    for wrong in ("", "zz", PIN.hex()[:-2], PIN.hex() + "00"):
        with pytest.raises(MalformedError):
            read_pins([wrong])


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, an empty folder."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError):
            read_files((path,))


CLINICS: Final = tuple(f"https://clinic-{number}.example/shc" for number in range(40))
STATED: Final = b"the kid!"
"""The kid under which the lists here put signers."""
MOST: Final = 8
"""Different keys that may share a kid."""


def directory(*issuers: str, signer: SigningKey = CARDS, **members: Any) -> dict[str, Any]:
    """Publish one key for each of several issuers."""
    rows = [
        {"issuer": {"iss": iss, "name": f"name of {iss}"}, "keys": [web_key(signer, **members)]}
        for iss in issuers
    ]
    return {"issuerInfo": rows}


def card_of(issuer: str, **sign: Any) -> str:
    """Make a card of an issuer."""
    return card_text(card({"iss": issuer}), **sign)


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Count what is verified, by its message."""
    done: list[bytes] = []
    verify = trusted_keys.Es256Key.verify

    def counted(self: trusted_keys.Es256Key, message: bytes, signature: bytes) -> bool:
        done.append(message)
        return verify(self, message, signature)

    monkeypatch.setattr(trusted_keys.Es256Key, "verify", counted)
    return done


def test_a_key_signs_for_every_issuer_that_publishes_it(tmp_path: Path) -> None:
    """At a gate and at a desk; for nobody else; each issuer keeps its name."""
    found = plan_of(tmp_path, directory(*CLINICS))
    assert (len(found.change.added), found.refused) == (len(CLINICS), ())
    for trust in (at_a_gate(found.change.source), at_a_desk(tmp_path)):
        assert {reason(card_of(clinic), trust) for clinic in CLINICS} == {None}
        assert reason(card_of(ISSUER), trust) is Reason.TRUST_WRONG_ISSUER
    assert set(found.change.source.names.values()) == {f"name of {c}" for c in CLINICS}


def test_a_pair_of_issuer_and_key_is_one_entry(tmp_path: Path) -> None:
    """The second time nothing changes; with --replace a pair that is gone goes, and no other."""
    first = plan_of(tmp_path, directory(*CLINICS[:3])).change.source
    again = plan_of(tmp_path, directory(*CLINICS[:3]), source=first)
    assert (again.empty, len(again.change.same)) == (True, 3)
    fewer = directory(*CLINICS[:2])
    assert plan_of(tmp_path, fewer, source=first).empty
    replaced = plan_of(tmp_path, fewer, source=first, replace=True)
    assert [entry.issuer for entry in replaced.change.removed] == [CLINICS[2]]
    later = plan_of(tmp_path, fewer, source=first, until=imports.UNTIL + 1)
    assert [(c.before.issuer, c.after.issuer) for c in later.change.changed] == [
        (clinic, clinic) for clinic in CLINICS[:2]
    ]


@pytest.mark.parametrize("signer", [CARDS, STRANGER])
def test_a_shared_kid_costs_one_verification(
    tmp_path: Path, verifications: list[bytes], signer: SigningKey
) -> None:
    """Of a card that is genuine and of one that is forged; at a gate and at a desk."""
    found = plan_of(tmp_path, directory(*CLINICS))
    text = card_of(CLINICS[-1], signer=signer.sign)
    for trust in (at_a_gate(found.change.source), at_a_desk(tmp_path)):
        verifications.clear()
        assert reason(text, trust) is (None if signer is CARDS else Reason.SIGNATURE_BAD)
        assert len(verifications) == 1


def test_windows_of_one_key_cost_one_verification(
    tmp_path: Path, verifications: list[bytes]
) -> None:
    """Imports of different days give different ends; the last one of them is found."""
    source = EMPTY
    for number, clinic in enumerate(CLINICS[:5]):
        source = plan_of(
            tmp_path, directory(clinic), source=source, until=imports.UNTIL + number
        ).change.source
    assert reason(card_of(CLINICS[4]), at_a_gate(source)) is None
    assert len(verifications) == 1


def test_living_and_ended_entries_cost_one_verification_a_key(
    tmp_path: Path, verifications: list[bytes]
) -> None:
    """Two countries state each key of a kid, one of them until yesterday."""
    rows = [
        {"kid": packed(STATED), "pk": packed(key(f"signer {n}").spki), "country": country} | window
        for n in range(MOST)
        for country, window in (("AT", {}), ("DE", {"notAfter": AT - 86_400}))
    ]
    found = plan_of(tmp_path, rows)
    assert (len(found.change.added), found.refused) == (2 * MOST, ())
    forged = health_text(header=health_header(STATED), signer=STRANGER.sign)
    for trust in (at_a_gate(found.change.source), at_a_desk(tmp_path)):
        verifications.clear()
        assert reason(forged, trust) is Reason.SIGNATURE_BAD
        assert len(verifications) == MOST
    last = key(f"signer {MOST - 1}")
    genuine = health_text(header=health_header(STATED), signer=last.sign)
    assert reason(genuine, at_a_gate(found.change.source)) is None


def signers(number: int) -> list[dict[str, Any]]:
    """Put certificates of different keys under one kid."""
    return [
        {"kid": packed(STATED), "rawData": packed(certificate(key(f"signer {n}")))}
        for n in range(number)
    ]


def test_keys_of_one_kid_are_bounded(tmp_path: Path, verifications: list[bytes]) -> None:
    """All of them sign; one more is refused by name, and a bundle that states it altogether."""
    found = plan_of(tmp_path, signers(MOST + 1))
    assert (len(found.change.added), len(found.refused)) == (MOST, 1)
    assert f"entry {MOST + 1}" in found.refused[0].where
    trust = at_a_gate(found.change.source)
    head = health_header(STATED)
    assert reason(health_text(header=head, signer=STRANGER.sign), trust) is Reason.SIGNATURE_BAD
    assert len(verifications) == MOST
    last = key(f"signer {MOST - 1}")
    assert reason(health_text(header=head, signer=last.sign), trust) is None
    full = found.change.source
    assert plan_of(tmp_path, signers(1), source=full).empty
    other = [{"kid": packed(STATED), "rawData": packed(certificate(key("another")))}]
    assert len(plan_of(tmp_path, other, source=full).refused) == 1
    assert plan_of(tmp_path, other, source=full, replace=True).refused == ()


def test_a_bundle_with_too_many_keys_of_a_kid_is_refused() -> None:
    """Also where somebody wrote the trust source by hand."""

    def source(number: int) -> TrustSource:
        named = [key(f"signer {n}") for n in range(number)]
        entries = [
            key_entry(k.spki, algorithm=-7, uses=("status",), not_before=0, expires=AT)
            for k in named
        ]
        fields = [{f: getattr(e, f) for f in e.__struct_fields__} for e in entries]
        keys = tuple(type(e)(**d | {"kid": STATED}) for e, d in zip(entries, fields, strict=True))
        return TrustSource(keys=keys, lists={}, sectors_enabled=())

    at_a_gate(source(MOST))
    with pytest.raises(BundleRefused):
        at_a_gate(source(MOST + 1))


def test_a_country_binds_a_key_that_another_list_left_free(tmp_path: Path) -> None:
    """In one import and in the next; a list without countries frees it again."""
    der = certificate()
    bound = [{"rawData": packed(der), "country": "AT", "kid": packed(STATED)}]
    free = [{"rawData": packed(der), "kid": packed(STATED)}]
    for order in ((bound, free), (free, bound)):
        found = plan_of(tmp_path, *order)
        assert [entry.issuer for entry in found.change.added] == ["AT"]
    one = plan_of(tmp_path, free).change.source
    closed = plan_of(tmp_path, bound, source=one)
    assert [entry.issuer for entry in closed.change.source.keys] == ["AT"]
    opened = plan_of(tmp_path, free, source=closed.change.source)
    assert [entry.issuer for entry in opened.change.source.keys] == [None]


def test_two_signers_of_one_kid_keep_their_names(tmp_path: Path) -> None:
    """A name belongs to a key, not to a kid."""
    rows = [
        {"kid": packed(STATED), "rawData": packed(certificate(key(name), name=name))}
        for name in ("one", "two")
    ]
    names = plan_of(tmp_path, rows).change.source.names
    assert sorted(names.values()) == ["AT one", "AT two"]
