"""A centre whose shelf the real issuing process fills, for tests."""

from collections.abc import Iterator
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
from tests.support.keys import BUNDLE, ISSUER, STATUS

REFERENCE_KEY = bytes(range(32))
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

    def reason_of(self, text: str) -> str | None:
        """Return why a text does not pass."""
        found: str | None = self.centre.scan(text).body.get("reason")
        return found


@contextmanager
def issuing_house() -> Iterator[IssuingHouse]:
    """Run an issuing process and a worker."""
    with centre() as it:
        with it.redis.client() as client:
            client.delete(*client.keys("v:bundle*"))
        profiles = it.folder / "profiles"
        profiles.mkdir()
        (profiles / "metro-1.toml").write_text(METRO)
        issuing = it.process("issuing", "issuing", *_settings(it, profiles), start=True)
        it.worker()
        yield IssuingHouse(it, issuing, profiles)


def _settings(it: Centre, profiles: Path) -> tuple[dict[str, Any], int]:
    folder = it.folder
    for name, key in (("issuer", ISSUER), ("status", STATUS), ("bundle", BUNDLE)):
        (folder / f"{name}.pem").write_bytes(key.to_pem())
    (folder / "reference.key").write_bytes(REFERENCE_KEY)
    source = trust_source()
    first = msgspec.structs.replace(source.keys[0], uses=("credential", "roster"))
    source = msgspec.structs.replace(source, keys=(first, *source.keys[1:]))
    (folder / "trust.json").write_bytes(msgspec.json.encode(source))
    (port,) = free_ports(1)
    settings = {
        "redis": it.redis_settings(),
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
    }
    return settings, port
