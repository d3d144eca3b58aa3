"""CertLogic 1.3: the rule language, compiled to closures once and evaluated many times.

Lives here: the language alone. Not here: which rules hold where and when (`verifier.policy.rules`),
any clock (a rule reads the moment from its data), any third party but msgspec's JSON.

Follows the CertLogic specification 1.3; docs/rules.md says where it leaves a choice and what ours
is. A rule comes from outside and runs at a gate: every cost has a bound, and what the language has
no meaning for is an error, never a guess.
"""

from verifier.policy.certlogic.compiler import (
    MAX_NESTING,
    Rule,
    compile,  # noqa: A004 - as in re
    evaluate,
)
from verifier.policy.certlogic.conform import conform_line
from verifier.policy.certlogic.faults import (
    EvaluationError,
    Fault,
    LogicError,
    UnreadableDateError,
)

__all__ = [
    "MAX_NESTING",
    "EvaluationError",
    "Fault",
    "LogicError",
    "Rule",
    "UnreadableDateError",
    "compile",
    "conform_line",
    "evaluate",
]
