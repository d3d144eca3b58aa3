"""Rules in the form of the EU gateway: which apply, and what they say of one document.

Lives here: reading a rule file unchanged, choosing by time and kind, judging. Not here: the
language (`verifier.policy.certlogic`), which place asks for which rules (`profiles`), any clock.

A rule never passes by accident: an evaluation error or any result but true is FAILED; an external
input that the rule reaches for and does not get, a date that cannot be read, or an engine newer
than ours, is UNKNOWN.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec

from runtime.json_depth import check_depth
from verifier.contract.text import in_one_line
from verifier.contract.vocabulary import DocumentForm, Format
from verifier.errors import VerifierError
from verifier.policy import certlogic
from verifier.policy.certlogic.dates import Instant, iso, parse
from verifier.policy.rule_formats import CARRIED, RuleFormat

MAX_RULE_BYTES: Final = 256 * 1024
"""Bytes of a rule file; published ones take 4 KiB."""
MAX_RULES: Final = 1_000
"""Rules of a set; fifteen countries publish 194 in all."""
ENGINE: Final = "CERTLOGIC"
ENGINE_VERSION: Final = (1, 3)
"""The newest language, major and minor, whose rules are evaluated; a newer rule is UNKNOWN."""
SCHEMA_MAJOR: Final = 1
"""The major version of the document schema that rules may be written for."""
DOCUMENTS: Final = frozenset({Format.HC1, Format.SHC})
"""Formats that are foreign documents; nothing but rules says what a place asks of them."""
EXTERNAL: Final = "external"
"""The part of a rule's data that does not come from the document."""

_FIELD: Final = re.compile(r"\$\.([A-Za-z0-9_.\[\]]+)")
_NAMED: Final = re.compile(r"(?:unknown|missing required) field `([^`]+)`")

_Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}\Z")]
_Lang = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2}(-[A-Z]{2})?\Z")]


class RuleError(VerifierError):
    """A rule file or a set of rules is wrong; `field` names where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class DocumentKind(StrEnum):
    """What a document attests; a General rule asks something of all of them."""

    GENERAL = "General"
    TEST = "Test"
    VACCINATION = "Vaccination"
    RECOVERY = "Recovery"


class RuleType(StrEnum):
    """Whose rule it is: of the country that is entered, or of the one that issued."""

    ACCEPTANCE = "Acceptance"
    INVALIDATION = "Invalidation"


class RuleVerdict(StrEnum):
    """What a rule says of a document."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class _Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    lang: _Lang
    desc: str


def _written(field: str) -> str:
    """Return how a field is written: as the gateway does."""
    return "hash" if field == "national_hash" else "".join(map(str.capitalize, field.split("_")))


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=_written):
    """The gateway's fields, by its names; the hash of national lists; and one of ours: `Format`."""

    identifier: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2,4}-[A-Z]{2}-[0-9]{4}\Z")]
    type: RuleType
    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")]
    region: Annotated[str, msgspec.Meta(max_length=5)] | None = None
    version: _Version
    schema_version: _Version
    engine: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    engine_version: _Version
    certificate_type: DocumentKind
    description: Annotated[tuple[_Description, ...], msgspec.Meta(min_length=1)]
    valid_from: str
    valid_to: str
    affected_fields: tuple[str, ...]
    logic: Any
    hash: str | msgspec.UnsetType = msgspec.UNSET
    national_hash: str | msgspec.UnsetType = msgspec.UNSET
    """Digest by which a national backend names the rule (`Hash` or `hash`). It is over the rule
    without this member, in bytes that are not here: so it is taken, and says nothing."""
    format: RuleFormat = RuleFormat.HC1
    """Whose documents it reads; the gateway's rules do not say it, and read HC1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EuRule:
    """A rule as the gateway publishes it, compiled."""

    id: str
    version: tuple[int, ...]
    type: RuleType
    country: str
    region: str | None
    format: RuleFormat
    forms: frozenset[DocumentForm]
    """The documents that it reads: those of its format."""
    kind: DocumentKind
    descriptions: Mapping[str, str]
    """Text by language tag."""
    valid_from: Instant
    valid_to: Instant
    """Milliseconds since 1970, both inclusive."""
    affected_fields: tuple[str, ...]
    logic: certlogic.Rule | None
    """None: written for an engine or a schema that we do not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOutcome:
    """What one rule says of one document."""

    id: str
    version: tuple[int, ...]
    verdict: RuleVerdict
    descriptions: Mapping[str, str]


def read_rule(data: bytes) -> EuRule:
    """Read one rule file (JSON, UTF-8).

    Raises:
        RuleError: with the field that is wrong.
    """
    if len(data) > MAX_RULE_BYTES:
        raise RuleError("(file)", f"longer than {MAX_RULE_BYTES} bytes")
    try:
        check_depth(data, certlogic.MAX_NESTING)
        file = msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError as error:
        raise RuleError(_field(str(error)), str(error)) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RuleError("(file)", "not JSON") from error
    start, end = _moment("ValidFrom", file.valid_from), _moment("ValidTo", file.valid_to)
    if end < start:
        raise RuleError("ValidTo", "before ValidFrom")
    return EuRule(
        id=file.identifier,
        version=_numbers(file.version),
        type=file.type,
        country=file.country,
        region=file.region,
        format=file.format,
        forms=file.format.forms,
        kind=file.certificate_type,
        descriptions={entry.lang: in_one_line(entry.desc) for entry in file.description},
        valid_from=start,
        valid_to=end,
        affected_fields=file.affected_fields,
        logic=_logic(file),
    )


def kind_of(
    payload: Mapping[str, Any], form: DocumentForm = DocumentForm.DCC
) -> DocumentKind | None:
    """Return what a document attests, or None when it is not exactly one thing."""
    if form in _ONE_KIND:
        return _ONE_KIND[form]
    kinds = [kind for key, kind in _GROUPS.items() if payload.get(key)]
    return kinds[0] if len(kinds) == 1 else None


_ONE_KIND: Final = {
    DocumentForm.DDCC_VS: DocumentKind.VACCINATION,
    DocumentForm.DDCC_TR: DocumentKind.TEST,
}
_GROUPS: Final = {
    "v": DocumentKind.VACCINATION,
    "t": DocumentKind.TEST,
    "r": DocumentKind.RECOVERY,
}


class RuleSet:
    """Rules to choose from; immutable."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Iterable[EuRule]) -> None:
        """Take rules.

        Raises:
            RuleError: for two rules of one id and version, or more than MAX_RULES.
        """
        self._rules = tuple(sorted(rules, key=lambda rule: (rule.id, rule.version)))
        if len(self._rules) > MAX_RULES:
            raise RuleError("(set)", f"more than {MAX_RULES} rules")
        if len({(rule.id, rule.version) for rule in self._rules}) != len(self._rules):
            raise RuleError("Version", "two rules of one id and version")

    def __len__(self) -> int:
        return len(self._rules)

    def applying(
        self,
        at: float,
        kind: DocumentKind,
        *,
        form: DocumentForm = DocumentForm.DCC,
        country: str | None = None,
        region: str | None = None,
        rule_type: RuleType = RuleType.ACCEPTANCE,
    ) -> tuple[EuRule, ...]:
        """Return the rules for a kind of document of a form at a time (Unix seconds), by id.

        Of one id, the highest version that is valid then. General rules apply to every kind;
        rules of a region apply in that region only.
        """
        moment = at * 1000
        newest: dict[str, EuRule] = {}
        for rule in self._rules:
            if (
                rule.type is rule_type
                and form in rule.forms
                and rule.kind in (kind, DocumentKind.GENERAL)
                and rule.valid_from <= moment <= rule.valid_to
                and country in (None, rule.country)
                and rule.region in (None, "", region)
            ):
                newest[rule.id] = rule
        return tuple(newest.values())

    def reads(
        self, code_format: Format, *, country: str, region: str | None, since: float, until: float
    ) -> bool:
        """Say whether any acceptance rule can judge a document of a format, at any time between.

        Both ends are Unix seconds.
        """
        return any(
            rule.logic is not None
            and rule.type is RuleType.ACCEPTANCE
            and rule.forms & CARRIED[code_format]
            and rule.country == country
            and rule.region in (None, "", region)
            and rule.valid_from <= until * 1000
            and since * 1000 <= rule.valid_to
            for rule in self._rules
        )

    def forms(self, country: str, region: str | None) -> frozenset[DocumentForm]:
        """Return the documents that any acceptance rule reads, whenever it is valid."""
        return frozenset[DocumentForm]().union(
            *(
                rule.forms
                for rule in self._rules
                if rule.type is RuleType.ACCEPTANCE
                and rule.country == country
                and rule.region in (None, "", region)
            )
        )


def external_inputs(
    at: float | None, value_sets: Mapping[str, Sequence[str]], **more: Any
) -> dict[str, Any]:
    """Return what a rule may read beside the document.

    `at` is Unix seconds, or None where the time is not known: rules that need it are UNKNOWN.
    """
    inputs: dict[str, Any] = {
        "valueSets": {name: list(codes) for name, codes in value_sets.items()},
        **more,
    }
    if at is not None:
        inputs["validationClock"] = iso(Instant(int(at * 1000)))
    return inputs


def seconds_iso(at: float) -> str:
    """Write Unix seconds as rules read them."""
    return iso(Instant(int(at * 1000)))


def judge(
    rule: EuRule, payload: Any, external: dict[str, Any], zone: tzinfo | None = None
) -> RuleOutcome:
    """Say what a rule says of a document, on the days of a zone (None: UTC).

    Never raises for what is in the document.
    """
    return RuleOutcome(
        id=rule.id,
        version=rule.version,
        verdict=_verdict(rule, payload, external, zone),
        descriptions=rule.descriptions,
    )


def judge_all(
    rules: Iterable[EuRule], payload: Any, external: dict[str, Any], zone: tzinfo | None = None
) -> tuple[RuleOutcome, ...]:
    """Say what each of the rules says of a document."""
    return tuple(judge(rule, payload, external, zone) for rule in rules)


def _verdict(
    rule: EuRule, payload: Any, external: dict[str, Any], zone: tzinfo | None
) -> RuleVerdict:
    if rule.logic is None:
        return RuleVerdict.UNKNOWN
    try:
        result = certlogic.evaluate(rule.logic, {"payload": payload, EXTERNAL: external}, zone)
    except certlogic.UnreadableDateError:
        return RuleVerdict.UNKNOWN
    except certlogic.EvaluationError as error:
        absent = error.fault is certlogic.Fault.ABSENT
        return RuleVerdict.UNKNOWN if absent else RuleVerdict.FAILED
    return RuleVerdict.PASSED if result is True else RuleVerdict.FAILED


def _logic(file: _File) -> certlogic.Rule | None:
    """Compile a rule's logic, if it is written in a language that we have."""
    if (
        file.engine != ENGINE
        or _numbers(file.engine_version)[:2] > ENGINE_VERSION
        or _numbers(file.schema_version)[0] != SCHEMA_MAJOR
    ):
        return None
    try:
        return certlogic.compile(file.logic, required=frozenset({EXTERNAL}))
    except certlogic.LogicError as error:
        raise RuleError("Logic", f"{error.where} {error.fault}") from error


def _moment(field: str, text: str) -> Instant:
    """Read a date-time; a bare date would leave open which hour of it is meant."""
    if "T" not in text:
        raise RuleError(field, "takes a date and a time")
    try:
        return parse(text)
    except certlogic.EvaluationError as error:
        raise RuleError(field, "takes a date and a time") from error


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


def _field(message: str) -> str:
    """Find the gateway's field that a validation message speaks of."""
    at = _FIELD.search(message)
    named = _NAMED.search(message)
    parts = [match[1] for match in (at, named) if match]
    return ".".join(parts) if parts else "(file)"
