"""The folder of rules: what its files say, each by itself.

    <rules>/*.json               rules as their publisher wrote them, one or a list in a file
    <rules>/valuesets/*.json     value sets: the EU gateway's form, or {name: [code, ...]}
    <rules>/products/*.json      vaccine products: {"date", "products": {id: {"diseases", ...}}}

A file that is wrong spoils only itself. What it said when it was last read stays in force, since
to ask less than before would let in who should not pass; a file that was never read right is left
out. Either is named. Two files that say one thing differently: the later name is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec

from verifier.contract.bundle import MAX_PRODUCTS, MAX_RULES, ProductCatalogue
from verifier.errors import ProfileError
from verifier.policy.products import Products, merged
from verifier.policy.rules import EuRule, RuleError, read_rule

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a file; all 194 published rules take 800 KB in one."""
MAX_NAMED: Final = 5
"""Files that are named in one text; the rest are counted."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

ValueSets = dict[str, tuple[str, ...]]
Said = TypeVar("Said")


class _GatewayValueSet(msgspec.Struct, frozen=True):
    """A value set as the EU's gateway hands it out.

    Every code counts, whatever its `active`: certificates outlive the code, and the EU's own apps
    read them so.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="valueSetId")
    values: dict[str, Any] = msgspec.field(name="valueSetValues")


class _WrongFileError(Exception):
    """A file cannot be taken; its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFiles:
    """What the folder says, by the name of the file below it."""

    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    value_sets: Mapping[str, ValueSets] = field(default_factory=dict)
    products: Mapping[str, ProductCatalogue] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)
    """File -> what is wrong with it, and what counts instead."""

    def all_rules(self) -> tuple[str, ...]:
        """Return the text of every rule."""
        return tuple(text for texts in self.rules.values() for text in texts)

    def all_value_sets(self) -> ValueSets:
        """Return every value set by its name."""
        return {name: codes for sets in self.value_sets.values() for name, codes in sets.items()}

    def catalogue(self) -> ProductCatalogue | None:
        """Return all lists of products as one that keeps every id."""
        return merged(self.products.values())

    def warning(self) -> str | None:
        """Name the files that are wrong, in one text; None: there are none."""
        if not self.wrong:
            return None
        named = [f"rules/{name}: {why}" for name, why in list(self.wrong.items())[:MAX_NAMED]]
        more = len(self.wrong) - len(named)
        return "; ".join([*named, *([f"and {more} more"] if more else [])])


NO_RULE_FILES: Final = RuleFiles()


def read_rule_files(folder: Path, before: RuleFiles = NO_RULE_FILES) -> RuleFiles:
    """Read the folder; `before` is what it said when it was last read. Never raises for a file."""
    wrong: dict[str, str] = {}
    ids: set[tuple[str, tuple[int, ...]]] = set()
    names: dict[str, tuple[str, ...]] = {}

    def rules(data: bytes) -> tuple[str, ...]:
        read = [(text, _rule(text)) for text in _texts(data)]
        found = [(one.id, one.version) for _, one in read]
        if ids.intersection(found) or len(set(found)) < len(found):
            raise _WrongFileError("a rule of this id and version stands in another file, or twice")
        if len(ids) + len(found) > MAX_RULES:
            raise _WrongFileError(f"more than {MAX_RULES} rules")
        ids.update(found)
        return tuple(text for text, _ in read)

    def value_sets(data: bytes) -> ValueSets:
        found = _value_sets(data)
        differing = [name for name in found if names.get(name, found[name]) != found[name]]
        if differing:
            raise _WrongFileError(
                f"value set {differing[0]} stands in another file with other codes"
            )
        names.update(found)
        return found

    return RuleFiles(
        rules=_read(folder, "", rules, before.rules, wrong),
        value_sets=_read(folder, "valuesets/", value_sets, before.value_sets, wrong),
        products=_read(folder, "products/", _products, before.products, wrong),
        wrong=wrong,
    )


def _read(
    folder: Path,
    below: str,
    reader: Callable[[bytes], Said],
    before: Mapping[str, Said],
    wrong: dict[str, str],
) -> dict[str, Said]:
    """Read the files of one kind; one that is wrong keeps what it said before."""
    said: dict[str, Said] = {}
    for path in sorted((folder / below).glob("*.json")):
        name = below + path.name
        try:
            said[name] = reader(_content(path))
        except (_WrongFileError, OSError) as error:
            if name in before:
                said[name] = before[name]
                wrong[name] = f"{error}; what it said before stays in force"
            else:
                wrong[name] = f"{error}; it is left out, and nothing of it is asked"
    return said


def _content(path: Path) -> bytes:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise _WrongFileError(f"longer than {MAX_FILE_BYTES} bytes")
    return path.read_bytes()


def _texts(data: bytes) -> list[str]:
    """Return each rule of a file as it is written."""
    text = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        if not text.lstrip().startswith(b"["):
            return [text.decode()]
        return [bytes(one).decode() for one in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _WrongFileError("not JSON") from error


def _rule(text: str) -> EuRule:
    try:
        return read_rule(text.encode())
    except RuleError as error:
        raise _WrongFileError(str(error)) from error


def _value_sets(data: bytes) -> ValueSets:
    """Read one value set of the gateway, a list of them, or names with their codes."""
    try:
        found = msgspec.json.decode(data.removeprefix(_BYTE_ORDER_MARK))
        if isinstance(found, dict) and "valueSetId" in found:
            found = [found]
        if isinstance(found, list):
            listed = msgspec.convert(found, list[_GatewayValueSet])
            return {one.name: tuple(one.values) for one in listed}
        return msgspec.convert(found, ValueSets)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _WrongFileError(f"no value sets: {error}") from error


def _products(data: bytes) -> ProductCatalogue:
    try:
        found = msgspec.json.decode(data.removeprefix(_BYTE_ORDER_MARK), type=ProductCatalogue)
        Products(found)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ProfileError) as error:
        raise _WrongFileError(f"no list of products: {error}") from error
    if len(found.products) > MAX_PRODUCTS:
        raise _WrongFileError(f"more than {MAX_PRODUCTS} products")
    return found
