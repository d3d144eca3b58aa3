"""Who is meant by a request that names a person: by index, or by a reference; one of the two.

The reference is hashed on arrival and goes nowhere else.
"""

from http import HTTPStatus
from typing import Protocol

from redis.asyncio import Redis

from runtime.http.problems import Problem
from verifier.contract.errors import MalformedError
from verifier.issuing.persons import ReferenceKey
from verifier.service.store.indices import is_taken
from verifier.service.store.persons import find_indices


class NamesPerson(Protocol):
    """A request that names a person."""

    @property
    def person(self) -> int | None:
        """The index."""

    @property
    def reference(self) -> str | None:
        """A reference of the register."""


class NamedPersons:
    """The persons of one list, found by what requests name; those who were erased too."""

    def __init__(self, redis: Redis, list_number: int, people: int, key: ReferenceKey) -> None:
        self._redis = redis
        self._list_number = list_number
        self._people = people
        self._key = key

    def digest(self, asked: NamesPerson) -> bytes | None:
        """Return the keyed digest of the reference; None: it names an index.

        Raises:
            Problem: 400 body.field or reference.bad.
        """
        if (asked.person is None) == (asked.reference is None):
            raise Problem(HTTPStatus.BAD_REQUEST, "body.field", field="$.person")
        if asked.reference is None:
            return None
        try:
            return self._key.digest(asked.reference)
        except MalformedError:
            # Without its cause: no trace of the reference may come near a log.
            raise Problem(HTTPStatus.BAD_REQUEST, "reference.bad", field="$.reference") from None

    async def index(self, asked: NamesPerson, digest: bytes | None) -> int:
        """Return the person's index.

        Raises:
            Problem: 404 person.unknown.
            RedisError: the store is away.
        """
        person = asked.person
        if digest is not None:
            (person,) = await find_indices(self._redis, self._list_number, [digest])
        if (
            person is None
            or person >= self._people
            or not await is_taken(self._redis, self._list_number, "person", person)
        ):
            raise Problem(HTTPStatus.NOT_FOUND, "person.unknown")
        return person
