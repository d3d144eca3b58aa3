"""How what the issuing process leans on is told when it is away or full."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from redis.exceptions import RedisError

from runtime.http.problems import Problem
from verifier.errors import Outage
from verifier.service.store.indices import ListFullError


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
