"""Requests of every shape that the OpenAPI document allows or forbids, at a real worker.

No answer is a fault of ours, and none is one that the document does not name: by status, content
type and schema.
"""

from itertools import count
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.centre import ADMIN_KEY, API_KEY, Centre, new_scan_id, paper
from tests.support.operators import operator_token
from verifier.contract.vocabulary import ApiScope
from verifier.service.openapi.document import document
from verifier.service.openapi.operations import OPERATIONS

EXAMPLES: Final = 25
"""Requests of each kind: enough for each field to be missing, wrong, null and too long."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ASKED: Final = {one.name: one for one in OPERATIONS}
schema = schemathesis.openapi.from_dict(document())
persons = count(25_000)


def own(value: Any) -> Any:
    """Make the caller's own what looks right, so that some requests come all the way through."""
    if isinstance(value, dict):
        changed = {name: own(one) for name, one in value.items()}
        if isinstance(changed.get("scan_id"), str):
            changed["scan_id"] = new_scan_id()
        if isinstance(changed.get("text"), str) and len(changed["text"]) % 2:
            changed["text"] = paper(next(persons))
        return changed
    return [own(one) for one in value] if isinstance(value, list) else value


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_documented(case: schemathesis.Case, house: Centre) -> None:
    """As the document has it, for keys that may ask and for a stranger."""
    asked = ASKED[case.operation.definition.raw["operationId"]]
    key = API_KEY if asked.scope is ApiScope.SCAN else ADMIN_KEY
    key = key if asked.keys else operator_token()
    answers = []
    for mine in (False, True):
        if mine:
            case.body = own(case.body)
            if "scan_id" in (case.path_parameters or {}):
                case.path_parameters["scan_id"] = new_scan_id()
        answers.append(
            case.call(
                base_url=f"http://127.0.0.1:{house.port}",
                headers={"Authorization": f"Bearer {key}"},
                allow_redirects=False,
            )
        )
        case.validate_response(answers[-1], checks=CHECKS)
    stranger = case.call(
        base_url=f"http://127.0.0.1:{house.port}", headers={"Authorization": "Bearer nobody"}
    )
    case.validate_response(stranger, checks=CHECKS)
