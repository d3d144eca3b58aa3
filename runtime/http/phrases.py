"""The phrase of each HTTP status, as RFC 9110 names it; Python's own change with its release."""

from http import HTTPStatus
from typing import Final

_RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
"""Statuses that RFC 9110 renamed; Python follows it from 3.13 on."""


def phrase(status: int) -> str:
    """Return the reason phrase of a status (RFC 9110, section 15)."""
    return _RENAMED.get(status) or HTTPStatus(status).phrase
