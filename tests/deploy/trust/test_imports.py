"""An import: each offer taken or refused by name; pins; files and folders."""

import hashlib
from pathlib import Path
from typing import Final

import pytest

from deploy.local.errors import UsageError
from deploy.trust.imports import Import, Terms, planned, read_pins
from deploy.trust.lists import read_files
from tests.support.health import CARDS, ISSUER
from tests.support.signers import P384, as_json, certificate, kid64, packed, pem, web_key
from verifier.contract.errors import MalformedError
from verifier.issuing.publisher import TrustSource

EMPTY: Final = TrustSource(keys=(), lists={}, sectors_enabled=())
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
