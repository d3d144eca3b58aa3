"""Whose floors count for the next versions: the keys that root file and trust source name."""

from pathlib import Path

from tests.support import data_folder
from verifier.issuing import signing_key
from verifier.service.issuing.bundles.named import NamedKeys


def test_keys_of_root_and_source_are_named(tmp_path: Path) -> None:
    """Bundle keys and all others, not the root's own; read anew at each question."""
    data = data_folder.made(tmp_path)
    root, source = data / "trust" / "root.cbor", data / "trust" / "trust.json"
    named = NamedKeys(root, source)
    kids = {
        name: signing_key.load((data / "keys" / f"{name}.pem").read_bytes()).kid
        for name in ("root", "bundle", "issuer", "status", "grant")
    }
    found = named()
    assert found is not None
    there = {thumbprint[:8] for thumbprint in found}
    assert {name for name, kid in kids.items() if kid in there} == kids.keys() - {"root"}
    source.write_text("{}")
    assert named() is None
    source.unlink()
    assert named() is None
