"""At which gate a caller scans, and whether an operator may act there."""

from http import HTTPStatus

from runtime.http.access import Caller, ShownToken
from runtime.http.problems import Problem
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import ApiScope, GrantState
from verifier.service.worker.knowledge import Knowledge, ScanGate


def require_area(token: ShownToken, grant: Grant) -> None:
    """Check that an operator may act at the place of a grant.

    Raises:
        Problem: 403 operator.area.
    """
    # A grant that says no district lies in none.
    if token.district is not None and token.district != grant.district:
        raise Problem(HTTPStatus.FORBIDDEN, "operator.area")
    if token.place not in (None, grant.place):
        raise Problem(HTTPStatus.FORBIDDEN, "operator.area")


def barred(caller: Caller, knowledge: Knowledge) -> Problem | None:
    """Return why a certificate may not be here: no grant, none that is active, or another's."""
    gate = None if caller.terminal is None else knowledge.gate(caller.terminal)
    if gate is None:
        return Problem(HTTPStatus.FORBIDDEN, "grant.none")
    if gate.grant.state is not GrantState.ACTIVE:
        return Problem(HTTPStatus.FORBIDDEN, f"grant.{gate.grant.state}")
    if caller.fingerprint != gate.grant.fingerprint:
        return Problem(HTTPStatus.FORBIDDEN, "grant.fingerprint")
    return None


def gate_of(caller: Caller, knowledge: Knowledge, scope: ApiScope) -> ScanGate:
    """Return the gate at which a caller scans.

    Raises:
        Problem: 403 with what its grant lacks.
    """
    if caller.scopes is not None and scope not in caller.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "scope.missing")
    if caller.terminal is None:
        raise Problem(HTTPStatus.FORBIDDEN, "terminal.none")
    gate = knowledge.gate(caller.terminal)
    if gate is None:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.none")
    grant = gate.grant
    if grant.state is not GrantState.ACTIVE:
        raise Problem(HTTPStatus.FORBIDDEN, f"grant.{grant.state}")
    if caller.fingerprint is not None and caller.fingerprint != grant.fingerprint:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.fingerprint")
    if scope not in grant.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.scope")
    return gate
