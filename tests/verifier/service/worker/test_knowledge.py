from dataclasses import replace

from tests.support.issued import ONCE, TERMINAL, grant_of
from verifier.contract.scan import scan_id_tail
from verifier.contract.vocabulary import GrantState
from verifier.policy.profiles import Profiles, check_profile
from verifier.service.worker.knowledge import Knowledge
from verifier.status.plane import Status
from verifier.status.rids import RevokedCards
from verifier.steps.use import scope_tag
from verifier.trust.signers import NO_TRUST


def knowing(**profile: object) -> Knowledge:
    """Return knowledge of one grant and one profile."""
    knowledge = Knowledge()
    knowledge.know(profiles=Profiles((check_profile(dict(ONCE) | profile),), 1))
    knowledge.take_grants((grant_of(TERMINAL, 5),))
    return knowledge


def test_of_two_grants_the_higher_version_counts() -> None:
    """In whatever order they come."""
    knowledge = knowing()
    assert knowledge.take_grants((grant_of(TERMINAL, 4, state=GrantState.REVOKED),)) == 0
    assert knowledge.take_grants((grant_of(TERMINAL, 5, state=GrantState.REVOKED),)) == 0
    gate = knowledge.gate(TERMINAL)
    assert gate is not None
    assert gate.grant.state is GrantState.ACTIVE
    assert knowledge.take_grants((grant_of(TERMINAL, 6, state=GrantState.REVOKED),)) == 1
    gate = knowledge.gate(TERMINAL)
    assert gate is not None
    assert gate.grant.state is GrantState.REVOKED


def test_a_gate_follows_new_profiles() -> None:
    """What was worked out before is forgotten."""
    knowledge = knowing()
    before = knowledge.gate(TERMINAL)
    other = dict(ONCE) | {"use": {"scope": "zone:metro", "once_for": 60}}
    knowledge.know(profiles=Profiles((check_profile(other),), 2))
    after = knowledge.gate(TERMINAL)
    assert before is not None
    assert after is not None
    assert before.tag == scope_tag("place:metro-1")
    assert after.tag == scope_tag("zone:metro")
    assert after.tail == scan_id_tail(TERMINAL)


def test_a_place_without_a_profile_has_a_gate_that_denies() -> None:
    """The grant is there, what is asked is not: the core refuses."""
    knowledge = knowing(place="hall-1")
    gate = knowledge.gate(TERMINAL)
    assert gate is not None
    assert gate.profile is None
    assert gate.tag == scope_tag("place:metro-1")


def test_what_is_known_is_replaced_alone() -> None:
    """New trust leaves the revoked cards, and the reverse."""
    knowledge = knowing()
    revoked = {"kid": RevokedCards(["a"])}
    knowledge.know(revoked_cards=revoked)
    knowledge.know(trust=replace(NO_TRUST, version=2))
    knowledge.know(status=Status({}))
    assert (knowledge.known.trust.version, knowledge.known.revoked_cards) == (2, revoked)
    knowledge.know(revoked_cards={})
    assert (knowledge.known.trust.version, knowledge.known.revoked_cards) == (2, {})


def test_without_a_grant_there_is_no_gate() -> None:
    """Unknown means no."""
    assert Knowledge().gate(TERMINAL) is None
