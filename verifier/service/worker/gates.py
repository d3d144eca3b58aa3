"""At which gate a caller scans."""

from http import HTTPStatus

from runtime.http.access import Caller
from runtime.http.problems import Problem
from verifier.contract.vocabulary import ApiScope, GrantState
from verifier.service.worker.knowledge import Knowledge, ScanGate


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
    if knowledge.is_held(grant):
        raise Problem(HTTPStatus.FORBIDDEN, "grant.suspended")
    shown = (caller.generation, caller.fingerprint)
    if caller.fingerprint is not None and shown != (grant.generation, grant.fingerprint):
        raise Problem(HTTPStatus.FORBIDDEN, "grant.fingerprint")
    if scope not in grant.scopes:
        raise Problem(HTTPStatus.FORBIDDEN, "grant.scope")
    return gate
