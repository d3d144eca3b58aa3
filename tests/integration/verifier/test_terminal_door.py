"""The terminals' door: mutual TLS, the caller is the certificate, what it opens is its grant's."""

import gzip
import http.client
import json
import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPResponse
from itertools import count
from typing import Any

import pytest

from fleet import identity
from tests.support.centre import (
    ADMIN_KEY,
    ONCE,
    Centre,
    centre,
    eventually,
    free_ports,
    new_scan_id,
    paper,
)
from tests.support.verifier_tls import TlsFiles, tls_files
from verifier.contract.scan import make_scan_id
from verifier.contract.vocabulary import ApiScope, GrantState, Outcome
from verifier.trust.kinds import place_of

persons = count(100)
LIFE_S = 6
"""Seconds that a certificate of these tests has left."""


@dataclass(frozen=True, slots=True)
class TerminalDoor:
    """A centre whose worker has a door for terminals."""

    house: Centre
    files: TlsFiles
    port: int

    def line(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        """Return a connection that is not open yet."""
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=context)


@pytest.fixture(scope="module")
def door() -> Iterator[TerminalDoor]:
    """Yield a running door."""
    with centre() as house, tls_files() as files:
        (port,) = free_ports(1)
        house.tls = files.settings(port)
        house.worker()
        yield TerminalDoor(house, files, port)


def scan(
    line: http.client.HTTPSConnection, terminal: str, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Scan somebody new as a terminal."""
    body = {"scan_id": new_scan_id(terminal), "text": paper(next(persons))}
    given = {"Host": "x", "Content-Type": "application/json"} | headers
    line.request("POST", "/v1/scans", json.dumps(body), given)
    answer = line.getresponse()
    return answer.status, json.loads(answer.read())


def lets_scan(line: http.client.HTTPSConnection, terminal: str) -> bool:
    """Say whether a terminal may scan; the door ends connections whose grant it does not know."""
    try:
        return scan(line, terminal)[0] == HTTPStatus.OK
    except http.client.RemoteDisconnected:
        return False


def test_a_terminal_with_a_grant_scans(door: TerminalDoor) -> None:
    """By the fast lane and the long way, many times on one connection."""
    context, fingerprint = door.files.terminal("t-90")
    door.house.grant("t-90", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-90"))
    for _ in range(5):
        assert scan(line, "t-90")[1]["decision"] == Outcome.PASS
        assert scan(line, "t-90", Accept="x", X_Long="1")[1]["decision"] == Outcome.PASS
    line.close()


def test_a_terminal_without_a_grant_is_refused(door: TerminalDoor) -> None:
    """Its certificate is good; that opens nothing."""
    context, _ = door.files.terminal("t-20")
    line = door.line(context)
    assert scan(line, "t-20") == (403, problem(403, "grant.none"))
    line.close()


def test_another_certificate_of_the_same_name_is_refused(door: TerminalDoor) -> None:
    """The grant names the fingerprint: a renewed or a copied name does not do."""
    context, _ = door.files.terminal("t-21")
    door.house.grant("t-21", fingerprint="ab" * 32)
    line = door.line(context)
    eventually(
        "the grant is followed", lambda: scan(line, "t-21")[1]["code"] == "grant.fingerprint"
    )
    line.close()


def test_a_connection_ends_with_its_certificate(door: TerminalDoor) -> None:
    """One that scans and one that only waits are cut within seconds of notAfter."""
    # Made a day ago, so that it ends in some seconds.
    made = datetime.now(UTC) - timedelta(days=1) + identity.BACKDATE + timedelta(seconds=LIFE_S)
    context, fingerprint = door.files.terminal("t-24", now=made, days=1)
    ends = time.monotonic() + LIFE_S
    door.house.grant("t-24", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-24"))
    idle = socket.create_connection(("127.0.0.1", door.port), timeout=LIFE_S + 10)
    waits = context.wrap_socket(idle, server_hostname="127.0.0.1")
    waits.sendall(b"GET /v1/bundles HTTP/1.1\r\nHost: x\r\n\r\n")
    assert waits.recv(65_536).startswith(b"HTTP/1.1 200")
    assert scan(line, "t-24")[0] == 200
    assert time.monotonic() < ends
    line.auto_open = 0  # no second connection: its handshake would be refused

    def scans() -> bool:
        try:
            return scan(line, "t-24")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    eventually("it is cut off", lambda: not scans(), within=LIFE_S + 5)
    assert time.monotonic() > ends - 1
    waits.settimeout(5)

    def is_cut() -> bool:
        try:
            while waits.recv(65_536):
                pass  # the rest of the answer
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    assert is_cut()
    waits.close()
    line.close()


def test_scopes_are_the_grants(door: TerminalDoor) -> None:
    """A terminal that may fetch bundles does not scan."""
    context, fingerprint = door.files.terminal("t-22")
    door.house.grant("t-22", fingerprint=fingerprint, scopes=(ApiScope.BUNDLES,))
    line = door.line(context)
    eventually("the grant is followed", lambda: scan(line, "t-22")[1]["code"] == "grant.scope")
    line.request("GET", "/v1/bundles")
    answer = line.getresponse()
    names = [bundle["name"] for bundle in json.loads(answer.read())["bundles"]]
    assert names == ["profiles", "root", "status-1-health", "status-1-revocation", "trust"]
    line.close()


def test_a_bundle_is_fetched_once(door: TerminalDoor) -> None:
    """Its bytes are those on the shelf; with its tag it is not sent again."""
    context, fingerprint = door.files.terminal("t-23")
    door.house.grant("t-23", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-23"))
    line.request("GET", "/v1/bundles/status-1-health")
    answer = line.getresponse()
    data, tag = answer.read(), answer.headers["ETag"]
    with door.house.redis.client() as client:
        assert data == client.get("v:bundle:status-1-health")
    line.request("GET", "/v1/bundles/status-1-health", headers={"If-None-Match": tag})
    answer = line.getresponse()
    assert (answer.status, answer.read()) == (304, b"")
    line.request("GET", "/v1/bundles/other")
    answer = line.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (404, "bundle.unknown")
    line.close()


def test_the_rest_of_a_bundle_can_be_asked_for(door: TerminalDoor) -> None:
    """After a broken line; a cache may keep it, and HEAD says how long it is."""
    context, fingerprint = door.files.terminal("t-26")
    door.house.grant("t-26", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-26"))
    path = "/v1/bundles/profiles"
    line.request("GET", path)
    whole = (answer := line.getresponse()).read()
    assert answer.headers["Cache-Control"].startswith("public")
    line.request("HEAD", path)
    head = line.getresponse()
    assert (head.read(), head.headers["ETag"]) == (b"", answer.headers["ETag"])
    assert int(head.headers["Content-Length"]) == len(whole)
    part = {"Range": "bytes=100-", "If-Range": head.headers["ETag"]}
    line.request("GET", path, headers=part)
    rest = line.getresponse()
    assert (rest.status, rest.read()) == (206, whole[100:])
    line.request("GET", path, headers=part | {"If-Range": '"older"'})
    assert (rest := line.getresponse()).read() == whole
    assert rest.status == 200
    line.request("GET", path, headers={"Range": f"bytes={len(whole)}-"})
    answer = line.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (416, "range.outside")
    line.close()


def test_a_bundle_is_packed_once_for_all(door: TerminalDoor) -> None:
    """Profiles of many places shrink; whoever holds them as they are need not fetch them again."""
    context, fingerprint = door.files.terminal("t-27")
    door.house.grant("t-27", fingerprint=fingerprint)
    many = [dict(ONCE) | {"place": f"museum-{number}"} for number in range(20)]
    door.house.publish_profiles(ONCE, *many)
    line = door.line(context)

    def fetch(**headers: str) -> tuple[HTTPResponse, bytes]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        line.request("GET", "/v1/bundles/profiles", headers=given)
        return (answer := line.getresponse()), answer.read()

    eventually("they are followed", lambda: len(fetch()[1]) > 2048)
    (plain, whole), (packed, small) = fetch(), fetch(Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small) == whole
    assert len(small) < len(whole) / 2
    for tag in (plain.headers["ETag"], packed.headers["ETag"]):
        assert fetch(Accept_Encoding="gzip", If_None_Match=tag)[0].status == 304
    line.close()


def test_a_terminal_is_told_of_its_own_place_alone(door: TerminalDoor) -> None:
    """Those of other places are not there for it; a service sees each place's."""
    context, fingerprint = door.files.terminal("t-28")
    door.house.grant("t-28", fingerprint=fingerprint)
    for place in ("metro-1", "hall-1"):
        door.house.publish_rosters(place)
        door.house.publish_appointments(place)
    line = door.line(context)

    def listed(query: str) -> set[str]:
        line.request("GET", f"/v1/bundles{query}")
        names = {one["name"] for one in json.loads(line.getresponse().read()).get("bundles", ())}
        return {name for name in names if place_of(name)}

    own = {"appointments-metro-1", "rosters-metro-1"}
    eventually("they are followed", lambda: listed("?place=metro-1") == own)
    assert listed("") == listed("?place=hall-1") == set()
    others = {"appointments-hall-1", "rosters-hall-1"}
    for name, status in (*((name, 200) for name in own), *((name, 404) for name in others)):
        line.request("GET", f"/v1/bundles/{name}")
        answer = line.getresponse()
        answer.read()
        assert answer.status == status
    line.close()
    found = door.house.ask("GET", "/v1/bundles?place=hall-1", key=ADMIN_KEY).body["bundles"]
    assert others <= {bundle["name"] for bundle in found}
    assert door.house.ask("GET", "/v1/bundles?place=", key=ADMIN_KEY).status == 400


def test_a_revoked_grant_ends_an_open_connection(door: TerminalDoor) -> None:
    """At the next request, by whichever way it comes."""
    context, fingerprint = door.files.terminal("t-24")
    door.house.grant("t-24", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-24"))
    door.house.grant("t-24", fingerprint=fingerprint, state="revoked")
    eventually("the revocation is followed", lambda: scan(line, "t-24")[0] == 403)
    assert scan(line, "t-24", X_Long="1")[1]["code"] == "grant.revoked"
    line.request("GET", "/v1/bundles")
    assert line.getresponse().status == 403
    line.close()


def test_keys_and_health_are_no_business_of_this_door(door: TerminalDoor) -> None:
    """A key in the header changes nothing; records and metrics are not here."""
    context, fingerprint = door.files.terminal("t-25")
    door.house.grant("t-25", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-25"))
    for path in ("/v1/records", "/metrics", "/readyz"):
        line.request("GET", path)
        answer = line.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (404, "path.unknown")
    line.close()


def test_without_a_certificate_there_is_no_connection(door: TerminalDoor) -> None:
    """Nor with one of another CA, nor with the server's own CA's."""
    stranger, _ = door.files.terminal("t-26", authority=door.files.service_ca)
    for context in (door.files.nobody(), stranger):
        line = door.line(context)
        with pytest.raises((ssl.SSLError, OSError)):
            scan(line, "t-26")
        line.close()


def test_old_tls_is_refused(door: TerminalDoor) -> None:
    """1.2 is the least."""
    context, _ = door.files.terminal("t-27")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # ssl: that is what is tried
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    line = door.line(context)
    with pytest.raises((ssl.SSLError, OSError)):
        scan(line, "t-27")
    line.close()


def test_a_scan_id_is_the_certificates_own(door: TerminalDoor) -> None:
    """Two terminals, one door: neither can use the other's ids."""
    context, fingerprint = door.files.terminal("t-28")
    door.house.grant("t-28", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-28"))
    other = make_scan_id("t-90", milliseconds=1, random=b"random")
    body = json.dumps({"scan_id": other, "text": paper(next(persons))})
    line.request("POST", "/v1/scans", body, {"Content-Type": "application/json"})
    answer = line.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (409, "scan.conflict")
    line.close()


def problem(status: int, code: str) -> dict[str, Any]:
    """Return the body of a problem."""
    title = {403: "Forbidden"}[status]
    return {"type": "about:blank", "title": title, "status": status, "code": code}


def ended_within(line: http.client.HTTPSConnection, seconds: float) -> bool:
    """Say whether the worker ends a connection on which nothing is said."""
    assert line.sock is not None
    line.sock.settimeout(seconds)
    try:
        return line.sock.recv(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


@pytest.mark.parametrize("change", ["revoked", "suspended", "fingerprint", "none"])
def test_a_certificate_that_counts_no_more_cannot_connect(door: TerminalDoor, change: str) -> None:
    """It is told why, once, if it asks; it holds no connection."""
    name = f"t-bar-{change}"
    context, fingerprint = door.files.terminal(name)
    code = f"grant.{change}"
    if change == "fingerprint":
        door.house.grant(name, fingerprint="cd" * 32)
    elif change != "none":
        door.house.grant(name, fingerprint=fingerprint, state=GrantState(change))
    line = door.line(context)
    eventually("the grant is followed", lambda: scan(line, name)[1]["code"] == code)
    line.close()
    line.connect()
    assert ended_within(line, 5.0)
    line.close()


def test_an_idle_connection_ends_with_its_grant(door: TerminalDoor) -> None:
    """Within seconds, though nothing is asked on it; the next one is told why."""
    context, fingerprint = door.files.terminal("t-bar-1")
    door.house.grant("t-bar-1", fingerprint=fingerprint)
    line = door.line(context)
    eventually("the grant is followed", lambda: lets_scan(line, "t-bar-1"))
    door.house.grant("t-bar-1", fingerprint=fingerprint, state=GrantState.REVOKED)
    assert ended_within(line, 6.0)
    line.close()
    assert scan(line, "t-bar-1") == (403, problem(403, "grant.revoked"))
    line.close()
