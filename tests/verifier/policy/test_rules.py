"""Rules of the gateway's form: read unchanged, chosen by time and kind, no pass by accident."""

from typing import Any

import msgspec
import pytest

from verifier.policy.rules import (
    MAX_RULE_BYTES,
    DocumentKind,
    EuRule,
    RuleError,
    RuleSet,
    RuleType,
    RuleVerdict,
    external_inputs,
    judge,
    judge_all,
    kind_of,
    read_rule,
)

FILE: dict[str, Any] = {
    "Identifier": "VR-XX-0001",
    "Type": "Acceptance",
    "Country": "XX",
    "Version": "1.0.0",
    "SchemaVersion": "1.0.0",
    "Engine": "CERTLOGIC",
    "EngineVersion": "0.7.5",
    "CertificateType": "Vaccination",
    "Description": [{"lang": "en", "desc": "Two doses."}, {"lang": "de", "desc": "Zwei Dosen."}],
    "ValidFrom": "2021-06-01T00:00:00Z",
    "ValidTo": "2022-06-01T00:00:00+02:00",
    "AffectedFields": ["v.0.dn"],
    "Logic": {">=": [{"var": "payload.v.0.dn"}, 2]},
}
START = 1_622_505_600
"""2021-06-01T00:00:00Z."""
END = 1_654_034_400
"""2022-05-31T22:00:00Z."""
TWO_DOSES = {"v": [{"dn": 2}]}


def rule(**changes: Any) -> EuRule:
    """Return the rule of FILE with some of its fields changed."""
    return read_rule(msgspec.json.encode(FILE | changes))


def verdict(
    logic: Any, payload: Any = TWO_DOSES, external: dict[str, Any] | None = None
) -> RuleVerdict:
    """Return what a rule of this logic says."""
    return judge(rule(Logic=logic), payload, external or {}).verdict


def test_reads_a_rule() -> None:
    """A rule keeps what the gateway said of it."""
    read = rule()
    assert (read.id, read.version, read.kind) == ("VR-XX-0001", (1, 0, 0), DocumentKind.VACCINATION)
    assert read.descriptions == {"en": "Two doses.", "de": "Zwei Dosen."}
    assert (read.valid_from, read.valid_to) == (START * 1000, END * 1000)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Identifier", "VR-XX-1"),
        ("Identifier", "VR-XX-0001\n"),
        ("Identifier", "VR-XX-٠٠٠١"),
        ("Type", "Wish"),
        ("Country", "xx"),
        ("Version", "1.0"),
        ("Version", 1),
        ("SchemaVersion", "1"),
        ("EngineVersion", "x.y.z"),
        ("Engine", ""),
        ("CertificateType", "Passport"),
        ("Description", []),
        ("ValidFrom", "2021-06-01"),
        ("ValidFrom", "soon at Two"),
        ("ValidTo", "2020-06-01T00:00:00Z"),
        ("AffectedFields", "v.0"),
        ("Logic", None),
        ("Logic", {"var": "x."}),
        ("Modifier", "lc"),
    ],
)
def test_names_the_wrong_field(field: str, value: Any) -> None:
    """A rule file that is wrong says where."""
    with pytest.raises(RuleError) as caught:
        rule(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("field", sorted(FILE))
def test_names_the_missing_field(field: str) -> None:
    """Every field must be there."""
    with pytest.raises(RuleError) as caught:
        read_rule(msgspec.json.encode({key: FILE[key] for key in FILE if key != field}))
    assert caught.value.field == field


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b" " * (MAX_RULE_BYTES + 1)]
)
def test_refuses_what_is_no_rule(data: bytes) -> None:
    """Bytes that are no JSON object of bounded length are refused."""
    with pytest.raises(RuleError) as caught:
        read_rule(data)
    assert caught.value.field == "(file)"


def test_passes_and_fails() -> None:
    """A rule says yes or no, with its id and its texts."""
    outcomes = [judge(rule(), {"v": [{"dn": doses}]}, {}) for doses in (2, 1)]
    assert [outcome.verdict for outcome in outcomes] == [RuleVerdict.PASSED, RuleVerdict.FAILED]
    assert (outcomes[0].id, outcomes[0].descriptions["de"]) == ("VR-XX-0001", "Zwei Dosen.")


@pytest.mark.parametrize("logic", [1, "yes", [1], {"var": "payload"}, {"var": "payload.nothing"}])
def test_only_true_passes(logic: Any) -> None:
    """A truthy value is no yes."""
    assert verdict(logic) is RuleVerdict.FAILED


@pytest.mark.parametrize(
    "payload", [{}, None, {"v": [{"dn": "2"}]}, {"v": [{"dn": None}]}, [], "x"]
)
def test_an_error_fails(payload: Any) -> None:
    """A document that the rule cannot judge fails it."""
    assert judge(rule(), payload, {}).verdict is RuleVerdict.FAILED


CLOCK = {"not-after": [{"plusTime": ["2021-06-01", 0, "day"]},
                       {"plusTime": [{"var": "external.validationClock"}, 0, "day"]}]}  # fmt: skip


def test_absent_input_is_unknown() -> None:
    """A rule that needs the time or a value set and gets none knows nothing."""
    known = external_inputs(START, {"vaccines": ["a"]})
    assert verdict(CLOCK, external=known) is RuleVerdict.PASSED
    assert verdict(CLOCK, external=external_inputs(None, {})) is RuleVerdict.UNKNOWN
    listed = {"in": ["a", {"var": "external.valueSets.vaccines"}]}
    assert verdict(listed, external=known) is RuleVerdict.PASSED
    assert verdict(listed, external=external_inputs(START, {})) is RuleVerdict.UNKNOWN


def test_absent_input_is_never_a_pass() -> None:
    """A rule that would pass where an input is null does not."""
    logic = {"if": [{"var": "external.blocked"}, False, True]}
    assert verdict(logic) is RuleVerdict.UNKNOWN


@pytest.mark.parametrize(
    "changes",
    [
        {"EngineVersion": "1.4.0"},
        {"EngineVersion": "2.0.0"},
        {"Engine": "JSONLOGIC"},
        {"SchemaVersion": "2.0.0"},
        {"EngineVersion": "1.4.0", "Logic": {"maybe": [1]}},
    ],
)
def test_other_language_is_unknown(changes: dict[str, Any]) -> None:
    """A rule for an engine that we do not have counts, and is unknown."""
    assert judge(rule(**changes), TWO_DOSES, {}).verdict is RuleVerdict.UNKNOWN


@pytest.mark.parametrize("version", ["0.7.5", "1.0.0", "1.3.3", "1.3.99"])
def test_our_language_is_known(version: str) -> None:
    """Every version up to ours is evaluated."""
    assert judge(rule(EngineVersion=version), TWO_DOSES, {}).verdict is RuleVerdict.PASSED


def test_applies_in_its_window() -> None:
    """A rule holds from its first moment to its last."""
    rules = RuleSet([rule()])
    times = (START - 0.001, START, END, END + 0.001)
    assert [len(rules.applying(at, DocumentKind.VACCINATION)) for at in times] == [0, 1, 1, 0]


def test_applies_to_its_kind() -> None:
    """A rule holds for its kind of document, a general one for all."""
    general = rule(Identifier="GR-XX-0001", CertificateType="General")
    rules = RuleSet([rule(), general])
    chosen = [[r.id for r in rules.applying(START, kind)] for kind in DocumentKind]
    assert chosen == [["GR-XX-0001"], ["GR-XX-0001"], ["GR-XX-0001", "VR-XX-0001"], ["GR-XX-0001"]]


def test_newest_valid_version_applies() -> None:
    """Of one id the highest version that is valid then holds; versions count as numbers."""
    later = rule(Version="1.10.0", ValidFrom="2021-07-01T00:00:00Z")
    rules = RuleSet([later, rule(Version="1.9.0"), rule()])
    july = START + 30 * 86_400
    kind = DocumentKind.VACCINATION
    versions = [rules.applying(at, kind)[0].version for at in (START, july)]
    assert versions == [(1, 9, 0), (1, 10, 0)]


def test_country_region_and_type() -> None:
    """Rules of another country, region or type do not hold."""
    rules = RuleSet([
        rule(),
        rule(Identifier="VR-YY-0001", Country="YY"),
        rule(Identifier="VR-XX-0002", Region="NO"),
        rule(Identifier="IR-XX-0001", Type="Invalidation"),
    ])  # fmt: skip
    kind = DocumentKind.VACCINATION

    def ids(**choice: Any) -> list[str]:
        return [chosen.id for chosen in rules.applying(START, kind, **choice)]

    assert ids() == ["VR-XX-0001", "VR-YY-0001"]
    assert ids(country="XX") == ["VR-XX-0001"]
    assert ids(country="XX", region="NO") == ["VR-XX-0001", "VR-XX-0002"]
    assert ids(rule_type=RuleType.INVALIDATION) == ["IR-XX-0001"]


def test_one_id_and_version_once() -> None:
    """Two rules that cannot be told apart are refused."""
    with pytest.raises(RuleError) as caught:
        RuleSet([rule(), rule()])
    assert caught.value.field == "Version"


def test_judges_all_in_order() -> None:
    """Each rule of a set has its own outcome."""
    rules = [rule(), rule(Identifier="VR-XX-0002", Logic=False)]
    outcomes = judge_all(RuleSet(rules).applying(START, DocumentKind.VACCINATION), TWO_DOSES, {})
    expected = [("VR-XX-0001", RuleVerdict.PASSED), ("VR-XX-0002", RuleVerdict.FAILED)]
    assert [(outcome.id, outcome.verdict) for outcome in outcomes] == expected


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        ({"v": [{}]}, DocumentKind.VACCINATION),
        ({"t": [{}]}, DocumentKind.TEST),
        ({"r": [{}], "v": None}, DocumentKind.RECOVERY),
        ({"r": [{}], "v": [{}]}, None),
        ({"v": []}, None),
        ({}, None),
    ],
)
def test_kind_of_a_document(payload: dict[str, Any], kind: DocumentKind | None) -> None:
    """A document attests one thing, or its kind is not known."""
    assert kind_of(payload) is kind
