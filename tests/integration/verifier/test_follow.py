"""What a worker follows: bundles on the shelf, grants of the fleet; and what it refuses."""

import http.client
import json
import signal
import time
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.centre import ADMIN_KEY, ONCE, TERMINAL, Centre, centre, eventually, paper
from tests.support.fleet_process import API_KEY as FLEET_KEY
from tests.support.fleet_process import fleet_house
from tests.support.keys import GRANTS
from tests.support.uploads import decided, upload
from verifier.contract.bundle import Appointment
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome, Plane

persons = count(300)


def expected(person: int) -> Appointment:
    """Expect somebody from now on for an hour."""
    now = int(time.time())
    return Appointment(list=1, person=person, begins=now - 1, ends=now + 3600)


def version_of(house: Centre, name: str) -> int:
    """Return the version that the worker hands out."""
    bundles = house.ask("GET", "/v1/bundles", key=ADMIN_KEY).body["bundles"]
    return next((b["version"] for b in bundles if b["name"] == name), 0)


def refused(house: Centre, cause: str) -> bool:
    """Say whether the worker has counted a refusal of this cause."""
    text = house.ask("GET", "/metrics", key=None).body.decode()
    return f'verifier_bundles_refused_total{{cause="{cause}"' in text


def shelf(house: Centre, name: str) -> bytes:
    """Return the bytes that lie on the shelf."""
    with house.redis.client() as client:
        data: Any = client.get(f"v:bundle:{name}")
    return bytes(data)


def test_new_status_is_followed(  # a red person, then a revoked credential
) -> None:
    """Within a second, without a restart."""
    with centre() as house:
        house.worker()
        person = next(persons)
        house.publish_plane(Plane.HEALTH, {person: 3}, fill=1)
        eventually("version 2 is taken", lambda: version_of(house, "status-1-health") == 2)
        assert house.scan(paper(person)).body["reason"] == Reason.STATUS_RED
        house.publish_plane(Plane.REVOCATION, {person: 1})
        eventually("the revocation is taken", lambda: version_of(house, "status-1-revocation") == 2)
        assert house.scan(paper(person)).body["reason"] == Reason.STATUS_REVOKED


def test_an_older_bundle_is_refused(  # a rollback on the shelf
) -> None:
    """It is counted, logged once, and what was trusted stays in force."""
    with centre() as house:
        house.worker()
        old, person = shelf(house, "status-1-health"), next(persons)
        house.publish_plane(Plane.HEALTH, {person: 3}, fill=1)
        eventually("version 2 is taken", lambda: version_of(house, "status-1-health") == 2)
        house.publish("status-1-health", old, 1)
        eventually("the rollback is refused", lambda: refused(house, "rollback"))
        assert version_of(house, "status-1-health") == 2
        assert house.scan(paper(person)).body["reason"] == Reason.STATUS_RED


def test_a_store_set_back_brings_no_old_bundle_back(tmp_path: Path) -> None:
    """The floors are kept beside the store: a new worker does not take what an old one passed."""
    with centre() as house:
        floors = str(tmp_path / "floors.json")
        first, person = house.worker(floors=floors), next(persons)
        old = shelf(house, "status-1-health")
        house.publish_plane(Plane.HEALTH, {person: 3}, fill=1)
        eventually("version 2 is taken", lambda: version_of(house, "status-1-health") == 2)
        assert first.stop() == 0
        house.publish("status-1-health", old, 1)
        house.worker("worker-1", floors=floors)
        eventually("the rollback is refused", lambda: refused(house, "rollback"))
        assert house.scan(paper(person)).body["decision"] != Outcome.PASS


def test_a_bundle_that_nobody_trusted_signed_is_refused() -> None:
    """Profiles with a flipped bit, trust that is none: the worker goes on as it was."""
    with centre() as house:
        house.worker()
        profiles = bytearray(shelf(house, "profiles"))
        profiles[-1] ^= 1
        house.publish("profiles", bytes(profiles), 2)
        eventually("the flipped bit is refused", lambda: refused(house, "signature"))
        house.publish("trust", b"nonsense", 2)
        eventually("the nonsense is refused", lambda: refused(house, "malformed"))
        assert version_of(house, "profiles") == version_of(house, "trust") == 1
        assert house.scan(paper(next(persons))).body["decision"] == Outcome.PASS


def test_new_profiles_change_what_is_asked() -> None:
    """Paper is no longer taken."""
    with centre() as house:
        house.worker()
        text = paper(next(persons))
        house.publish_profiles(dict(ONCE) | {"static": False})
        eventually("version 2 is taken", lambda: version_of(house, "profiles") == 2)
        assert house.scan(text).body["reason"] == Reason.PLACE_STATIC


def test_appointments_are_followed() -> None:
    """Of a place each its own: one that lies under another place's name is refused."""
    asking = dict(ONCE) | {"kinds": ["personal"], "appointment": "required"}
    with centre((asking,)) as house:
        house.worker()
        person, place = next(persons), str(ONCE["place"])
        assert house.scan(paper(person)).body["reason"] == Reason.RULE_UNKNOWN
        house.publish_appointments("elsewhere-1", expected(person))
        house.publish(f"appointments-{place}", shelf(house, "appointments-elsewhere-1"), 1)
        eventually("it is refused", lambda: refused(house, "malformed"))
        assert house.scan(paper(person)).body["reason"] == Reason.RULE_UNKNOWN
        house.publish_appointments(place, expected(person))
        eventually(
            "it is followed", lambda: house.scan(paper(person)).body["decision"] == Outcome.PASS
        )
        stranger = paper(next(persons))
        other = house.scan(stranger).body
        assert (other["decision"], other["reason"]) == (Outcome.DENY, Reason.PLACE_APPOINTMENT)
        # The terminal's pass may be of a bundle that was in force then: it contradicts nothing.
        assert "incident" not in upload(house, decided(stranger))[0]


def test_trust_that_expired_while_loaded_leads_to_the_stance() -> None:
    """A restart of the worker too: what was in force stays loaded."""
    with centre((dict(ONCE) | {"stance": "open"},)) as house:
        house.publish_trust(expires_in=-1)
        worker = house.worker()
        answer = house.scan(paper(next(persons))).body
        assert (answer["decision"], answer["reason"]) == (Outcome.PASS, Reason.TRUST_STALE)
        codes = [found["code"] for found in worker.readiness().body["warnings"]]
        assert "trust.expired" in codes


def test_grants_come_from_the_fleet_and_are_kept() -> None:
    """A long poll; a revocation takes effect at once; a start without the fleet knows them."""
    with (
        centre((dict(ONCE) | {"place": "hall"},)) as house,
        fleet_house([TERMINAL], start=False) as f,
    ):
        with house.redis.client() as client:
            client.delete("v:grants")
        (f.folder / "grant.pem").write_bytes(GRANTS.to_pem())
        f.fleet.start()
        key_file = house.folder / "fleet.key"
        key_file.write_text(FLEET_KEY)
        house.fleet = {
            "url": f"http://127.0.0.1:{f.fleet.port}",
            "api_key_file": str(key_file),
        }
        worker = house.worker()
        eventually(
            "the grant is followed",
            lambda: house.scan(paper(next(persons))).body.get("decision") == Outcome.PASS,
        )
        f.write_registry(states={TERMINAL: "revoked"})
        f.fleet.signal(signal.SIGHUP)
        eventually(
            "the revocation is followed",
            lambda: house.scan(paper(next(persons))).body.get("code") == "grant.revoked",
            within=5,
        )
        f.fleet.kill()
        worker.stop()
        worker.start()
        assert house.scan(paper(next(persons))).body["code"] == "grant.revoked"
        warned = [found["code"] for found in worker.readiness().body["warnings"]]
        assert "fleet.silent" in warned


def test_a_worker_that_is_stopped_answers_what_it_has() -> None:
    """SIGTERM with open keep-alive connections: a clean exit within five seconds."""
    with centre() as house:
        worker = house.worker()
        lines = [http.client.HTTPConnection("127.0.0.1", house.port) for _ in range(5)]
        for line in lines:
            line.request("GET", "/healthz")
            assert json.loads(line.getresponse().read()) == {"status": "ok"}
        assert worker.stop() == 0
        for line in lines:
            line.close()
