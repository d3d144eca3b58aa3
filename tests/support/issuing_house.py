"""A centre whose shelf the real issuing process fills, for tests."""

import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.support.centre import (
    ADMIN_KEY,
    Answer,
    Centre,
    Process,
    ask,
    centre,
    free_ports,
    trust_source,
)
from tests.support.centre import api_keys as keys_of_tests
from tests.support.changes import CHANGE_KEY
from tests.support.keys import BUNDLE, ISSUER, STATUS
from tests.support.verifier_process import BOOKING_KEY
from verifier.codes.city import decode
from verifier.contract.cbor import encode
from verifier.contract.holder import HolderDoor, HolderRequest, Purpose
from verifier.issuing.holder import ask as ask_issuer
from verifier.issuing.holder import possess
from verifier.issuing.issuer import static_text
from verifier.issuing.signing_key import SigningKey

REFERENCE_KEY = bytes(range(32))
BY_APPOINTMENT = """
place = "metro-1"
stance = "closed"
formats = ["CC1"]
static = true
colours = ["green"]
appointment = "required"
early_minutes = 10
late_minutes = 5
[use]
scope = "place"
once_for = 600
"""
METRO = """
place = "metro-1"
stance = "closed"
formats = ["CC1"]
kinds = ["personal", "group"]
static = true
colours = ["green"]
[use]
scope = "place"
once_for = 600
"""


@dataclass(frozen=True, slots=True)
class IssuingHouse:
    """A centre whose shelf the issuing process fills."""

    centre: Centre
    issuing: Process
    profiles: Path

    def ask(self, path: str, body: Any, **given: Any) -> Answer:
        """Ask the issuing process."""
        return ask(self.issuing.port, "POST", path, body, **{"key": ADMIN_KEY} | given)

    def get(self, path: str, *, key: str = ADMIN_KEY) -> Answer:
        """Ask the issuing process for something."""
        return ask(self.issuing.port, "GET", path, key=key)

    def issue(self, **body: Any) -> dict[str, Any]:
        """Issue a credential."""
        answer = self.ask("/v1/credentials", {"kind": "personal", "hours": 24} | body)
        assert answer.status == 201, answer.body
        issued: dict[str, Any] = answer.body
        return issued

    def book(self, *book: Mapping[str, Any], cancel: Sequence[str] = (), **given: Any) -> Answer:
        """Book and cancel appointments, as the booking system of the place."""
        body = {"place": "metro-1", "book": list(book), "cancel": list(cancel)}
        return self.ask("/v1/appointments", body, **{"key": BOOKING_KEY} | given)

    def challenge(self, **body: Any) -> dict[str, Any]:
        """Have a challenge given out."""
        answer = self.ask("/v1/challenges", body)
        assert answer.status == 201, answer.body
        given: dict[str, Any] = answer.body
        return given

    def bound(self, key: SigningKey, **body: Any) -> dict[str, Any]:
        """Return what a request for a phone's credential says, with the key's possession."""
        proxy = body.get("form") == "proxy"
        purpose = Purpose.PROXY if proxy else Purpose.PHONE
        given = self.challenge(purpose=purpose, person=body.get("person"))
        shown = possess(
            key,
            issuer=given["iss"],
            challenge=bytes.fromhex(given["challenge"]),
            purpose=purpose,
        )
        return {
            "kind": "personal",
            "hours": 24,
            "holder": b64encode(encode(key.confirmation)).decode(),
            "challenge": given["challenge"],
            "possession": b64encode(shown).decode(),
        } | body

    def issue_to(self, key: SigningKey, **body: Any) -> dict[str, Any]:
        """Issue a credential to a phone."""
        return self.issue(**self.bound(key, **body))

    def holder(self, door: HolderDoor, credential: str, key: SigningKey, **changes: Any) -> Answer:
        """Ask as the holder of a credential, now, with a nonce of its own."""
        claims = decode(static_text(b64decode(credential))).claims()
        asked = HolderRequest(
            door=door,
            iss="440100",
            list=1,
            credential=claims.credential or 0,
            iat=int(time.time()),
            nonce=secrets.token_bytes(16),
            request=secrets.token_bytes(16),
        )
        signed = ask_issuer(msgspec.structs.replace(asked, **changes), key)
        return self.holder_body(door, credential, signed)

    def holder_body(self, door: HolderDoor, credential: str, signed: bytes) -> Answer:
        """Send what a holder has signed."""
        body = {"credential": credential, "request": b64encode(signed).decode()}
        return self.ask(f"/v1/holder/{door}", body, key=None)

    def reason_of(self, text: str) -> str | None:
        """Return why a text does not pass."""
        found: str | None = self.centre.scan(text).body.get("reason")
        return found


@contextmanager
def issuing_house(profile: str = METRO, **changes: Any) -> Iterator[IssuingHouse]:
    """Run an issuing process and a worker; `profile` is that of the one place.

    `changes` are settings of the issuing process.
    """
    with centre() as it:
        with it.redis.client() as client:
            client.delete(*client.keys("v:bundle*"))
        profiles = it.folder / "profiles"
        profiles.mkdir()
        (profiles / "metro-1.toml").write_text(profile)
        issuing = it.process("issuing", "issuing", *_settings(it, profiles, **changes), start=True)
        it.worker()
        yield IssuingHouse(it, issuing, profiles)


def _settings(it: Centre, profiles: Path, **changes: Any) -> tuple[dict[str, Any], int]:
    folder = it.folder
    for name, key in (("issuer", ISSUER), ("status", STATUS), ("bundle", BUNDLE)):
        (folder / f"{name}.pem").write_bytes(key.to_pem())
    (folder / "reference.key").write_bytes(REFERENCE_KEY)
    (folder / "changes.key").write_bytes(CHANGE_KEY)
    source = trust_source()
    first = msgspec.structs.replace(source.keys[0], uses=("credential", "roster"))
    source = msgspec.structs.replace(source, keys=(first, *source.keys[1:]))
    (folder / "trust.json").write_bytes(msgspec.json.encode(source))
    (port,) = free_ports(1)
    settings = {
        "redis": it.redis_settings("issuing"),
        "service": {"host": "127.0.0.1", "port": port},
        "api_keys": keys_of_tests(),
        "issuer": "440100",
        "list": 1,
        "people": 65_536,
        "credentials": 65_536,
        "issuer_key": str(folder / "issuer.pem"),
        "status_key": str(folder / "status.pem"),
        "bundle_key": str(folder / "bundle.pem"),
        "reference_key": str(folder / "reference.key"),
        "root": str(folder / "root.cbor"),
        "trust": str(folder / "trust.json"),
        "profiles": str(profiles),
        "rules": str(folder / "rules"),
        "cards": str(folder / "cards"),
        "person_keys": str(folder / "person-hash"),
        "audit": str(folder / "audit"),
        "destructions": str(folder / "destructions"),
        "change_key": str(folder / "changes.key"),
        "sources": str(folder / "sources"),
        "signed": str(folder / "signed"),
    }
    return settings | changes, port
