"""Grants: what the registry lets each terminal do, as signed documents for the verifier.

Pure: signing is a callable. One counter runs over all grants; only a grant whose content changed
gets a new version. A terminal that left the registry is revoked, never just left out, since a
follower keeps what it was told last.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from msgspec import structs

from fleet.contract.topics import TerminalId
from fleet.registry import RegisteredTerminal, Registry
from verifier.contract.envelope import Sign
from verifier.contract.grant import Grant, seal_grant
from verifier.contract.vocabulary import GrantState


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
    version: int,
    renew: Collection[TerminalId] = (),
) -> tuple[Grant, ...]:
    """Return the grants to publish after `version`, ascending; none when nothing changed.

    Those in `renew` are published even unchanged: they were signed with a key now replaced.
    """
    wanted: list[Grant] = []
    for name in sorted(registry.terminals):
        grant = grant_of(registry, registry.terminals[name], 1)
        before = published.get(name)
        if name in renew or before is None or structs.replace(before, version=1) != grant:
            wanted.append(grant)
    wanted += [
        structs.replace(before, state=GrantState.REVOKED)
        for name, before in sorted(published.items())
        if name not in registry.terminals
        and (name in renew or before.state is not GrantState.REVOKED)
    ]
    return tuple(
        structs.replace(grant, version=version + number)
        for number, grant in enumerate(wanted, start=1)
    )


def seal_grants(grants: Iterable[Grant], key: GrantKey) -> tuple[tuple[Grant, bytes], ...]:
    """Sign grants; returns each with its signed bytes."""
    return tuple((grant, seal_grant(grant, kid=key.kid, sign=key.sign)) for grant in grants)
