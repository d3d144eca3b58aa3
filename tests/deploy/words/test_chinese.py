"""Every English text of the commands that speak Chinese has its Chinese one."""

import ast
import string
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import deploy
from deploy.local.audits import EXPLAINED
from deploy.local.child import ChildState
from deploy.local.terminals import COLUMNS
from deploy.status.advice import ADVICE as ENGLISH_ADVICE
from deploy.words import advice, demo, status, terminals, view
from deploy.words.chinese import CHINESE, said
from deploy.words.phrase import Phrase
from fleet.presence import Presence
from tests.test_runbook import codes
from verifier.contract.audit import AuditFlaw
from verifier.contract.reasons import Language
from verifier.contract.vocabulary import Direction, GrantState, Outcome
from verifier.feeds.breaker import BreakerState
from verifier.feeds.freshness import Freshness
from verifier.feeds.sources import SourceState

FOLDER = Path(deploy.__file__).parent
VOCABULARIES = (Presence, GrantState, Direction, Outcome, Freshness, SourceState, ChildState)
TABLES = (advice.ADVICE, advice.FINDINGS, demo.DEMO, status.STATUS, terminals.TERMINALS, view.VIEW)


def sources() -> Iterator[ast.Module]:
    """Parse every module of deploy but the tables themselves."""
    for path in sorted(FOLDER.rglob("*.py")):
        if path.parent.name != "words" or path.name == "words.py":
            yield ast.parse(path.read_text(encoding="utf-8"))


def templates(node: ast.expr) -> Iterator[str]:
    """Return what the template of a phrase can be, where it stands in the call."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=otherwise):
            yield from templates(body)
            yield from templates(otherwise)


def phrases() -> Iterator[str]:
    """Return every template of a phrase; one that only names its value is no text of ours."""
    for tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Phrase":
                yield from (text for text in templates(node.args[0]) if text != "{detail}")


def fields(template: str) -> Counter[str]:
    """Return the values that a template names."""
    return Counter(name for _, name, _, _ in string.Formatter().parse(template) if name)


def test_every_phrase_has_chinese_words() -> None:
    """Wherever a command makes one."""
    found = set(phrases())
    assert len(found) > 100
    assert found - CHINESE.keys() == set()


def test_every_word_of_a_vocabulary_has_chinese_words() -> None:
    """They come from doors, so no call spells them."""
    words = {str(word) for vocabulary in VOCABULARIES for word in vocabulary} | set(COLUMNS)
    words |= {str(state) for state in BreakerState if state is not BreakerState.CLOSED}
    assert words - CHINESE.keys() == set()


def test_every_code_has_chinese_words() -> None:
    """What processes find wrong, and what to do about everything that is wrong."""
    assert advice.ADVICE.keys() == ENGLISH_ADVICE.keys()
    assert advice.FINDINGS.keys() >= codes()
    assert advice.FINDINGS.keys() <= ENGLISH_ADVICE.keys()
    assert all(said(Phrase(text), Language.ZH) != text for text in ENGLISH_ADVICE.values())


def test_every_flaw_of_an_audit_log_has_chinese_words() -> None:
    """As `kapok status` says them."""
    assert EXPLAINED.keys() == set(AuditFlaw)
    assert set(EXPLAINED.values()) - CHINESE.keys() == set()


def test_no_words_are_kept_of_what_is_not_said() -> None:
    """Each key of a table stands somewhere in the source, or is a word of a vocabulary."""
    spelled = {
        node.value
        for tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    words = {str(word) for vocabulary in (*VOCABULARIES, BreakerState) for word in vocabulary}
    tables = (demo.DEMO, status.STATUS, terminals.TERMINALS, view.VIEW)
    kept = {key for table in tables for key in table}
    assert kept - spelled - words == set()


def test_a_translation_names_the_same_values() -> None:
    """Nothing that the English says is lost."""
    for english, chinese in CHINESE.items():
        if english not in advice.FINDINGS:
            assert fields(english) == fields(chinese), english
    assert all(fields(text) == {"detail": 1} for text in advice.FINDINGS.values())


def test_no_english_text_has_two_translations() -> None:
    """The tables are one vocabulary."""
    counted = Counter(key for table in TABLES[1:] for key in table)
    assert [key for key, times in counted.items() if times > 1] == []
    by_text: dict[str, set[str]] = {}
    for code, text in ENGLISH_ADVICE.items():
        by_text.setdefault(text, set()).add(advice.ADVICE[code])
    assert [text for text, found in by_text.items() if len(found) > 1] == []
