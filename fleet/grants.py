"""Grants: what the registry lets each terminal do, as signed documents for the verifier.

Pure: signing is a callable. One rank runs over all grants: the version, and above it the
incarnation of the store that gave it. Only a grant whose content changed gets a new one. A terminal
that left the registry is revoked, never just left out, since a
follower keeps what it was told last.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec import structs

from fleet.contract.topics import TerminalId
from fleet.errors import RegistryError
from fleet.registry import RegisteredTerminal, Registry
from verifier.contract.envelope import Sign
from verifier.contract.grant import (
    MAX_INCARNATION,
    MAX_INCARNATION_STEP,
    MAX_VERSION,
    VERSION_BITS,
    Grant,
    incarnation_of,
    seal_grant,
)
from verifier.contract.vocabulary import GrantState

_TURN: Final = MAX_VERSION - 1_000_000
"""Version after which the next incarnation begins: no publication may run out of numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantKey:
    """The fleet's grant key: its kid, and a callable that signs."""

    kid: bytes
    sign: Sign


def grant_of(registry: Registry, terminal: RegisteredTerminal, version: int) -> Grant:
    """Return what the registry lets a terminal do."""
    return Grant(
        terminal=terminal.id,
        fingerprint=terminal.fingerprint,
        generation=terminal.generation,
        place=terminal.place,
        gate=terminal.gate,
        direction=registry.gate_of(terminal).direction,
        scopes=terminal.scopes,
        state=terminal.state,
        version=version,
        district=registry.places[terminal.place].district,
    )


def changed_grants(
    registry: Registry,
    published: Mapping[TerminalId, Grant],
    after: int,
    renew: Collection[TerminalId] = (),
) -> tuple[Grant, ...]:
    """Return the grants to publish after rank `after`, ascending; none when nothing changed.

    Those in `renew` are published even unchanged: they were signed with a key now replaced, or in
    an incarnation that has ended.
    """
    wanted: list[Grant] = []
    for name in sorted(registry.terminals):
        grant = grant_of(registry, registry.terminals[name], 1)
        before = published.get(name)
        if name in renew or before is None or _said(before) != grant:
            wanted.append(grant)
    wanted += [
        structs.replace(before, state=GrantState.REVOKED)
        for name, before in sorted(published.items())
        if name not in registry.terminals
        and (name in renew or before.state is not GrantState.REVOKED)
    ]
    return tuple(_ranked(grant, after + number) for number, grant in enumerate(wanted, start=1))


def _said(grant: Grant) -> Grant:
    """Return what a grant says, whatever its rank."""
    return structs.replace(grant, version=1, incarnation=0)


def rank_before(stored: int, floor: int) -> tuple[int, bool]:
    """Return the rank after which grants are published, and whether an incarnation begins with it.

    `stored` is the store's rank, `floor` the one that was kept outside it; 0: there is none. A
    store below the floor was set back: what it gives now it may have given before, as something
    else. One that is far above it was written to by somebody else.

    Raises:
        RegistryError: there is no incarnation left.
    """
    step = incarnation_of(stored) - incarnation_of(floor)
    continues = stored >= max(floor, 1) and (not floor or step <= MAX_INCARNATION_STEP)
    if continues and stored & MAX_VERSION < _TURN:
        return stored, False
    begun = incarnation_of(max(floor, stored) if continues else floor) + 1
    if begun > MAX_INCARNATION:
        raise RegistryError("no incarnation of grants is left: rotate the grant key")
    return begun << VERSION_BITS, True


def _ranked(grant: Grant, rank: int) -> Grant:
    return structs.replace(grant, incarnation=incarnation_of(rank), version=rank & MAX_VERSION)


def seal_grants(grants: Iterable[Grant], key: GrantKey) -> tuple[tuple[Grant, bytes], ...]:
    """Sign grants; returns each with its signed bytes."""
    return tuple((grant, seal_grant(grant, kid=key.kid, sign=key.sign)) for grant in grants)
