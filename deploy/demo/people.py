"""The cast: people with phones or paper, and a forger. Plays phones; issues through the door."""

import base64
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.local.doors import Doors
from deploy.local.places import DEMO
from deploy.local.trust import ISSUER, LIST
from deploy.phones.acts import ALL_SECTORS
from deploy.phones.requests import ask_issuer, issue_to
from verifier.codes.city import PREFIX
from verifier.contract.holder import HolderDoor
from verifier.contract.vocabulary import Kind
from verifier.encoding import base45
from verifier.issuing import signing_key
from verifier.issuing.holder import CTI_BYTES, present, presentation_text
from verifier.issuing.issuer import Subject, make_credential, static_text
from verifier.issuing.signing_key import SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPhone:
    """A person's phone: a credential and the key it is bound to."""

    name: str
    person: int
    credential_index: int
    status_version: int
    """Version of the health snapshot that first knows the person."""
    credential: bytes
    key: SigningKey

    def show(self, *, ago: int = 0, audience: str | None = None) -> str:
        """Return the text of a code as shown now, or `ago` seconds ago: a screenshot."""
        cti = os.urandom(CTI_BYTES)
        now = int(time.time()) - ago
        shown = present(self.credential, key=self.key, now=now, cti=cti, audience=audience)
        return presentation_text(shown)


async def get_phone(
    doors: Doors,
    name: str,
    *,
    colour: str = "green",
    sectors: Mapping[str, int] | None = None,
    person: int | None = None,
) -> DemoPhone:
    """Have a credential issued to a phone: a new person's, or another of somebody known."""
    key = signing_key.generate()
    whose = {"colour": colour} if person is None else {"person": person}
    wanted = {"sectors": ALL_SECTORS if sectors is None else sectors, "hours": 24}
    answer = await issue_to(doors, key, wanted | whose)
    return DemoPhone(
        name=name,
        person=answer["person"],
        credential_index=answer["credential_index"],
        status_version=answer["status_version"],
        credential=base64.b64decode(answer["credential"]),
        key=key,
    )


async def get_paper(doors: Doors, *, person: int | None = None) -> str:
    """Have a paper code issued to a new person, or to somebody known; returns its text."""
    whose = {"colour": "green"} if person is None else {"person": person}
    wanted = {"kind": "personal", "holder": None, "sectors": ALL_SECTORS, "hours": 24}
    answer = await doors.issue(wanted | whose)
    return str(answer["text"])


async def report_lost(doors: Doors, lost: DemoPhone, *, by: DemoPhone) -> list[int]:
    """Report a phone lost from another one of the same person; returns what was revoked."""
    shown = (by.credential_index, by.credential)
    index = lost.credential_index
    answer = await ask_issuer(doors, HolderDoor.LOST, shown, by.key, lost=index)
    return [int(index) for index in answer["revoked"]]


async def get_group(doors: Doors, members: list[DemoPhone]) -> str:
    """Have a paper group code issued for people, known at every place; returns its text."""
    roster: list[dict[str, Any]] = [
        {"person": phone.person, "masked_name": phone.name[:1] + "*"} for phone in members
    ]
    answer = await doors.issue(
        {
            "kind": "group",
            "holder": None,
            "hours": 12,
            "roster": roster,
            "places": [terminal.place for terminal in DEMO],
        }
    )
    return str(answer["text"])


def forged() -> str:
    """Return a paper code that everything is right with, but for who signed it."""
    now = int(time.time())
    subject = Subject(kind=Kind.PERSONAL, list=LIST, person=1, credential=1, sectors={1: 0, 2: 0})
    credential = make_credential(
        subject, issuer=ISSUER, issued_at=now - 60, expires=now + 3600, key=signing_key.generate()
    )
    return static_text(credential)


def altered(text: str) -> str:
    """Return a code with one bit of its outermost signature changed."""
    data = bytearray(base45.decode(text[len(PREFIX) :]))
    data[-1] ^= 1
    return PREFIX + base45.encode(bytes(data))
