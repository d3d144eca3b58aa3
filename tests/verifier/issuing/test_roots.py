"""Root documents: described, signed key by key, compared, and taken one after the other."""

from dataclasses import replace
from typing import Final

import msgspec
import pytest

from tests.support.keys import BUNDLE, NEW_ROOTS, ROOTS, STRANGER
from tests.support.keys import GRANTS as NEW_BUNDLE
from tests.support.publisher import DAY, EDITION, NOW
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.errors import MalformedError
from verifier.errors import BundleCause, BundleRefused
from verifier.issuing.roots import compared, cosigned, signatures, signed, taken_after
from verifier.issuing.signing_key import SigningKey
from verifier.trust.bundle import TrustedSet
from verifier.trust.root import open_root_file


def described(
    version: int,
    roots: tuple[SigningKey, ...],
    bundles: tuple[SigningKey, ...] = (BUNDLE,),
    threshold: int = 1,
) -> RootDocument:
    """Describe a root."""
    return RootDocument(
        type="root",
        version=version,
        iat=NOW - DAY,
        exp=NOW + DAY,
        root_keys=tuple(RootKey(spki=key.spki) for key in roots),
        threshold=threshold,
        bundle_keys=tuple(RootKey(spki=key.spki) for key in bundles),
    )


OLD, NEW = ROOTS[0], NEW_ROOTS[0]
FIRST: Final = described(1, (OLD,))


def test_root_and_bundle_key_are_rotated() -> None:
    """Old alone, both, new alone: a gate follows, and what the old bundle key signs then ends."""
    both = described(2, (OLD, NEW), (BUNDLE, NEW_BUNDLE))
    alone = described(3, (NEW,), (NEW_BUNDLE,))
    gate = TrustedSet(signed(FIRST, [OLD]))
    gate.take_trust(EDITION.trust(), NOW)
    gate.take_root(signed(both, [OLD, NEW]), NOW)
    for version, signer in ((2, BUNDLE), (3, NEW_BUNDLE)):
        gate.take_trust(edition(version, signer), NOW)
    gate.take_root(signed(alone, [NEW]), NOW)
    with pytest.raises(BundleRefused) as caught:
        gate.take_trust(edition(4, BUNDLE), NOW)
    assert caught.value.cause is BundleCause.UNKNOWN_KEY
    gate.take_trust(edition(4, NEW_BUNDLE), NOW)
    assert (gate.root_version, gate.trust.version) == (3, 4)


def edition(version: int, signer: SigningKey) -> bytes:
    """Return a trust bundle by a bundle key."""
    return replace(EDITION, version=version, signer=signer).trust()


@pytest.mark.parametrize(
    ("signers", "complete"),
    [((OLD, NEW), True), ((OLD,), False), ((NEW,), False), ((NEW, STRANGER), False)],
)
def test_the_next_root_needs_old_and_new(signers: tuple[SigningKey, ...], complete: bool) -> None:  # noqa: FBT001
    """The count says what a gate does."""
    before, after = signed(FIRST, [OLD]), signed(described(2, (NEW,)), signers)
    assert signatures(after, FIRST).complete is complete
    if complete:
        taken_after(before, after, NOW)
    else:
        with pytest.raises(BundleRefused):
            taken_after(before, after, NOW)


def test_a_root_is_signed_by_one_after_the_other() -> None:
    """What was signed stays as it is; who signs twice counts once."""
    root = described(1, ROOTS, threshold=2)
    once = signed(root, [ROOTS[0], ROOTS[0]])
    assert (len(signatures(once, None).own), signatures(once, None).complete) == (1, False)
    twice = cosigned(once, [ROOTS[0], ROOTS[2]])
    assert open_root_file(twice)[0] == root
    assert signatures(twice, None).own == {ROOTS[0].kid, ROOTS[2].kid}
    taken_after(None, twice, NOW)
    assert signatures(cosigned(once, [STRANGER]), None).complete is False


def test_what_changes() -> None:
    """Keys by kid, threshold, version and end."""
    after = described(2, (OLD, NEW), (NEW_BUNDLE,), threshold=2)
    found = compared(FIRST, after)
    assert (found.version, found.threshold, found.expires) == ((1, 2), (1, 2), (NOW + DAY,) * 2)
    assert (found.root_added, found.root_removed, found.root_kept) == ((NEW.kid,), (), (OLD.kid,))
    assert (found.bundle_added, found.bundle_removed) == ((NEW_BUNDLE.kid,), (BUNDLE.kid,))
    assert compared(None, FIRST).root_added == (OLD.kid,)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"threshold": 0},
        {"threshold": 2},
        {"root_keys": ()},
        {"root_keys": (RootKey(spki=OLD.spki), RootKey(spki=OLD.spki))},
        {"bundle_keys": (RootKey(spki=b"no key"),)},
        {"bundle_keys": ()},
        {"exp": NOW - DAY},
    ],
)
def test_a_root_that_no_gate_would_take_is_not_signed(changes: dict[str, object]) -> None:
    """Bounds, keys that load, a threshold that can be reached."""
    with pytest.raises(MalformedError):
        signed(msgspec.structs.replace(FIRST, **changes), [OLD])
