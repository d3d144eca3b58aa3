"""A plane of a list that trust names and nobody has looked at yet reaches no stance."""

from dataclasses import replace

from tests.support.city import City, asks
from tests.support.publisher import EDITION, NOW
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome, Plane
from verifier.decision import Assessment
from verifier.engine import Clock, assess
from verifier.errors import BundleRefused
from verifier.service.worker.knowledge import Knowledge
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.bundle import TrustedSet
from verifier.trust.kinds import take
from verifier.trust.known import Known

CITY = City(profile=asks(stance="open", max_status_age=86_400))


def judge(known: Known) -> Assessment:
    """Assess a good code at a place of open stance."""
    return assess(
        CITY.text(),
        known=known,
        profile=CITY.asked(),
        grant=CITY.grant,
        clock=Clock(now=NOW),
        seen=VerifiedCredentials(16),
    )


def knowledge_of(trusted: TrustedSet, *planes: Plane) -> Knowledge:
    """Take trust, then some planes of list 1, as a worker does."""
    knowledge = Knowledge()
    knowledge.learn(take(trusted, "trust", EDITION.trust(), NOW))
    for plane in planes:
        fill = int(plane is Plane.HEALTH)
        data = EDITION.status(plane, CITY.size, {}, fill=fill)
        knowledge.learn(take(trusted, f"status-1-{plane}", data, NOW))
    return knowledge


def test_a_plane_that_was_not_looked_at_refuses() -> None:
    """Between the moment when trust names a list and the first look at its planes."""
    trusted = TrustedSet(EDITION.root())
    for planes in ((), (Plane.HEALTH,), (Plane.REVOCATION,)):
        found = judge(knowledge_of(trusted.copy(), *planes).known)
        assert (found.outcome, found.reason) == (Outcome.DENY, Reason.STATUS_UNKNOWN)
    complete = knowledge_of(trusted.copy(), Plane.REVOCATION, Plane.HEALTH)
    assert judge(complete.known).outcome is Outcome.PASS


def test_a_plane_that_ended_is_doubt() -> None:
    """Somebody looked: there is none. That is what the stance is for."""
    knowledge = knowledge_of(TrustedSet(EDITION.root()), Plane.REVOCATION, Plane.HEALTH)
    knowledge.forget("status-1-health")
    found = judge(knowledge.known)
    assert (found.outcome, found.unsure) == (Outcome.PASS, Reason.STATUS_UNKNOWN)


def test_a_list_that_trust_names_anew_is_looked_at_anew() -> None:
    """Its plane was refused while nobody might sign it: with the new trust that says nothing."""
    trusted = TrustedSet(EDITION.root())
    knowledge = Knowledge()
    try:
        take(trusted, "status-1-revocation", EDITION.status(Plane.REVOCATION, 64, {}), NOW)
    except BundleRefused:
        knowledge.know(judged=frozenset({(1, Plane.REVOCATION)}))
    knowledge.learn(take(trusted, "trust", EDITION.trust(), NOW))
    assert judge(knowledge.known).outcome is Outcome.DENY
    newer = replace(EDITION, version=2)
    knowledge.know(judged=frozenset({(1, Plane.REVOCATION), (1, Plane.HEALTH)}))
    knowledge.learn(take(trusted, "trust", newer.trust(), NOW))
    assert judge(knowledge.known).outcome is Outcome.PASS
