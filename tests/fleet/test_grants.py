"""Grants from the registry: versions, changes, revocation."""

from dataclasses import replace

from msgspec import structs

from fleet.contract.topics import TerminalId
from fleet.grants import GrantKey, changed_grants, seal_grants
from fleet.registry import District, Gate, Place, RegisteredTerminal, Registry
from verifier.contract.envelope import take_apart
from verifier.contract.grant import Grant, read_grant
from verifier.contract.vocabulary import Direction, GrantState

NAMES = ("gate-a", "gate-b")
TERMINALS = {
    TerminalId(name): RegisteredTerminal(
        id=name, place="hall", gate="g1", fingerprint=f"{number:064x}"
    )
    for number, name in enumerate(NAMES)
}
REGISTRY = Registry(
    districts={"liwan": District(id="liwan", name="荔湾区")},
    places={
        "hall": Place(
            id="hall",
            name="政务大厅",
            district="liwan",
            gate=(Gate(id="g1", direction=Direction.IN),),
        )
    },
    terminals=TERMINALS,
)


def by_name(grants: tuple[Grant, ...]) -> dict[TerminalId, Grant]:
    """Return grants by terminal."""
    return {TerminalId(grant.terminal): grant for grant in grants}


FIRST = changed_grants(REGISTRY, {}, 10)


def test_every_terminal_gets_a_grant() -> None:
    """One counter, ascending, over all terminals."""
    assert [(grant.terminal, grant.version) for grant in FIRST] == [("gate-a", 11), ("gate-b", 12)]
    assert {grant.direction for grant in FIRST} == {Direction.IN}


def test_unchanged_grants_are_not_published_again() -> None:
    """Only a changed terminal gets a new version."""
    known = by_name(FIRST)
    assert changed_grants(REGISTRY, known, 12) == ()
    suspended = structs.replace(TERMINALS[TerminalId("gate-b")], state=GrantState.SUSPENDED)
    registry = replace(REGISTRY, terminals={**TERMINALS, TerminalId("gate-b"): suspended})
    (only,) = changed_grants(registry, known, 12)
    assert (only.terminal, only.state, only.version) == ("gate-b", GrantState.SUSPENDED, 13)


def test_what_left_is_revoked_once() -> None:
    """A terminal that is gone from the registry is revoked, and then left alone."""
    registry = replace(REGISTRY, terminals={TerminalId("gate-a"): TERMINALS[TerminalId("gate-a")]})
    (gone,) = changed_grants(registry, by_name(FIRST), 12)
    assert (gone.terminal, gone.state, gone.version) == ("gate-b", GrantState.REVOKED, 13)
    assert changed_grants(registry, by_name((FIRST[0], gone)), 13) == ()


def test_a_new_key_renews_all() -> None:
    """What an older key has signed is published again, what was revoked too."""
    registry = replace(REGISTRY, terminals={TerminalId("gate-a"): TERMINALS[TerminalId("gate-a")]})
    known = by_name(FIRST)
    renewed = changed_grants(registry, known, 12, renew=set(known))
    assert [(grant.terminal, grant.state) for grant in renewed] == [
        ("gate-a", GrantState.ACTIVE),
        ("gate-b", GrantState.REVOKED),
    ]


def test_signed_grants_can_be_taken_apart() -> None:
    """The signer's callable is used, and the payload is the grant."""
    key = GrantKey(kid=b"12345678", sign=lambda message: message[:1] * 64)
    for grant, signed in seal_grants(FIRST, key):
        envelope = take_apart(signed)
        assert envelope.kid == b"12345678"
        assert read_grant(envelope.payload) == grant
