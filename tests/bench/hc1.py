"""Row core.hc1: an EU certificate, text to assessment with a real profile, against raw verifies.

Certificates of the usual size, each of another person, serial and signature; nothing remembered.
"""

import os
import random
import zlib
from typing import Any, Final

import cbor2

from tests.bench.codes import now
from tests.bench.core import raw_case
from tests.bench.rows import Case, emit, interleaved, progress
from tests.support.foreign import ANYTHING, taking
from verifier.codes.cose import to_be_signed
from verifier.contract.envelope import byte_string_head
from verifier.contract.grant import Grant
from verifier.contract.vocabulary import ApiScope, Direction, GrantState, Outcome
from verifier.encoding import base45
from verifier.engine import assess
from verifier.issuing import signing_key
from verifier.issuing.signing_key import SigningKey
from verifier.policy.profiles import check_profile, resolve
from verifier.policy.rules import RuleSet, read_rule
from verifier.status.plane import NO_STATUS
from verifier.steps.course import Clock
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.keys import KeyRing, TrustedKey, load_spki
from verifier.trust.known import Known
from verifier.trust.signers import Trust

COUNT: Final = 400
SIGNERS: Final = 250
"""Keys on the list; a country of the EU's list had two to fifteen, all together about 400."""
_YEAR: Final = 365 * 86_400
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _name(length: int) -> str:
    return "".join(random.choices(_LETTERS, k=length))


def _certificate(at: int, key: SigningKey, kid: bytes) -> str:
    names = {"fn": _name(9).title(), "fnt": _name(9), "gn": "Zoë " + _name(5), "gnt": _name(9)}
    entry: dict[str, Any] = {
        "tg": "840539006",
        "vp": "1119349007",
        "mp": "EU/1/20/1528",
        "ma": "ORG-100030215",
        "dn": 2,
        "sd": 2,
        "dt": f"2021-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
        "co": "AT",
        "is": "Ministry of Health, Austria",
        "ci": f"URN:UVCI:01:AT:{os.urandom(16).hex().upper()}#{_name(1)}",
    }
    born = f"{random.randint(1930, 2010)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    document = {"ver": "1.3.0", "nam": names, "dob": born, "v": [entry]}
    payload = cbor2.dumps(
        {4: at + _YEAR, 6: at - random.randint(1, _YEAR), 1: "AT", -260: {1: document}}
    )
    protected = b"\xa2\x01\x26\x04\x48" + kid
    signature = key.sign(to_be_signed(protected, payload))
    head, content = byte_string_head(len(protected)), byte_string_head(len(payload))
    signed = b"\xd2\x84" + head + protected + b"\xa0" + content + payload + b"\x58\x40" + signature
    return "HC1:" + base45.encode(zlib.compress(signed, 9))


def run() -> None:
    """Measure and print."""
    progress("hc1: issuing certificates")
    at, keys = now(), [signing_key.generate() for _ in range(SIGNERS)]
    ring = KeyRing(
        tuple(
            TrustedKey(
                kid=key.kid,
                key=load_spki(key.spki)[1],
                uses=frozenset({"credential", "vaccination", "test", "recovery"}),
                not_before=0,
                not_after=at + _YEAR,
                issuer="AT",
                lists=frozenset(),
                sectors=frozenset(),
                formats=frozenset({"HC1"}),
            )
            for key in keys
        )
    )
    trust = Trust(version=1, expires=at + _YEAR, ring=ring, sectors_enabled=frozenset())
    known, clock, nothing = (
        Known(trust=trust, status=NO_STATUS),
        Clock(now=at),
        VerifiedCredentials(0),
    )
    texts = [_certificate(at, key, key.kid) for key in random.choices(keys, k=COUNT)]
    asked = taking({"place": "hall-1", "stance": "closed"}, "HC1")
    profile = resolve(check_profile(asked), 1, RuleSet(read_rule(r.encode()) for r in ANYTHING))
    grant = Grant(
        terminal="hall-1-a",
        fingerprint="0" * 64,
        place="hall-1",
        gate="a",
        direction=Direction.IN,
        scopes=(ApiScope.SCAN,),
        state=GrantState.ACTIVE,
        version=1,
    )

    def judge(text: str) -> None:
        found = assess(text, known=known, profile=profile, grant=grant, clock=clock, seen=nothing)
        if found.outcome is not Outcome.PASS:
            raise ValueError(f"a certificate that must pass did not: {found.reason}")

    best = interleaved({"raw": raw_case(), "core.hc1": Case(call=judge, items=texts)})
    emit("raw", 1 / best["raw"], "verify/s")
    emit("core.hc1", 1 / best["core.hc1"], "code/s", ratio=best["raw"] / best["core.hc1"], to="raw")


if __name__ == "__main__":
    run()
