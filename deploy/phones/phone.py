"""A phone as a file, mode 0600: its own card and those it carries for others, each with its key.

On a real phone the key is made in hardware and never leaves it; here it lies in the file. A request
whose answer may be lost is written down before it is made, so that it can be made again.
"""

import os
import re
import time
from base64 import b64decode
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.account import as_caller, open_named
from deploy.local.data import FOLDER_MODE, write_file
from deploy.local.doors import Answer
from deploy.local.errors import UsageError
from verifier.contract.errors import MalformedError
from verifier.issuing import signing_key
from verifier.issuing.holder import CTI_BYTES, present, presentation_text
from verifier.issuing.signing_key import SigningKey

MAX_PHONE_BYTES: Final = 64 * 1024
"""Bytes; nine cards take 10 KB."""
FOLDER: Final = "phones"
_NAME: Final = re.compile(r"[\w-]{1,32}")


class PendingRenewal(msgspec.Struct, frozen=True, kw_only=True):
    """A renewal that was begun: its id, and the key that it is for."""

    request: bytes
    key: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A credential and the key that it is bound to."""

    person: int
    credential: int
    signed: bytes
    expires: int
    key: str
    """PEM."""
    pending: PendingRenewal | None = None

    def signing_key(self) -> SigningKey:
        """Return the key.

        Raises:
            UsageError: the file was damaged.
        """
        return load_key(self.key)

    def show(self, *, audience: str | None = None) -> str:
        """Return the text of the code as shown now."""
        shown = present(
            self.signed,
            key=self.signing_key(),
            now=int(time.time()),
            cti=os.urandom(CTI_BYTES),
            audience=audience,
        )
        return presentation_text(shown)

    def __repr__(self) -> str:
        return f"Card({self.credential})"


class Phone(msgspec.Struct, frozen=True, kw_only=True):
    """What a phone holds."""

    own: Card
    family: dict[str, Card] = {}
    """Name to the card that is carried for that person."""

    def card(self, name: str | None) -> Card:
        """Return the own card, or that of somebody whom the phone carries.

        Raises:
            UsageError: it carries nobody of that name.
        """
        if name is None:
            return self.own
        found = self.family.get(name)
        if found is None:
            raise UsageError(f"this phone carries no code of {name}")
        return found


def card_of(answer: Answer, key: SigningKey) -> Card:
    """Return the card that the issuer's answer makes."""
    return Card(
        person=int(answer["person"]),
        credential=int(answer["credential_index"]),
        signed=b64decode(answer["credential"]),
        expires=int(answer["expires"]),
        key=key.to_pem().decode(),
    )


def load_key(pem: str) -> SigningKey:
    """Load a key of a phone's file.

    Raises:
        UsageError: the file was damaged.
    """
    try:
        return signing_key.load(pem.encode())
    except MalformedError as error:
        raise UsageError("the phone's file holds a key that does not load") from error


def path_of(data: Path, name: str, given: Path | None) -> Path:
    """Return where a phone lies.

    Raises:
        UsageError: no name of one.
    """
    if given is not None:
        return given
    if not _NAME.fullmatch(name):
        raise UsageError("a phone's name has 1 to 32 letters, digits, _ and -")
    return data / FOLDER / f"{name}.json"


def refuse_existing(path: Path) -> None:
    """Refuse to write a new phone over another one.

    Raises:
        UsageError: there is one.
    """
    with as_caller(path):
        there = path.exists()
    if there:
        raise UsageError(f"there is a phone already: {path}")


def read_phone(path: Path) -> Phone:
    """Read a phone.

    Raises:
        UsageError: there is none, or its file does not hold.
    """
    try:
        with open_named(path) as file:
            return msgspec.json.decode(file.read(MAX_PHONE_BYTES), type=Phone)
    except OSError as error:
        raise UsageError(f"no phone {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path} is no phone: {error}") from error


def write_phone(path: Path, phone: Phone) -> None:
    """Write a phone whole or not at all.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        with as_caller(path):
            path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
            write_file(path, msgspec.json.format(msgspec.json.encode(phone)))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
