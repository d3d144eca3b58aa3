"""What every door of the issuing process asks first, and how its failures are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from redis.exceptions import RedisError

from runtime.http.access import Caller, require
from runtime.http.problems import Problem
from verifier.contract.vocabulary import ApiScope
from verifier.errors import Outage
from verifier.service.store.indices import ListFullError


def require_issue(caller: Caller | None) -> Caller:
    """Return who calls, if the caller may issue.

    Raises:
        Problem: 401 key.unknown, 403 scope.missing.
    """
    if caller is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "key.unknown")
    require(caller, ApiScope.ISSUE)
    return caller


def away(code: str) -> Problem:
    """Return the problem that something we lean on is away."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, code)


@contextmanager
def store_asked() -> Iterator[None]:
    """Turn what the store and its lists answer into problems.

    Raises:
        Problem: 409 list.full, 503 store.away.
    """
    try:
        yield
    except ListFullError as error:
        raise Problem(HTTPStatus.CONFLICT, "list.full") from error
    except (RedisError, OSError, Outage) as error:
        raise away("store.away") from error
