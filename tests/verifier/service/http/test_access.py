import hashlib

import pytest

from runtime.http.access import Caller, Keys, require
from runtime.http.problems import Problem
from runtime.settings import ApiKey
from tests.support.issued import TERMINAL, grant_of
from verifier.contract.vocabulary import ApiScope, GrantState
from verifier.service.http.access import callers
from verifier.service.worker.gates import gate_of
from verifier.service.worker.knowledge import Knowledge

KEY = "kapok_a_" + "s" * 43
TERMINALS = Caller(name=TERMINAL, terminal=TERMINAL, fingerprint="00" * 32, generation=1)


def keys() -> Keys:
    """Return the keys of a door: one that scans, one of another name."""
    return callers(
        ApiKey(
            name=name,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            scopes=(ApiScope.SCAN,),
            terminal=TERMINAL,
        )
        for name, text in (("a", KEY), ("b", "kapok_b_" + "t" * 43))
    )


def test_a_key_names_its_caller() -> None:
    """By its hash."""
    assert keys().named(f"Bearer {KEY}").name == "a"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", f"Basic {KEY}", f"Bearer {KEY}x", f"Token {KEY}", "B" * 999],
)
def test_anything_else_names_nobody(header: str) -> None:
    """401 in every case."""
    with pytest.raises(Problem) as found:
        keys().named(header)
    assert found.value.code == "key.unknown"


def test_a_key_opens_its_scopes_only() -> None:
    """403 for the others; a certificate has no scopes here."""
    caller = keys().named(f"Bearer {KEY}")
    require(caller, ApiScope.SCAN)
    with pytest.raises(Problem) as found:
        require(caller, ApiScope.ISSUE)
    assert found.value.code == "scope.missing"


def test_a_grant_opens_a_gate() -> None:
    """Terminal, fingerprint, scope and state fit."""
    knowledge = Knowledge()
    knowledge.take_grants((grant_of(TERMINAL, 1),))
    assert gate_of(TERMINALS, knowledge, ApiScope.SCAN).grant.place == "metro-1"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"terminal": "t-2"}, "grant.none"),
        ({"fingerprint": "11" * 32}, "grant.fingerprint"),
        ({"state": GrantState.SUSPENDED}, "grant.suspended"),
        ({"state": GrantState.REVOKED}, "grant.revoked"),
        ({"scopes": (ApiScope.BUNDLES,)}, "grant.scope"),
    ],
)
def test_a_grant_that_lacks_something_opens_nothing(changes: dict[str, object], code: str) -> None:
    """And the code says what."""
    knowledge = Knowledge()
    knowledge.take_grants((grant_of(**{"terminal": TERMINAL, "version": 1} | changes),))  # type: ignore[arg-type]
    with pytest.raises(Problem) as found:
        gate_of(TERMINALS, knowledge, ApiScope.SCAN)
    assert found.value.code == code


def test_a_key_that_acts_as_no_terminal_scans_nowhere() -> None:
    """A place comes from a grant, and a grant from a terminal."""
    caller = Caller(name="a", terminal=None, scopes=frozenset({ApiScope.SCAN}))
    with pytest.raises(Problem) as found:
        gate_of(caller, Knowledge(), ApiScope.SCAN)
    assert found.value.code == "terminal.none"
