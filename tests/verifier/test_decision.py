"""conclude() over every outcome and answer, and the small answer a terminal gets."""

from itertools import product

import msgspec
import pytest

from tests.support.city import City, asks
from tests.support.judgements import ON_PAPER
from verifier.contract.reasons import Language, Reason, sentence
from verifier.contract.record import ScanRecord
from verifier.contract.vocabulary import Answer, Colour, Outcome, Step
from verifier.decision import (
    STEPS,
    Assessment,
    Decision,
    conclude,
    group_record,
    terminal_answer,
)

REFUSED_BY_STORE = {
    Answer.USED: Reason.USE_REPLAYED,
    Answer.FULL: Reason.USE_FULL,
    Answer.PAIR: Reason.USE_PAIR,
}


def judged(outcome: Outcome, *, unsure: Reason | None, opened: bool) -> Assessment:
    """Make an assessment of an outcome."""
    return Assessment(
        outcome=outcome,
        reason=None if outcome is Outcome.PASS else Reason.STATUS_YELLOW,
        step=Step.STATUS,
        steps="oooooo-",
        unsure=unsure,
        open_stance=opened,
    )


def expected(found: Assessment, answer: Answer) -> Decision:
    """Say in a table what the code says in branches."""
    if found.outcome is not Outcome.PASS:
        return Decision(outcome=found.outcome, reason=Reason.STATUS_YELLOW)
    if answer in REFUSED_BY_STORE:
        return Decision(outcome=Outcome.DENY, reason=REFUSED_BY_STORE[answer])
    if answer is Answer.PART:
        return Decision(outcome=Outcome.REVIEW, reason=Reason.GROUP_EXCEPTIONS)
    if answer is Answer.UNKNOWN:
        unknown = Outcome.PASS if found.open_stance else Outcome.DENY
        return Decision(outcome=unknown, reason=Reason.USE_UNKNOWN)
    return Decision(outcome=Outcome.PASS, reason=found.unsure)


@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_with_every_answer(outcome: Outcome, answer: Answer) -> None:
    """Open and closed, sure and unsure: the full product."""
    for opened, unsure in product((True, False), (None, Reason.TRUST_STALE)):
        found = judged(outcome, unsure=unsure, opened=opened)
        assert conclude(found, answer) == expected(found, answer)


def test_no_answer_of_the_store_makes_a_pass_of_a_refusal() -> None:
    """Whatever is answered, what was not a pass stays what it was."""
    for outcome, answer in product((Outcome.DENY, Outcome.REVIEW), Answer):
        found = judged(outcome, unsure=None, opened=True)
        assert conclude(found, answer).outcome is outcome


def test_a_record_concludes_as_its_assessment() -> None:
    """The decision can be made again from what was kept."""
    assert {"outcome", "reason", "unsure", "open_stance"} <= set(ScanRecord.__struct_fields__)
    assert {"outcome", "reason", "unsure", "open_stance"} <= set(Assessment.__struct_fields__)


def test_the_terminal_is_told_no_more_than_it_needs() -> None:
    """A pass with the class of its sector; a refusal without."""
    found = City().judge()
    told = terminal_answer(
        conclude(found, Answer.FRESH), found, scan_id="s", language=Language.EN, recorded=True
    )
    assert msgspec.to_builtins(told) == {
        "scan_id": "s",
        "decision": "pass",
        "sentence": sentence(Outcome.PASS, None, Language.EN),
        "sector_class": 0,
        "recorded": True,
    }
    refused = terminal_answer(
        conclude(found, Answer.USED), found, scan_id="s", language=Language.ZH, recorded=False
    )
    assert refused.sector_class is None
    assert refused.sentence == sentence(Outcome.DENY, Reason.USE_REPLAYED, Language.ZH)


def test_a_group_is_told_with_its_exceptions_and_kept_without_names() -> None:
    """The terminal sees the masked name; the record keeps the position."""
    found = ON_PAPER.at(
        colours={20: Colour.RED}, profile=asks(group={"exceptions": "review"})
    ).judge()
    told = terminal_answer(
        conclude(found, Answer.UNASKED), found, scan_id="s", language=Language.EN, recorded=True
    )
    assert told.group is not None
    assert told.group.exceptions == ((2, "李*明"),)
    kept = group_record(found.group)
    assert kept is not None
    assert (kept.green, kept.red, kept.exceptions) == (1, 1, (2,))
    assert group_record(None) is None


def test_steps_are_the_first_seven() -> None:
    """The eighth is the store's."""
    assert (*STEPS, Step.USE) == tuple(Step)
