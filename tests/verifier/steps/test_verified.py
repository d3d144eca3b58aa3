"""The memory of verified credentials: bounded, and gone when trust changes."""

from dataclasses import replace

from tests.support.city import City, trusting
from tests.support.publisher import EDITION, NOW
from verifier.codes import city
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.steps.verified import VerifiedCredential, VerifiedCredentials

TRUST = EDITION.trusted().trust
ONE = VerifiedCredential(
    claims=city.decode(City().text()).claims(), key=TRUST.ring.find(City().issuer_key.kid)[0]
)


def filled(limit: int, *identities: str) -> VerifiedCredentials:
    """Remember some credentials."""
    seen = VerifiedCredentials(limit)
    seen.find(TRUST, "")
    for identity in identities:
        seen.remember(TRUST, identity, ONE)
    return seen


def test_what_was_seen_is_found() -> None:
    """And nothing else."""
    seen = filled(4, "a")
    assert seen.find(TRUST, "a") is ONE
    assert seen.find(TRUST, "b") is None


def test_the_oldest_goes_first() -> None:
    """Never more than the limit."""
    seen = filled(2, "a", "b", "c")
    assert len(seen) == 2
    assert seen.find(TRUST, "a") is None
    assert seen.find(TRUST, "c") is ONE


def test_a_memory_of_none() -> None:
    """A limit of zero remembers nothing and breaks nothing."""
    assert len(filled(0, "a", "b")) == 0


def test_all_of_it_is_dropped_when_trust_changes() -> None:
    """An equal bundle that was taken anew is another trust; so is one that lost a key."""
    seen = filled(4, "a", "b")
    other = replace(EDITION, version=2).trusted().trust
    assert seen.find(other, "a") is None
    assert len(seen) == 0
    seen.remember(TRUST, "a", ONE)
    assert len(seen) == 0, "what was verified under the old trust is not remembered any more"


def test_a_key_taken_out_of_trust_ends_a_remembered_credential() -> None:
    """Through the engine: seen and good, then the bundle no longer has the issuer."""
    seen = VerifiedCredentials(4)
    assert City().judge(seen=seen).outcome is Outcome.PASS
    withdrawn = City(trusted=EDITION.keys[1])
    assert withdrawn.judge(City().text(), seen).outcome is Outcome.DENY


def test_a_key_past_its_window_ends_a_remembered_credential() -> None:
    """The window of the key is looked at again at every scan."""
    seen = VerifiedCredentials(4)
    ending = City(trusted=trusting(exp=NOW))
    assert ending.judge(seen=seen).outcome is Outcome.PASS
    later = ending.at(now=NOW + 1)
    assert later.judge(seen=seen).reason is Reason.TRUST_KEY_EXPIRED
