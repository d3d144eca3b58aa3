"""Operators at the fleet's door: tokens by their own keys, what these open, and the audit log."""

import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fleet_process import FleetHouse, eventually, fleet_house, operator_key
from verifier.contract.audit import AuditFlaw, AuditHead, verify
from verifier.contract.operator import MAX_TOKEN_S, TOKEN_PREFIX

AT_ONCE = 60
"""Requests of one key; a person has eight under way."""


@pytest.fixture(scope="module")
def house() -> Iterator[FleetHouse]:
    """Yield a fleet with one terminal in the district liwan."""
    with fleet_house(["hall-1"]) as running:
        yield running


def log_of(house: FleetHouse) -> list[bytes]:
    """Return the lines of the audit log."""
    with (house.folder / "audit" / "fleet.ndjson").open("rb") as file:
        return file.readlines()


def entries(house: FleetHouse) -> list[dict[str, Any]]:
    """Return the entries of the audit log, which holds against its head."""
    lines = log_of(house)
    head = AuditHead(*json.loads((house.folder / "audit" / "fleet.head").read_bytes()))
    assert verify(lines, process="fleet", head=head).flaw is None
    return [json.loads(line) for line in lines]


def open_gate(house: FleetHouse, key: str, *, name: str = "hall-1") -> Any:
    """Give an open_gate with a key of one use."""
    return house.fleet.ask(
        "POST",
        f"/v1/terminals/{name}/commands",
        {"type": "open_gate"},
        key=key,
        headers={"Idempotency-Key": os.urandom(8).hex()},
    )


def test_one_operator_s_key_holds_up_no_other(house: FleetHouse) -> None:
    """Whoever asks for many tokens at once is told so; each of them waits for the disk."""
    asked = (
        "POST /v1/operator-tokens HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: Bearer {operator_key('ling')}\r\n\r\n"
    ).encode()
    lines = [socket.create_connection(("127.0.0.1", house.fleet.port)) for _ in range(AT_ONCE)]
    for line in lines:
        line.sendall(asked)
    statuses = Counter(line.makefile("rb").readline().split()[1] for line in lines)
    for line in lines:
        line.close()
    assert set(statuses) == {b"201", b"429"}
    assert house.fleet.ask("POST", "/v1/operator-tokens", key=operator_key("ling")).status == 201


def test_an_operator_s_key_gives_a_token(house: FleetHouse) -> None:
    """Of a quarter of an hour; it is in the audit log, and the key is not."""
    key = operator_key("ling")
    answer = house.fleet.ask("POST", "/v1/operator-tokens", key=key)
    assert answer.status == 201
    assert answer.body["token"].startswith(TOKEN_PREFIX)
    assert answer.body["roles"] == ["operator", "approver"]
    assert 0 < answer.body["expires"] - time.time() <= MAX_TOKEN_S
    last = entries(house)[-1]
    assert (last["action"], last["person"]) == ("token.issue", "ling")
    assert key.encode() not in b"".join(log_of(house))
    assert answer.body["token"].encode() not in b"".join(log_of(house))


def test_only_an_operator_s_key_gives_one(house: FleetHouse) -> None:
    """No service's key, no token, no stranger's; and that key opens nothing else."""
    token = house.fleet.token("ling")
    for key in ("kapok_test_" + "k" * 43, token, "kapok_operator-x_" + "x" * 43, None):
        refused = house.fleet.ask("POST", "/v1/operator-tokens", key=key)
        assert (refused.status, refused.body["code"]) == (401, "key.unknown")
    refused = house.fleet.ask("GET", "/v1/terminals", key=operator_key("ling"))
    assert (refused.status, refused.body["code"]) == (401, "key.unknown")
    refused = house.fleet.ask("POST", "/v1/operator-tokens", {}, key=operator_key("ling"))
    assert (refused.status, refused.body["code"]) == (400, "body.unasked")


def test_a_command_names_the_person(house: FleetHouse) -> None:
    """In the command, and in the audit log before it is answered."""
    given = open_gate(house, house.fleet.token("ling"))
    assert given.status == 202
    assert given.body["caller"] == "operator:ling"
    last = entries(house)[-1]
    assert (last["action"], last["person"], last["subject"], last["after"], last["ref"]) == (
        "command.give",
        "ling",
        "terminal:hall-1",
        "open_gate",
        given.body["id"],
    )
    assert last["by"].startswith("token:")


def test_a_repeated_command_fills_no_log(house: FleetHouse) -> None:
    """The first repetition names the command that stands; the others are a count, not entries."""
    token = house.fleet.token("ling")
    path, headers = "/v1/terminals/hall-1/commands", {"Idempotency-Key": "again-and-again"}
    before = len(entries(house))
    answers = [
        house.fleet.ask("POST", path, {"type": "open_gate"}, key=token, headers=headers)
        for _ in range(50)
    ]
    assert [answer.status for answer in answers] == [202, *([200] * 49)]
    assert {answer.body["id"] for answer in answers} == {answers[0].body["id"]}
    for _ in range(50):
        house.fleet.ask("POST", path, {"type": "reboot"}, key=token, headers=headers)
    noted = entries(house)[before:]
    assert len(noted) <= 4
    assert [(it["action"], it["reason"]) for it in noted[:2]] == [
        ("command.give", ""),
        ("refused", "repeated"),
    ]
    assert noted[1]["after"] == answers[0].body["id"]


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ("wen", "scope.missing"),
        ("jun", "operator.area"),
        ("mei", None),
        ("yan", None),
        ("hao", None),
    ],
)
def test_roles_and_areas_bound_what_a_token_opens(
    house: FleetHouse, person: str, code: str | None
) -> None:
    """A viewer commands nothing; an operator of another district nothing here."""
    given = open_gate(house, house.fleet.token(person))
    assert given.body.get("code") == code
    assert given.status == (202 if code is None else 403)


def test_an_operator_sees_the_terminals_of_the_area(house: FleetHouse) -> None:
    """And asks for no other."""
    for person, seen in (("wen", ["hall-1"]), ("mei", ["hall-1"]), ("jun", [])):
        token = house.fleet.token(person)
        listed = house.fleet.ask("GET", "/v1/terminals", key=token).body["terminals"]
        assert [row["terminal"] for row in listed] == seen
    given = open_gate(house, house.fleet.token("mei")).body["id"]
    for path in ("/v1/terminals/hall-1", f"/v1/commands/{given}"):
        refused = house.fleet.ask("GET", path, key=house.fleet.token("jun"))
        assert (refused.status, refused.body["code"]) == (403, "operator.area")


def test_a_spoilt_token_is_refused(house: FleetHouse) -> None:
    """So is one that is too long: nothing of it is read."""
    token = house.fleet.token("ling")
    for shown, code in (
        (token[:-8] + "AAAAAAAA", "token.bad"),
        (token + "A" * 1000, "token.bad"),
    ):
        refused = house.fleet.ask("GET", "/v1/terminals", key=shown)
        assert (refused.status, refused.body["code"]) == (401, code)


def test_operators_are_read_again_on_sighup(house: FleetHouse) -> None:
    """Who left gets no token; a file that does not hold changes nothing."""
    path = house.folder / "operators.toml"
    before = path.read_text(encoding="utf-8")
    try:
        path.write_text(before.replace('person = "yan"', 'person = "Y"'), encoding="utf-8")
        house.fleet.signal(signal.SIGHUP)
        eventually("it is refused", lambda: "registry.refused" in house.fleet.log.read_text())
        assert house.fleet.ask("POST", "/v1/operator-tokens", key=operator_key("yan")).status == 201
        kept, _, _ = before.partition('[[operator]]\nperson = "yan"')
        path.write_text(kept, encoding="utf-8")
        house.fleet.signal(signal.SIGHUP)

        def gone() -> bool:
            answer = house.fleet.ask("POST", "/v1/operator-tokens", key=operator_key("yan"))
            return bool(answer.status == 401)

        eventually("yan is nobody", gone)
    finally:
        path.write_text(before, encoding="utf-8")
        house.fleet.signal(signal.SIGHUP)


def test_a_killed_fleet_continues_its_log(house: FleetHouse) -> None:
    """A torn last line is set aside and noted; the chain goes on."""
    house.fleet.token("ling")
    house.fleet.kill()
    path = house.folder / "audit" / "fleet.ndjson"
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(b'{"seq":99,"at":1')
    house.fleet.start()
    try:
        house.fleet.token("ling")
        torn, issued = entries(house)[-2:]
        assert (torn["action"], issued["action"]) == ("audit.torn", "token.issue")
        assert path.read_bytes().startswith(whole)
        assert (house.folder / "audit" / torn["subject"]).read_bytes() == b'{"seq":99,"at":1'
    finally:
        house.fleet.kill()
        house.fleet.start()


def spoil(path: Path, flaw: AuditFlaw) -> None:
    """Do to a log what leads to a flaw."""
    lines = path.read_bytes().splitlines(keepends=True)
    if flaw is AuditFlaw.HASH:
        lines[1] = lines[1].replace(b'"person":"ling"', b'"person":"hao0"')
        assert b"hao0" in lines[1]
    elif flaw is AuditFlaw.CHAIN:
        del lines[1]
    elif flaw is AuditFlaw.SHORT:
        del lines[-1]
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize("flaw", [AuditFlaw.HASH, AuditFlaw.CHAIN, AuditFlaw.SHORT])
def test_a_tampered_log_is_not_continued(house: FleetHouse, flaw: AuditFlaw) -> None:
    """What must be audited is refused; the fleet serves what need not be."""
    token = house.fleet.token("ling")
    path = house.folder / "audit" / "fleet.ndjson"
    house.fleet.kill()
    whole = path.read_bytes()
    try:
        spoil(path, flaw)
        house.fleet.start()
        for answer in (
            house.fleet.ask("POST", "/v1/operator-tokens", key=operator_key("ling")),
            open_gate(house, token),
        ):
            assert (answer.status, answer.body["code"]) == (503, "audit.unavailable")
        assert house.fleet.ask("GET", "/v1/terminals", key=token).status == 200
    finally:
        house.fleet.kill()
        path.write_bytes(whole)
        house.fleet.start()
