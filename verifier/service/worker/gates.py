"""At which gate a caller scans."""

from http import HTTPStatus

from runtime.http.access import Caller
from runtime.http.problems import Problem
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import ApiScope, GrantState
from verifier.service.worker.knowledge import Knowledge, ScanGate


def barred(caller: Caller, knowledge: Knowledge) -> Problem | None:
    """Return why a certificate may not be here: no grant, none that is active, or another's."""
    gate = None if caller.terminal is None else knowledge.gate(caller.terminal)
    if gate is None:
        return Problem(HTTPStatus.FORBIDDEN, "grant.none")
    return _objection(caller, gate.grant, knowledge)


def _objection(caller: Caller, grant: Grant, knowledge: Knowledge) -> Problem | None:
    if grant.state is not GrantState.ACTIVE:
        return Problem(HTTPStatus.FORBIDDEN, f"grant.{grant.state}")
    if knowledge.is_suspended(grant):
        return Problem(HTTPStatus.FORBIDDEN, "grant.suspended")
    shown = (caller.generation, caller.fingerprint)
    if caller.fingerprint is not None and shown != (grant.generation, grant.fingerprint):
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
    objection = _objection(caller, gate.grant, knowledge)
    if objection is not None:
        raise objection
    if scope not in gate.grant.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.scope")
    return gate
