"""The table of Reasons: closed, complete, in both languages, and its page up to date."""

from pathlib import Path

from verifier.contract.generate import derived
from verifier.contract.reasons import REASONS, Language, Reason, sentence
from verifier.contract.vocabulary import Outcome, Step

ROOT = Path(__file__).resolve().parents[3]
MAX_ENGLISH = 90
"""Characters that a terminal's screen shows in two lines."""
MAX_CHINESE = 40


def test_every_reason_has_one_row_and_no_row_is_of_another() -> None:
    """The table is the vocabulary."""
    assert set(REASONS) == set(Reason)
    assert all(row.outcome is not Outcome.PASS for row in REASONS.values())


def test_rows_stand_in_the_order_of_the_vocabulary() -> None:
    """So that the page reads as the steps run."""
    assert list(REASONS) == list(Reason)


def test_sentences_say_what_happened_and_what_to_do() -> None:
    """Two parts, short enough for a screen, no two the same."""
    for row in REASONS.values():
        assert row.en.endswith(".")
        assert row.zh.endswith("。")
        assert len(row.en) <= MAX_ENGLISH
        assert len(row.zh) <= MAX_CHINESE
        assert len([part for part in row.zh.split("。") if part]) == 2
    assert len({row.en for row in REASONS.values()}) == len(REASONS)
    assert len({row.zh for row in REASONS.values()}) == len(REASONS)


def test_every_outcome_has_a_sentence_in_each_language() -> None:
    """A pass, an unsure pass, each refusal; without a reason a refusal is the system's."""
    for language in Language:
        said = {sentence(Outcome.DENY, reason, language) for reason in Reason}
        assert len(said) == len(Reason)
        assert sentence(Outcome.PASS, None, language) not in said
        assert sentence(Outcome.PASS, Reason.TRUST_STALE, language) not in said
        assert sentence(Outcome.DENY, None, language) == sentence(
            Outcome.DENY, Reason.SYSTEM_UNAVAILABLE, language
        )


def test_steps_follow_each_other() -> None:
    """Every step has a Reason; the last ones are the store's."""
    assert {row.step for row in REASONS.values()} == set(Step)
    steps = [row.step for row in REASONS.values()]
    assert steps[-1] is Step.USE


def test_the_page_is_what_the_table_says() -> None:
    """docs/reasons.md is generated; run `python -m verifier.contract.generate`."""
    for name, text in derived().items():
        assert (ROOT / name).read_text(encoding="utf-8") == text
