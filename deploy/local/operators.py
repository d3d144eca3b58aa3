"""Operators of a first start, each with an API key of his or her own (docs/operators.md).

The demo city has two, so that one can propose and the other approve. The file is an administrator's
afterwards; it is written once, with the digests of the keys only.
"""

import hashlib
import re
import secrets
from pathlib import Path
from typing import Final, NamedTuple

from deploy.local.data import write_file
from deploy.local.doors import Answer, Doors
from deploy.local.errors import UsageError
from deploy.local.passwords import SECRET_BYTES, read_secret
from verifier.contract.operator import OperatorRole

_PERSON: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")


class DemoOperator(NamedTuple):
    """An operator of the demo city."""

    person: str
    name: str
    roles: tuple[OperatorRole, ...]


DEMO_OPERATORS: Final = (
    DemoOperator("ling", "凌（演示）", (OperatorRole.OPERATOR, OperatorRole.APPROVER)),
    DemoOperator("hao", "郝（演示）", (OperatorRole.ADMINISTRATOR,)),
)


def operators_file(data: Path) -> Path:
    """Return the file of the operators."""
    return data / "registry" / "operators.toml"


def key_path(data: Path, person: str) -> Path:
    """Return the file of a person's API key."""
    return data / "keys" / "operators" / f"{person}.key"


def make_operators(data: Path) -> None:
    """Make the demo operators' keys and the file that knows them."""
    target = operators_file(data)
    if target.exists():
        return
    for operator in DEMO_OPERATORS:
        path = key_path(data, operator.person)
        if not path.exists():
            secret = f"kapok_operator-{operator.person}_{secrets.token_urlsafe(SECRET_BYTES)}"
            write_file(path, f"{secret}\n".encode())
    write_file(target, "\n".join(_block(data, each) for each in DEMO_OPERATORS).encode())


async def operator_token(doors: Doors, person: str) -> Answer:
    """Have the fleet give a token to an operator whose key lies in this data folder.

    Raises:
        UsageError: there is no such key here.
    """
    if _PERSON.fullmatch(person) is None:
        raise UsageError(f"{person!r} is no operator: 2 to 32 of a-z, 0-9 and -")
    path = key_path(doors.data, person)
    try:
        key = read_secret(path)
    except FileNotFoundError as error:
        known = ", ".join(sorted(found.stem for found in path.parent.glob("*.key"))) or "none"
        raise UsageError(f"no key of operator {person} in {path.parent}; here: {known}") from error
    return await doors.operator_token(key)


async def acting(doors: Doors, person: str) -> Doors:
    """Return the doors as an operator asks them."""
    answer = await operator_token(doors, person)
    return doors.with_token(str(answer["token"]))


def _block(data: Path, operator: DemoOperator) -> str:
    digest = hashlib.sha256(read_secret(key_path(data, operator.person)).encode()).hexdigest()
    roles = ", ".join(f'"{role}"' for role in operator.roles)
    return (
        f'[[operator]]\nperson = "{operator.person}"\nname = "{operator.name}"\n'
        f'roles = [{roles}]\nkeys = ["{digest}"]\n'
    )
