"""Trust lists as DID documents: the list of signers of WHO's trust network, v2 and the v1 before.

A verification method names its key, the participant whose it is and what it is used for in its id:
`did:web:HOST:v2:trustlist:DOMAIN:PARTICIPANT:USAGE#KID`; v1 has the participant alone. The key is
the certificate's, `x5c[0]`: most coordinates of the JSON Web Key beside it are written with a byte
too many, so its thumbprint differs from reader to reader. A participant (three letters, some made
up) is no `iss`, so nobody is bound by it; it is part of the name. The document's `proof` is not
checked.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from verifier.contract.vocabulary import Format
from verifier.trust.list_entry import ListEntry, Unusable, printable

METHODS: Final = "verificationMethod"
SIGNER: Final = "DSC"
"""The usage of keys that sign codes; others sign certificates (SCA), lists and uploads."""
_LIST: Final = "trustlist"
_UNSAID: Final = ("", "-", "null")
"""How parts of an id that say nothing are written: `-` where a list was put together over all."""
_PERCENT: Final = re.compile(r"%([0-7][0-9A-Fa-f])")
MAX_SHOWN: Final = 120
"""Characters of an id that are shown."""


class MethodId(NamedTuple):
    """What the id of a verification method says; None: nothing of it."""

    participant: str | None
    usage: str | None
    """None: ids of its kind name none, as v1's; `-`: one that leaves it open."""
    kid: str | None


def read_id(text: str) -> MethodId:
    """Read an id; whatever it is, what it does not say is None."""
    path, _, kid = text.partition("#")
    _, found, after = path.partition(f":{_LIST}:")
    parts = after.split(":") if found else []
    participant, usage = "-", None
    if len(parts) == 1:  # v1
        participant = parts[0].upper() if parts[0] not in _UNSAID else "-"
    elif parts:
        _, participant, usage = [*parts, "-", "-"][:3]
    said = None if participant in _UNSAID else participant
    return MethodId(said, usage, _unquoted(kid) or None)


def read_document(found: Mapping[str, Any], where: str) -> Iterator[ListEntry | Unusable]:
    """Yield the signers of a document; what signs no codes is passed over by name."""
    methods = found[METHODS]
    only = "" if any(isinstance(method, Mapping) for method in methods) else "the list holds "
    for number, method in enumerate(methods, 1):
        at = f"{where} entry {number}"
        if isinstance(method, str):
            why = f"{only}a reference, no key; fetch and import {_address(method)}"
            yield Unusable(where=at, why=why, passed_over=True)
        elif isinstance(method, Mapping):
            yield read_method(method, at)
        else:
            yield Unusable(where=at, why="not a verification method")


def is_method(found: Mapping[str, Any]) -> bool:
    """Say whether an object is a verification method, wherever it stands."""
    stated = found.get("id")
    return isinstance(stated, str) and stated.startswith("did:") and "publicKeyJwk" in found


def read_method(method: Mapping[str, Any], where: str) -> ListEntry | Unusable:
    """Return the signer that a verification method names; another's key is passed over."""
    stated, key = method.get("id"), method.get("publicKeyJwk")
    about = read_id(stated if isinstance(stated, str) else "")
    at = " ".join(filter(None, (where, about.participant, about.kid)))[:MAX_SHOWN]
    if about.usage in _UNSAID:
        why = f"the list does not say what its key is for; import a list that names {SIGNER}"
        return Unusable(where=at, why=why)
    if about.usage not in (None, SIGNER):
        why = f"a key of the usage {printable(str(about.usage))[:20]}, which signs no codes"
        return Unusable(where=at, why=why, passed_over=True)
    chain = key.get("x5c") if isinstance(key, Mapping) else None
    leaf = chain[0] if isinstance(chain, list) and chain else chain
    if not isinstance(key, Mapping) or not isinstance(leaf, str):
        return Unusable(where=at, why="a verification method without a certificate (x5c)")
    stated_kid = key.get("kid")
    return ListEntry(
        where=at,
        value=leaf,
        kid=stated_kid if isinstance(stated_kid, str) and stated_kid else about.kid,
        format=Format.HC1,
        participant=about.participant or "",
        lost=() if about.participant else ("the list does not say which participant's it is",),
    )


def note_of(found: Mapping[str, Any]) -> str:
    """Say how old a document is by its own word, for whoever decides on it."""
    proof = found.get("proof")
    created = proof.get("created") if isinstance(proof, Mapping) else None
    age = f"of {printable(created)[:30]} by its own word" if isinstance(created, str) else "undated"
    return f"a trust list {age}; its proof is not checked"


def _unquoted(text: str) -> str:
    """Undo percent-encoding of ASCII; ids encode nothing else."""
    return _PERCENT.sub(lambda found: chr(int(found[1], 16)), text)


def _address(reference: str) -> str:
    """Return where a did:web document is published (its method specification, section 3.2)."""
    text = printable(reference)[:MAX_SHOWN]
    method, _, path = text.partition("did:web:")
    if method or not path:
        return text
    host, *parts = path.partition("#")[0].split(":")
    return "/".join(("https:/", _unquoted(host), *(parts or [".well-known"]), "did.json"))
