"""What somebody does with a phone: get a code, renew it, report a loss, carry a child's code.

Every step is written to the phone's file before the next: whatever ends a command, the same command
again goes on from there.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.doors import Answer, Doors
from deploy.local.errors import AwayError, LocalError, UsageError
from deploy.phones.phone import (
    Card,
    PendingRenewal,
    Phone,
    card_of,
    load_key,
    read_phone,
    refuse_existing,
    write_phone,
)
from deploy.phones.requests import ask_issuer, issue_to
from verifier.contract.holder import NONCE_BYTES, HolderDoor
from verifier.contract.revocation import RevocationReason
from verifier.contract.vocabulary import Sector
from verifier.issuing import signing_key

ALL_SECTORS: Final = {sector.name.lower(): 0 for sector in Sector}
"""Everything that a code can be enabled for, in the ordinary class."""


async def new_phone(
    doors: Doors, path: Path, request: Mapping[str, Any], *, reference: str | None
) -> Phone:
    """Get a code on a new phone; of the person of a reference, where one is given.

    Raises:
        UsageError: there is a phone already.
        LocalError: refused.
    """
    refuse_existing(path)
    key = signing_key.generate()
    wanted = dict(request)
    if reference is not None:
        wanted["person"] = await _person(doors, reference, str(wanted.pop("colour")))
    phone = Phone(own=card_of(await issue_to(doors, key, wanted), key))
    write_phone(path, phone)
    return phone


async def _person(doors: Doors, reference: str, colour: str) -> int:
    answer = await doors.issuing("/v1/persons", {"reference": reference, "colour": colour})
    return int(answer["person"])


async def renew(doors: Doors, path: Path, *, new_key: bool) -> Phone:
    """Renew a phone's own card; what it carries follows to the key that the own one has.

    Raises:
        LocalError: refused.
    """
    phone = read_phone(path)
    if phone.own.pending is not None or not _others(phone):
        phone = await _renew_own(doors, path, phone, new_key=new_key)
    for name in _others(phone):
        card = phone.family[name]
        pending = card.pending or PendingRenewal(request=os.urandom(NONCE_BYTES), key=phone.own.key)
        phone = _with(phone, name, msgspec.structs.replace(card, pending=pending))
        write_phone(path, phone)
        phone = _with(phone, name, await _renewed(doors, phone.family[name], pending))
        write_phone(path, phone)
    return phone


async def _renew_own(doors: Doors, path: Path, phone: Phone, *, new_key: bool) -> Phone:
    own = phone.own
    pending = own.pending
    if pending is None:
        key = signing_key.generate().to_pem().decode() if new_key else own.key
        pending = PendingRenewal(request=os.urandom(NONCE_BYTES), key=key)
    # Written down first: if the answer is lost, the same request brings the same card.
    write_phone(path, _with(phone, None, msgspec.structs.replace(own, pending=pending)))
    try:
        phone = _with(phone, None, await _renewed(doors, own, pending))
    except AwayError:
        raise
    except LocalError:
        write_phone(path, phone)  # refused: nothing is pending
        raise
    write_phone(path, phone)
    return phone


async def _renewed(doors: Doors, card: Card, pending: PendingRenewal) -> Card:
    key, another = card.signing_key(), load_key(pending.key)
    answer = await ask_issuer(
        doors,
        HolderDoor.RENEW,
        (card.credential, card.signed),
        key,
        new_key=None if another.kid == key.kid else another,
        request=pending.request,
    )
    return card_of(answer, another)


def _others(phone: Phone) -> list[str]:
    """Return whose cards still have another key than the phone's own."""
    return [name for name, card in phone.family.items() if card.key != phone.own.key]


def _with(phone: Phone, name: str | None, card: Card) -> Phone:
    if name is None:
        return msgspec.structs.replace(phone, own=card)
    return msgspec.structs.replace(phone, family=phone.family | {name: card})


async def add_family(
    doors: Doors, path: Path, name: str, request: Mapping[str, Any], *, reference: str | None
) -> Phone:
    """Have a child's or elder's code bound to a phone; somebody new, or of a reference.

    Raises:
        UsageError: the phone carries somebody of that name.
        LocalError: refused; the ninth is.
    """
    phone = read_phone(path)
    if name in phone.family:
        raise UsageError(f"this phone carries a code of {name} already")
    colour = str(request.get("colour", "green"))
    # Somebody without a reference is known by this phone alone.
    known = reference or f"family of {phone.own.person}: {name}"
    wanted = {each: value for each, value in request.items() if each != "colour"} | {
        "person": await _person(doors, known, colour),
        "form": "proxy",
        "guardian": phone.own.person,
    }
    key = phone.own.signing_key()
    phone = _with(phone, name, card_of(await issue_to(doors, key, wanted), key))
    write_phone(path, phone)
    return phone


async def report_lost(doors: Doors, lost: Phone, reporter: Phone | None) -> list[int]:
    """Report a phone lost: from another one of the same person, or at a counter.

    Raises:
        LocalError: refused.
    """
    if reporter is None:
        body = {"credential": lost.own.credential, "reason": RevocationReason.LOST}
        answer = await doors.issuing(f"/v1/persons/{lost.own.person}/lost", body)
    else:
        answer = await _ask(doors, HolderDoor.LOST, reporter.own, lost=lost.own.credential)
    return [int(index) for index in answer["revoked"]]


async def list_held(doors: Doors, phone: Phone) -> Answer:
    """Return what the issuer says that the person holds.

    Raises:
        LocalError: refused.
    """
    return await _ask(doors, HolderDoor.LIST, phone.own)


async def emergency(doors: Doors, card: Card, *, hours: int) -> Answer:
    """Get a code of a few hours that needs no phone.

    Raises:
        LocalError: refused.
    """
    return await _ask(doors, HolderDoor.EMERGENCY, card, hours=hours)


async def _ask(doors: Doors, door: HolderDoor, card: Card, **said: Any) -> Answer:
    return await ask_issuer(doors, door, (card.credential, card.signed), card.signing_key(), **said)
