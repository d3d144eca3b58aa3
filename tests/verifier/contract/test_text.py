"""Text of people: what every door refuses, and every field of every door that takes such text."""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import pytest
from msgspec import inspect

from deploy.local.outside import harmless
from fleet.contract import messages
from fleet.errors import RegistryError
from fleet.operators import _File as OperatorsFile
from fleet.registry import _File as RegistryFile
from fleet.registry import read_registry
from fleet.service.routes import TABLE as FLEET
from runtime.http.operations import RouteTable
from tests.support.people_text import GOOD, REFUSED
from verifier.contract import text
from verifier.contract.destruction import Destruction
from verifier.feeds.sources import SourceFile
from verifier.policy.profiles import Profile
from verifier.service.archive.routes import TABLE as ARCHIVE
from verifier.service.feeds.routes import TABLE as FEEDS
from verifier.service.issuing.routes import TABLE as ISSUING
from verifier.service.worker.routes import TABLE as WORKER
from verifier.trust.kinds import KINDS

TABLES: Final[tuple[RouteTable, ...]] = (WORKER, ISSUING, FEEDS, ARCHIVE, FLEET)
_CODE: Final = "the text of a code: its format's own grammar"
_PLACE: Final = "compared with ids that are known, kept nowhere"
_REFERENCE: Final = "checked and hashed on arrival (verifier/issuing/persons.py)"
_SIGNED: Final = "the city's own signed document, from files that are checked when they are read"
HELD_OTHERWISE: Final = {
    **dict.fromkeys(("ScanRequest.text", "ScanRequest.texts"), _CODE),
    **dict.fromkeys(("UploadRecord.text", "UploadRecord.texts"), _CODE),
    "ScanSearch.texts": _CODE,
    **dict.fromkeys(
        ("ScanRequest.scan_id", "ManualRequest.scan_id", "UploadRecord.scan_id"), "scan_id_bytes"
    ),
    **dict.fromkeys(("ScanRequest.place", "ScanRequest.gate", "Group.places"), _PLACE),
    **dict.fromkeys(("ManualRequest.place", "ManualRequest.gate"), _PLACE),
    "BookingRequest.place": _PLACE,
    **dict.fromkeys(
        (
            *("Reference.reference", "RequestedBooking.reference", "SubjectRequest.reference"),
            *("ProposeErasure.reference", "ProposeColour.reference", "Opening.reference"),
        ),
        _REFERENCE,
    ),
    **dict.fromkeys(("Reference.colour", "Person.colour"), "one of four words"),
    **dict.fromkeys(("Person.holder", "Person.possession"), "base64"),
    **dict.fromkeys(("HolderBody.credential", "HolderBody.request"), "base64"),
    **dict.fromkeys(("SourceFile.spki", "SourceFile.callers"), "a key; names of API keys"),
    **dict.fromkeys(("Profile.kinds", "Profile.sector"), "a word of a closed list"),
    **dict.fromkeys(("Profile.colours", "Profile.review_colours"), "a word of a closed list"),
    "RulesAsked.region": "compared with the rules' own",
    **dict.fromkeys(("KeyEntry.uses", "KeyEntry.issuer", "KeyEntry.formats"), _SIGNED),
    **dict.fromkeys(("TrustDocument.lists", "CardsDocument.lists"), _SIGNED),
    "ProfilesDocument.value_sets": _SIGNED,
    "ProfilesDocument.profiles": "check_profile",
    "Destruction.type": "compared with its word",
    **dict.fromkeys(("SourceFile.scope", "Person.sectors"), "names of a closed list"),
    "CommandRequest.arguments": "names of a closed list; the values are PLAIN",
    "SourceStatement.counts": "values of the plane, compared with those that we have",
    "ProfilesDocument.rules": "read_rule puts their texts in one line",
}
"""Texts of messages and files that are no text of people, and what holds them."""


def fields(kind: inspect.Type, path: str, met: set[Any]) -> Iterator[tuple[str, inspect.StrType]]:
    """Yield every text that a message may hold, by its struct and member."""
    if isinstance(kind, inspect.StrType):
        yield path, kind
    elif isinstance(kind, inspect.StructType):
        if kind.cls not in met:
            met.add(kind.cls)
            for field in kind.fields:
                yield from fields(field.type, f"{kind.cls.__name__}.{field.encode_name}", met)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from fields(one, path, met)
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType):
        yield from fields(kind.item_type, path, met)
    elif isinstance(kind, inspect.DictType):
        yield from fields(kind.key_type, path, met)
        yield from fields(kind.value_type, path, met)


def test_every_text_is_held_by_something() -> None:
    """A new member of a body, a bundle, a message or a file is bound by PLAIN, or says by what."""
    kinds = [
        operation.body.type
        for table in TABLES
        for operation in table.operations
        if operation.body is not None and operation.body.type is not bytes
    ]
    kinds += [kind.document for kind in KINDS.values()]
    kinds += [RegistryFile, OperatorsFile, SourceFile, Profile, Destruction]
    kinds += [one for one in vars(messages).values() if isinstance(one, type(msgspec.Struct))]
    met: set[Any] = set()
    free = {
        path
        for kind in kinds
        for path, one in fields(inspect.type_info(kind), "", met)
        if one.pattern is None or re.search(one.pattern, "a\u202eb") is not None
    }
    free -= {path for path in free if path.endswith("Document.type")}  # compared with its word
    assert free == HELD_OTHERWISE.keys()


def test_both_contracts_have_one_rule() -> None:
    """The fleet's contract knows nothing of ours; what it refuses is the same."""
    assert (messages.REFUSED, messages.PLAIN) == (text.REFUSED, text.PLAIN)


def test_a_text_that_came_another_way_is_shown_harmless() -> None:
    """Spelled out on a screen, one line at a gate."""
    for character in REFUSED.values():
        shown = text.spelled_out(f"a{character}b")
        assert character not in shown
        assert shown.startswith("a\\")
        assert character not in text.in_one_line(f"a{character}b")
    for value in GOOD:
        assert text.spelled_out(value) == value == text.in_one_line(value)
    assert text.spelled_out("a\u202eb\U000e0041") == "a\\u202eb\\U000e0041"
    assert text.in_one_line("one\n  two") == "one two"
    answer = {"a\x1b": ["\u202e", {"b": "\n"}, 7, None]}
    assert harmless(answer) == {"a\\u001b": ["\\u202e", {"b": "\\u000a"}, 7, None]}


def test_a_refusal_says_which_text_it_was() -> None:
    """Not the pattern, which nobody can read."""
    with pytest.raises(RegistryError) as refused:
        read_registry('[[district]]\nid = "d"\nname = "a\\u202eb"')
    assert str(refused.value) == (
        "Expected text without control, bidirectional or invisible characters"
        " - at `$.district[0].name`"
    )
