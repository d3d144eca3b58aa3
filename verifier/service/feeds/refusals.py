"""How a refusal of a batch is said over HTTP: the cause is the problem's code."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from runtime.http.problems import Problem
from verifier.errors import FeedCause, FeedRefused

_STATUS: Final = {
    FeedCause.MANIFEST_MALFORMED: HTTPStatus.BAD_REQUEST,
    FeedCause.MANIFEST_SIGNATURE: HTTPStatus.FORBIDDEN,
    FeedCause.MANIFEST_SOURCE: HTTPStatus.FORBIDDEN,
    FeedCause.MANIFEST_SCOPE: HTTPStatus.FORBIDDEN,
    FeedCause.MANIFEST_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    FeedCause.MANIFEST_CLOCK: HTTPStatus.FORBIDDEN,
    FeedCause.PLANE_UNKNOWN: HTTPStatus.CONFLICT,
    FeedCause.SOURCE_SUSPENDED: HTTPStatus.FORBIDDEN,
    FeedCause.SOURCE_OPEN: HTTPStatus.SERVICE_UNAVAILABLE,
    FeedCause.BATCH_GAP: HTTPStatus.CONFLICT,
    FeedCause.BATCH_CONFLICT: HTTPStatus.CONFLICT,
    FeedCause.BATCH_OLD: HTTPStatus.CONFLICT,
    FeedCause.BATCH_BUSY: HTTPStatus.CONFLICT,
    FeedCause.BATCH_UNKNOWN: HTTPStatus.NOT_FOUND,
    FeedCause.PART_OFFSET: HTTPStatus.CONFLICT,
    FeedCause.PART_ENCODING: HTTPStatus.UNPROCESSABLE_ENTITY,
    FeedCause.PART_LARGE: HTTPStatus.UNPROCESSABLE_ENTITY,
    FeedCause.BODY_LINES: HTTPStatus.UNPROCESSABLE_ENTITY,
    FeedCause.BODY_DIGEST: HTTPStatus.UNPROCESSABLE_ENTITY,
    FeedCause.BODY_HEADER: HTTPStatus.UNPROCESSABLE_ENTITY,
    FeedCause.BODY_ERRORS: HTTPStatus.UNPROCESSABLE_ENTITY,
}


def codes() -> Mapping[int, tuple[str, ...]]:
    """Return the codes of all refusals by their status."""
    found: dict[int, tuple[str, ...]] = {}
    for cause, status in _STATUS.items():
        found[int(status)] = (*found.get(int(status), ()), str(cause))
    return found


def refused(error: FeedRefused) -> Problem:
    """Return the problem that says why a batch, or a part of it, was not taken."""
    told = dict(error.told)
    wait = told.pop("wait", None)
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return Problem(_STATUS[error.cause], str(error.cause), headers=headers, told=told)
