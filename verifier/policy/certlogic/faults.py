"""What can be wrong with logic, its data, or a line of the conformance protocol.

Two error types, one for each moment: `LogicError` when a rule is compiled, `EvaluationError` when
it is evaluated. Nothing else leaves this package. Messages never quote logic or data.
"""

from enum import StrEnum

from verifier.errors import VerifierError


class Fault(StrEnum):
    """The closed list of faults; the words of the conformance protocol."""

    LOGIC_INVALID = "logic.invalid"
    """Not an expression of the language."""
    LOGIC_BOUND = "logic.bound"
    """An expression, but deeper or larger than is taken."""
    TYPE = "evaluation.type"
    """An operand of a type that its operation does not take."""
    DATE = "evaluation.date"
    """Text that is no date of a known form, or a moment outside the calendar."""
    BOUND = "evaluation.bound"
    """Too many steps, too large a number, or too large a result."""
    ABSENT = "evaluation.absent"
    """An input that the caller declared as required is not there."""
    LINE_MALFORMED = "line.malformed"
    """Not one JSON object of the agreed fields."""
    LINE_TOO_LONG = "line.too_long"


class LogicError(VerifierError):
    """Logic cannot become a rule; `where` is the path of operators to the wrong expression."""

    def __init__(self, fault: Fault, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.fault = fault
        self.where = where


class EvaluationError(VerifierError):
    """A rule has no value for this data."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class UnreadableDateError(EvaluationError):
    """What should be a date is none that can be read: TYPE or DATE."""
