"""Root documents signed offline: a description and key files; half-signed ones go on."""

from pathlib import Path

import pytest

from deploy.local.errors import UsageError
from deploy.trust.roots import sign_root
from tests.support.keys import BUNDLE, NEW_ROOTS, ROOTS
from tests.support.publisher import DAY, NOW
from tests.support.signers import pem
from verifier.issuing.signing_key import SigningKey
from verifier.trust.bundle import TrustedSet
from verifier.trust.root import open_root_file

FIRST = """
days = 365
threshold = 2
root_keys = ["a.pub", "b.pub"]
bundle_keys = ["bundle.pem"]
"""
SECOND = (
    '{"days": 1, "threshold": 1, "version": 2, "root_keys": ["c.pub"],'
    ' "bundle_keys": ["bundle.pem"]}'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with descriptions and key files."""
    keys: dict[str, SigningKey] = dict(zip("abc", (*ROOTS[:2], NEW_ROOTS[0]), strict=True))
    for name, key in keys.items():
        (tmp_path / f"{name}.pem").write_bytes(key.to_pem())
        (tmp_path / f"{name}.pub").write_bytes(pem(key.spki, "PUBLIC KEY"))
    (tmp_path / "bundle.pem").write_bytes(BUNDLE.to_pem())
    (tmp_path / "first.toml").write_text(FIRST)
    (tmp_path / "second.json").write_text(SECOND)
    return tmp_path


def test_two_persons_and_the_next_root(folder: Path) -> None:
    """One after the other signs the first; both and the new one sign the second."""
    half = sign_root(folder / "first.toml", [folder / "a.pem"], None, NOW)
    assert half.signatures.complete is False
    (folder / "half").write_bytes(half.content)
    whole = sign_root(folder / "half", [folder / "b.pem"], None, NOW)
    assert whole.signatures.complete
    (folder / "root.cbor").write_bytes(whole.content)
    root, _ = open_root_file(whole.content)
    assert (root.version, root.exp) == (1, NOW + 365 * DAY)
    signers = [folder / f"{name}.pem" for name in "abc"]
    made = sign_root(folder / "second.json", signers, folder / "root.cbor", NOW)
    assert made.signatures.complete
    gate = TrustedSet(whole.content)
    gate.take_root(made.content, NOW)
    assert gate.root_version == 2
    short = sign_root(folder / "second.json", signers[1:], folder / "root.cbor", NOW)
    assert (len(short.signatures.previous), short.signatures.complete) == (1, False)


def test_the_version_follows(folder: Path) -> None:
    """Left out, it is the previous one's and one; one that skips is no gate's next."""
    keys = [folder / "a.pem", folder / "b.pem"]
    first = sign_root(folder / "first.toml", keys, None, NOW)
    (folder / "root.cbor").write_bytes(first.content)
    assert sign_root(folder / "first.toml", keys, folder / "root.cbor", NOW).change.version == (
        1,
        2,
    )
    (folder / "skips.toml").write_text(FIRST + "version = 3\n")
    with pytest.raises(UsageError):
        sign_root(folder / "skips.toml", keys, folder / "root.cbor", NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "days = ",
        "{",
        "[" * 5000,
        FIRST + "more = 1\n",
        FIRST.replace("365", "0"),
        FIRST.replace("threshold = 2", "threshold = 3"),
        FIRST.replace('"b.pub"', '"a.pub"'),
        FIRST.replace("b.pub", "nowhere"),
        FIRST.replace("b.pub", "first.toml"),
        FIRST.replace("b.pub", "second.json"),
    ],
)
def test_a_description_that_is_none(folder: Path, text: str) -> None:
    """Each is refused with one sentence."""
    (folder / "wrong").write_text(text)
    with pytest.raises(UsageError):
        sign_root(folder / "wrong", [folder / "a.pem"], None, NOW)


def test_a_root_file_that_is_damaged(folder: Path) -> None:
    """At every tenth byte."""
    keys = [folder / "a.pem", folder / "b.pem"]
    content = sign_root(folder / "first.toml", keys, None, NOW).content
    for at in range(0, len(content), 10):
        (folder / "cut").write_bytes(content[:at])
        with pytest.raises(UsageError):
            sign_root(folder / "cut", keys, None, NOW)
