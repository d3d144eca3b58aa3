"""A course: one letter a step, and the one channel that a step speaks through."""

import ast
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Final

import pytest

from tests.support.city import City, asks
from tests.support.judgements import GOOD, REFUSED, UNSURE
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.decision import STEPS as NAMES
from verifier.errors import Refusal
from verifier.steps import code, place, status, time
from verifier.steps.code import check_signature, decode, find_keys, recognise
from verifier.steps.course import UNASKED, Clock, Course
from verifier.steps.place import check_place
from verifier.steps.status import check_status
from verifier.steps.time import check_time
from verifier.steps.verified import VerifiedCredentials

STEPS: Final[tuple[Callable[[Course], object], ...]] = (
    *(recognise, decode, find_keys, check_signature),
    *(check_time, check_status, check_place),
)
CITIES: Final[dict[str, City]] = {
    **GOOD,
    **{name: city for name, (_, city) in REFUSED.items()},
    **{name: city for name, (_, city, _) in UNSURE.items()},
    **{
        f"{name}, open": city.at(profile=asks(stance="open"))
        for name, (_, city, _) in UNSURE.items()
    },
}


def course_of(city: City) -> Course:
    """Begin the course of a city's code."""
    return Course(
        city.text(),
        known=city.known(),
        profile=UNASKED if city.profile == {} else city.asked(),
        grant=city.grant,
        clock=Clock(now=city.now, uncertainty=city.uncertainty, sure=city.clock_sure),
        seen=VerifiedCredentials(16),
    )


def test_there_is_a_function_a_step() -> None:
    """Seven, in the order in which letters are read."""
    assert len(STEPS) == len(NAMES)


@pytest.mark.parametrize("name", CITIES)
def test_each_step_leaves_one_letter_or_refuses(name: str) -> None:
    """It returns nothing; its one letter is that of its place, and after `r` there is none."""
    course = course_of(CITIES[name])
    for number, step in enumerate(STEPS):
        refusal = None
        try:
            assert step(course) is None
        except Refusal as caught:
            refusal = caught
        if refusal is not None:
            assert len(course.letters) == number
            course.refused(refusal)
            assert course.letters[number:] == "r"
            assert (course.outcome, course.reason) == (Outcome.DENY, refusal.reason)
            return
        assert len(course.letters) == number + 1
        assert course.letters[number] in "osu"


@pytest.mark.parametrize("module", [code, time, status, place])
def test_a_step_speaks_through_the_course_alone(module: ModuleType) -> None:
    """No step raises by itself, and none catches what the course raises."""
    tree = ast.parse(inspect.getsource(module))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    caught = {
        ast.unparse(node.type)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and node.type is not None
    }
    assert caught <= {"IndexError", "MalformedError"}


def test_doubt_refuses_with_the_closed_stance() -> None:
    """What cannot be known is no pass."""
    course = course_of(City())
    with pytest.raises(Refusal) as refused:
        course.doubt(Reason.TRUST_STALE)
    assert refused.value.reason is Reason.TRUST_STALE
    assert course.unsure is None


def test_doubt_is_kept_with_the_open_stance() -> None:
    """The first reason is kept; only the step that doubted is UNSURE."""
    course = course_of(City(profile=asks(stance="open")))
    course.ok()
    course.doubt(Reason.TRUST_STALE)
    course.doubt(Reason.STATUS_STALE)
    course.ok()
    course.skip()
    course.ok()
    assert (course.unsure, course.letters) == (Reason.TRUST_STALE, "ouso")


def test_the_last_review_is_shown_and_a_refusal_outweighs_it() -> None:
    """A review goes on; a later step may still refuse."""
    course = course_of(City())
    assert (course.outcome, course.reason) == (Outcome.PASS, None)
    course.review(Reason.STATUS_YELLOW)
    course.review(Reason.GROUP_EXCEPTIONS)
    assert (course.outcome, course.reason) == (Outcome.REVIEW, Reason.GROUP_EXCEPTIONS)
    with pytest.raises(Refusal) as refused:
        course.refuse(Reason.PLACE_KIND)
    course.refused(refused.value)
    assert (course.outcome, course.reason) == (Outcome.DENY, Reason.PLACE_KIND)
