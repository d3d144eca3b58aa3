"""The section on what people did by hand in the last hour: who spent how much of which budget."""

from collections.abc import Iterator

from deploy.status.answers import Answers
from deploy.status.report import Level, ReportRow, Section
from deploy.words.phrase import Phrase
from verifier.service.store.budgets import SpentRow, budget_of


def acts(answers: Answers) -> Section:
    """Return a row for each act of each operator and key that did something.

    That a budget is spent, or was asked for more, is a warning of the issuing process.
    """
    return Section(title=Phrase("acts by hand"), rows=tuple(_rows(answers.spent)))


def _rows(spent: tuple[SpentRow, ...]) -> Iterator[ReportRow]:
    for row in spent:
        budget = budget_of(row.act, row.who)
        said = Phrase(
            "{spent} of {budget} in the last hour, {refused} refused",
            spent=row.spent,
            budget=budget,
            refused=row.refused,
        )
        over = row.refused > 0 or row.spent >= budget
        yield ReportRow(
            subject=f"{row.act} {row.who}",
            said=said,
            level=Level.NOTE if over else Level.FINE,
        )
    if not spent:
        nothing = Phrase("nothing in the last hour")
        yield ReportRow(subject=Phrase("budgets"), said=nothing)
