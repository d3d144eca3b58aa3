"""What a phone asks: a credential for its key at a counter, and what holders ask by themselves."""

import os
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

from deploy.local.doors import Answer, Doors
from deploy.local.trust import ISSUER, LIST
from verifier.contract.cbor import encode
from verifier.contract.holder import NONCE_BYTES, HolderDoor, HolderRequest, Purpose
from verifier.issuing.holder import ask, possess
from verifier.issuing.signing_key import SigningKey


async def issue_to(doors: Doors, key: SigningKey, request: Mapping[str, Any]) -> Answer:
    """Have a credential issued to a phone that is at hand: challenge, possession, credential.

    Raises:
        LocalError: refused.
    """
    purpose = Purpose.PROXY if request.get("form") == "proxy" else Purpose.PHONE
    wanted = {"purpose": purpose, "person": request.get("person")}
    given = await doors.issuing("/v1/challenges", wanted)
    challenge = str(given["challenge"])
    possession = possess(
        key, issuer=str(given["iss"]), challenge=bytes.fromhex(challenge), purpose=purpose
    )
    return await doors.issue(
        {
            "kind": "personal",
            **request,
            "holder": b64encode(encode(key.confirmation)).decode(),
            "challenge": challenge,
            "possession": b64encode(possession).decode(),
        }
    )


async def ask_issuer(
    doors: Doors,
    door: HolderDoor,
    credential: tuple[int, bytes],
    key: SigningKey,
    *,
    new_key: SigningKey | None = None,
    **said: Any,
) -> Answer:
    """Ask at a holder's door with a credential, (index, bytes), whose key is at hand.

    Raises:
        LocalError: refused.
    """
    index, signed = credential
    asked = HolderRequest(
        door=door,
        iss=ISSUER,
        list=LIST,
        credential=index,
        iat=int(time.time()),
        nonce=os.urandom(NONCE_BYTES),
    )
    if door in (HolderDoor.RENEW, HolderDoor.EMERGENCY):
        said.setdefault("request", os.urandom(NONCE_BYTES))
    if new_key is not None:
        said["holder"] = encode(new_key.confirmation)
        said["possession"] = possess(
            new_key, issuer=ISSUER, challenge=asked.nonce, purpose=Purpose.RENEWAL
        )
    request = ask(msgspec.structs.replace(asked, **said), key)
    body = {"credential": b64encode(signed).decode(), "request": b64encode(request).decode()}
    return await doors.issuing(f"/v1/holder/{door}", body)
