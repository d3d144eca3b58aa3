"""What a worker warns of in what it knows, and the ages that it tells."""

from dataclasses import replace

import pytest

from verifier.contract.vocabulary import Plane
from verifier.service.worker.knowledge import Knowledge
from verifier.service.worker.readiness import (
    CLOCK_BEHIND_S,
    PLANE_SILENT_S,
    knowledge_warnings,
    planes_known,
)
from verifier.status.plane import NO_STATUS, PackedValues, PlaneView

NOW = 1_800_000_000.0
PLANE = PlaneView(values=PackedValues(bits=2, size=4, data=b"\0"), version=7, as_of=NOW - 30)


def knowing(view: PlaneView) -> Knowledge:
    """Return the knowledge of a worker that has one plane."""
    knowledge = Knowledge()
    knowledge.know(status=NO_STATUS.replaced(1, Plane.HEALTH, view))
    return knowledge


@pytest.mark.parametrize(
    ("view", "codes"),
    [
        (PLANE, []),
        (replace(PLANE, as_of=NOW - PLANE_SILENT_S - 1), ["plane.silent"]),
        (replace(PLANE, fed=NOW - 900), ["plane.stale"]),
        (replace(PLANE, as_of=NOW + CLOCK_BEHIND_S - 1), []),
        (replace(PLANE, as_of=NOW + CLOCK_BEHIND_S + 1), ["clock.behind"]),
    ],
)
def test_a_plane_that_is_not_as_it_should_be_is_said(view: PlaneView, codes: list[str]) -> None:
    """Silent, fed by nobody, or signed in the future, which is a clock that is behind."""
    assert [found.code for found in knowledge_warnings(knowing(view), NOW)] == codes


def test_what_is_refused_is_said_until_it_is_forgotten() -> None:
    """By the name of the bundle, with its cause."""
    knowledge = knowing(PLANE)
    knowledge.refused["status-1-health"] = "version 9 (fork)"
    (found,) = knowledge_warnings(knowledge, NOW)
    assert (found.code, "fork" in found.detail) == ("bundle.refused", True)
    knowledge.forget("status-1-health")
    assert knowledge_warnings(knowledge, NOW) == []


def test_versions_and_ages_are_told() -> None:
    """The age of what a source told stands only where the source is stale."""
    name = "status-1-health"
    assert planes_known(knowing(PLANE), NOW) == {name: 7, f"{name}.age": 30}
    stale = planes_known(knowing(replace(PLANE, fed=NOW - 900)), NOW)
    assert stale == {name: 7, f"{name}.age": 30, f"{name}.fed_age": 900}
