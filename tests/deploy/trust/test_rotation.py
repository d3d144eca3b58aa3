"""Rotation on a data folder: beside, in use, alone; repeatable; modes; what a gate then takes."""

import stat
import time
from pathlib import Path

import pytest

from deploy.local.errors import UsageError
from deploy.trust.rotation import SIGNED_BY, Role, Rotation
from deploy.trust.store import key_path, read_key, read_source, root_path, write_source
from tests.support import data_folder
from verifier.errors import BundleCause, BundleRefused
from verifier.issuing.publisher import seal_bundle
from verifier.issuing.signing_key import SigningKey
from verifier.issuing.sources import without_key
from verifier.trust.bundle import TrustedSet
from verifier.trust.root import open_root_file

NOW = int(time.time())
IN_SOURCE = (Role.ISSUER, Role.STATUS, Role.GRANT)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder as a first start makes it."""
    return data_folder.made(tmp_path)


def rotation(data: Path, role: Role) -> Rotation:
    """Return the rotation of a key."""
    return Rotation(data=data, role=role, root_keys=(), now=NOW)


def named(data: Path, role: Role) -> list[bytes]:
    """Return the keys of a role's kind that are named, by the uses of the one at the start."""
    use = "credential" if role is Role.ISSUER else role.value
    return [entry.spki for entry in read_source(data).keys if use in entry.uses]


def modes(data: Path) -> set[int]:
    """Return the modes of all files of keys and trust."""
    files = [*(data / "keys").glob("*.pem"), *(data / "trust").iterdir()]
    return {stat.S_IMODE(path.stat().st_mode) for path in files}


@pytest.mark.parametrize("role", IN_SOURCE)
def test_a_key_of_the_trust_source(data: Path, role: Role) -> None:
    """Named beside the old one, then in use, then alone; each file 0600, none left over."""
    old = read_key(key_path(data, role))
    before = read_source(data)
    done = rotation(data, role).begin()
    new = read_key(key_path(data, f"{role}.next"))
    assert named(data, role) == [old.spki, new.spki]
    assert (done.reread, done.restart) == (True, None)
    assert rotation(data, role).begin().reread
    assert named(data, role) == [old.spki, new.spki]
    done = rotation(data, role).switch()
    assert (done.restart, read_key(key_path(data, role)).kid) == (SIGNED_BY[role], new.kid)
    assert named(data, role) == [old.spki, new.spki]
    rotation(data, role).switch()
    with pytest.raises(UsageError):
        rotation(data, role).begin()
    assert rotation(data, role).finish().reread
    assert named(data, role) == [new.spki]
    assert [p.name for p in (data / "keys").glob(f"{role}*.pem")] == [f"{role}.pem"]
    assert modes(data) == {0o600}
    assert len(read_source(data).keys) == len(before.keys)
    with pytest.raises(UsageError):
        rotation(data, role).finish()


def test_an_issuer_in_use_is_not_dropped(data: Path) -> None:
    """Others may be switched and dropped at once: everything they signed is signed anew."""
    for role in (Role.ISSUER, Role.STATUS):
        rotation(data, role).begin()
    with pytest.raises(UsageError):
        rotation(data, Role.ISSUER).finish()
    assert rotation(data, Role.STATUS).finish().restart == "issuing"


def test_steps_need_the_ones_before(data: Path) -> None:
    """Nothing to switch to, nothing to finish."""
    for role in Role:
        for step in (rotation(data, role).switch, rotation(data, role).finish):
            with pytest.raises(UsageError):
                step()


def test_an_interrupted_step_is_repeated(data: Path) -> None:
    """A key that was made and not named; a switch between its two files; a drop not done."""
    role = Role.ISSUER
    made = rotation(data, role).begin()
    unnamed = without_key(read_source(data), read_key(key_path(data, f"{role}.next")).spki)
    write_source(data, unnamed)
    with pytest.raises(UsageError):
        rotation(data, role).switch()
    rotation(data, role).begin()
    assert made.reread
    current = key_path(data, role)
    key_path(data, f"{role}.old").write_bytes(current.read_bytes())  # died before the rename
    rotation(data, role).switch()
    rotation(data, role).finish()
    assert len(named(data, role)) == 1


def bundle(data: Path, version: int, key: SigningKey) -> bytes:
    """Return a trust bundle as the issuing process signs it."""
    document = read_source(data).document(version=version, issued_at=NOW, expires=NOW + 9)
    return seal_bundle(document, key)


def test_root_and_bundle_key(data: Path) -> None:
    """A gate that started with the first root follows all five, and its bundles go on."""
    gate = TrustedSet(root_path(data).read_bytes())
    old_root, old_bundle = (read_key(key_path(data, role)) for role in (Role.ROOT, Role.BUNDLE))
    rotation(data, Role.ROOT).begin()
    gate.take_root(root_path(data).read_bytes(), NOW)
    rotation(data, Role.ROOT).begin()
    rotation(data, Role.ROOT).finish()
    gate.take_root(root_path(data).read_bytes(), NOW)
    assert read_key(key_path(data, Role.ROOT)).kid != old_root.kid
    rotation(data, Role.BUNDLE).begin()
    gate.take_root(root_path(data).read_bytes(), NOW)
    gate.take_trust(bundle(data, 1, old_bundle), NOW)
    rotation(data, Role.BUNDLE).switch()
    gate.take_trust(bundle(data, 2, read_key(key_path(data, Role.BUNDLE))), NOW)
    rotation(data, Role.BUNDLE).finish()
    gate.take_root(root_path(data).read_bytes(), NOW)
    with pytest.raises(BundleRefused) as caught:
        gate.take_trust(bundle(data, 3, old_bundle), NOW)
    assert caught.value.cause is BundleCause.UNKNOWN_KEY
    gate.take_trust(bundle(data, 3, read_key(key_path(data, Role.BUNDLE))), NOW)
    root, _ = open_root_file(root_path(data).read_bytes())
    assert (root.version, len(root.root_keys), len(root.bundle_keys)) == (5, 1, 1)
    assert sorted(p.name for p in (data / "trust").glob("root-*.cbor")) == [
        f"root-{version}.cbor" for version in range(1, 5)
    ]
    assert modes(data) == {0o600}


def test_a_root_key_that_is_kept_elsewhere(data: Path, tmp_path: Path) -> None:
    """Without it nothing is signed; with its file given by hand it is; a stranger's is refused."""
    elsewhere = tmp_path / "root.pem"
    key_path(data, Role.ROOT).rename(elsewhere)
    before = root_path(data).read_bytes()
    with pytest.raises(UsageError):
        rotation(data, Role.BUNDLE).begin()
    stranger = read_key(key_path(data, Role.GRANT))
    for keys, taken in (((stranger,), False), ((read_key(elsewhere),), True)):
        one = Rotation(data=data, role=Role.BUNDLE, root_keys=keys, now=NOW)
        if taken:
            one.begin()
        else:
            with pytest.raises(UsageError):
                one.begin()
        assert (root_path(data).read_bytes() != before) is taken
