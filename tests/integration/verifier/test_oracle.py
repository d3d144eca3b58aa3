import base64
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.city import CTI, PERSON, City
from tests.support.keys import (
    BUNDLE,
    ISSUER,
    ISSUER_ED,
    PHONE,
    PHONE_ED,
    STATUS,
    STRANGER,
)
from tests.support.oracle import ENVIRONMENT, MARKER, Oracle, OracleError, oracle, oracle_python
from tests.support.publisher import DAY, EDITION, HOUR, ISSUER_ENTRY, NOW, entry
from verifier.contract.envelope import SignedUse, take_apart
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome, Plane
from verifier.encoding import base45
from verifier.issuing.signing_key import SigningKey

ISSUER_ED_ENTRY: Final = entry(
    ISSUER_ED, "credential", issuer="440100", lists=(1,), sectors=(1, 2, 3, 4)
)
P256: Final = City(trusted=ISSUER_ENTRY, issuer_key=ISSUER, phone=PHONE)
ED25519: Final = City(trusted=ISSUER_ED_ENTRY, issuer_key=ISSUER_ED, phone=PHONE_ED)
MIXED: Final = replace(ED25519, phone=PHONE)
CITIES: Final = {"P-256": P256, "Ed25519": ED25519, "both": MIXED}


@pytest.fixture(scope="module")
def asked() -> Iterator[Oracle]:
    """Yield a running oracle."""
    with oracle() as it:
        yield it


@pytest.fixture(params=CITIES)
def city(request: pytest.FixtureRequest) -> City:
    """Return a city of each algorithm, and of an issuer and a phone that differ."""
    return CITIES[request.param]


def public(*keys: SigningKey) -> list[str]:
    """Return public keys as PEM."""
    lines = (base64.b64encode(key.spki).decode() for key in keys)
    return [f"-----BEGIN PUBLIC KEY-----\n{line}\n-----END PUBLIC KEY-----\n" for line in lines]


def verified(asked: Oracle, data: bytes, key: SigningKey, use: SignedUse) -> dict[str, Any]:
    """Ask whether a signature holds for a use."""
    return asked.ask("verify", data=data.hex(), keys=public(key), aad=use.value)


def altered(data: bytes) -> Iterator[bytes]:
    """Yield copies of the bytes with one bit turned, of every byte."""
    for at in range(len(data)):
        yield data[:at] + bytes((data[at] ^ 1 << at % 8,)) + data[at + 1 :]


def order(city: City) -> dict[str, Any]:
    """Say what the oracle shall sign so that a city accepts it."""
    assert PERSON.sectors is not None
    return {
        "issuer": "440100",
        "iat": NOW - HOUR,
        "exp": NOW + DAY,
        "status": [PERSON.list, PERSON.person, PERSON.credential],
        "sectors": {str(number): value for number, value in PERSON.sectors.items()},
        "issuer_key": city.issuer_key.to_pem().decode(),
        "phone_key": None if city.phone is None else city.phone.to_pem().decode(),
        "shown_at": NOW - 2,
        "cti": CTI.hex(),
    }


def text(data: bytes) -> str:
    """Write bytes as the text of a code."""
    return "CC1:" + base45.encode(data)


def test_it_verifies_our_static_code(asked: Oracle, city: City) -> None:
    """Kid, signature and use; not for another use, nor by another key."""
    data = b"\xd2" + replace(city, phone=None).credential()
    key = city.issuer_key
    answer = verified(asked, data, key, SignedUse.CREDENTIAL)
    assert answer == {"kid": key.kid.hex(), "payload": take_apart(data).payload.hex()}
    assert verified(asked, data, key, SignedUse.PROOF)["refused"]
    assert verified(asked, data, STRANGER, SignedUse.CREDENTIAL)["refused"]


def test_it_verifies_our_presentation(asked: Oracle, city: City) -> None:
    """The issuer's signature inside and the phone's outside, and reads what we wrote."""
    answer = asked.ask(
        "verify_presentation", data=city.presentation().hex(), keys=public(city.issuer_key)
    )
    assert answer == {
        "issuer": "440100",
        "status": [PERSON.list, PERSON.person, PERSON.credential],
        "sectors": {str(number): value for number, value in (PERSON.sectors or {}).items()},
        "iat": NOW - 2,
        "cti": CTI.hex(),
    }


def test_it_refuses_a_presentation_of_another_phone(asked: Oracle, city: City) -> None:
    """The outer signature must be the holder's, the inner a trusted issuer's."""
    data = replace(city, shown_by=STRANGER).presentation()
    keys = public(city.issuer_key)
    assert asked.ask("verify_presentation", data=data.hex(), keys=keys)["refused"]
    data = city.presentation()
    assert asked.ask("verify_presentation", data=data.hex(), keys=public(STRANGER))["refused"]


def test_it_refuses_our_presentation_altered_in_any_byte(asked: Oracle) -> None:
    """No byte of a code is free."""
    keys = public(ISSUER)
    for data in altered(P256.presentation()):
        answer = asked.ask("verify_presentation", data=data.hex(), keys=keys)
        assert answer.get("refused"), data.hex()


@pytest.mark.parametrize(
    ("data", "key", "use"),
    [
        (EDITION.trust(), BUNDLE, SignedUse.BUNDLE),
        (EDITION.profiles(), BUNDLE, SignedUse.BUNDLE),
        (EDITION.status(Plane.HEALTH, 512, {7: 2}), STATUS, SignedUse.STATUS),
    ],
    ids=["trust", "profiles", "status"],
)
def test_it_verifies_our_envelopes(
    asked: Oracle, data: bytes, key: SigningKey, use: SignedUse
) -> None:
    """What the publisher signs, for its use alone."""
    answer = verified(asked, data, key, use)
    assert answer == {"kid": key.kid.hex(), "payload": take_apart(data).payload.hex()}
    assert verified(asked, data, key, SignedUse.ROSTER)["refused"]
    changed = bytearray(data)
    changed[40] ^= 1
    assert verified(asked, bytes(changed), key, use)["refused"]


def test_we_accept_the_static_code_it_signs(asked: Oracle, city: City) -> None:
    """Its CBOR, its kid, its signature."""
    signed = asked.ask("issue", **order(city) | {"phone_key": None})
    assert city.judge(text(bytes.fromhex(signed["data"]))).outcome is Outcome.PASS


def test_we_accept_the_presentation_it_signs(asked: Oracle, city: City) -> None:
    """A credential and a phone of somebody who has only read docs/cc1.md."""
    signed = asked.ask("show", **order(city))
    assert city.judge(text(bytes.fromhex(signed["data"]))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": NOW - 1}, Reason.TIME_EXPIRED),
        ({"shown_at": NOW - DAY}, Reason.PROOF_STALE),
        ({"issuer_key": STRANGER.to_pem().decode()}, Reason.TRUST_UNKNOWN_KEY),
    ],
    ids=["expired", "shown yesterday", "of a stranger"],
)
def test_we_refuse_what_it_signs_wrongly(
    asked: Oracle, city: City, changes: dict[str, Any], reason: Reason
) -> None:
    """For the same reason for which ours would be refused."""
    signed = asked.ask("show", **order(city) | changes)
    judged = city.judge(text(bytes.fromhex(signed["data"])))
    assert (judged.outcome, judged.reason) == (Outcome.DENY, reason)


def test_we_refuse_what_it_signs_altered_in_any_byte(asked: Oracle) -> None:
    """No byte of a code is free."""
    signed = bytes.fromhex(asked.ask("show", **order(P256))["data"])
    for data in altered(signed):
        assert P256.judge(text(data)).outcome is not Outcome.PASS, data.hex()


def test_its_environment_is_made_once(tmp_path: Path) -> None:
    """Two first uses at the same moment; one builds, both return it, and it stays."""
    (tmp_path / "requirements-oracle.lock").write_text("# nothing\n")
    with ThreadPoolExecutor() as pool:
        made = [task.result() for task in [pool.submit(oracle_python, tmp_path) for _ in "12"]]
    assert made == [tmp_path / ENVIRONMENT / "bin" / "python"] * 2
    assert {path.name for path in tmp_path.iterdir()} == {
        *(".kapok", ENVIRONMENT, "requirements-oracle.lock")
    }
    assert subprocess.run([made[0], "-I", "-c", "import pip"], check=False).returncode == 0
    before = (tmp_path / ENVIRONMENT / MARKER).stat().st_mtime_ns
    assert oracle_python(tmp_path) == made[0]
    assert (tmp_path / ENVIRONMENT / MARKER).stat().st_mtime_ns == before


def test_a_half_made_environment_is_none(tmp_path: Path) -> None:
    """What cannot be installed leaves no environment behind that a later run would take."""
    (tmp_path / "requirements-oracle.lock").write_text("no version, no hash\n")
    with pytest.raises(OracleError):
        oracle_python(tmp_path)
    assert not (tmp_path / ENVIRONMENT).exists()
