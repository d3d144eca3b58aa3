"""Rotation of a key: the new one beside the old, then in use, then alone.

    begin    the new key is made (`<name>.next.pem`) and named beside the old one: in the next root
             document (root, bundle) or in the trust source (the others)
    switch   the process signs with the new key (`<name>.pem`); the old one is kept (`.old.pem`)
    finish   the old one is named no longer, and its file is gone

Each step can be repeated when it was interrupted: key files are written before anything names
them, and dropped only once nothing does. A root key signs by hand, so it has nothing to switch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.data import write_file
from deploy.local.errors import UsageError
from deploy.local.trust import KEY_DAYS, ROOT_DAYS
from deploy.trust.store import key_path, read, read_key, read_source, root_path, write_source
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.errors import MalformedError
from verifier.errors import BundleRefused
from verifier.issuing import signing_key
from verifier.issuing.publisher import key_entry
from verifier.issuing.roots import signed, taken_after
from verifier.issuing.signing_key import SigningKey
from verifier.issuing.sources import with_key_beside, without_key
from verifier.trust.root import open_root_file

MAX_ROOT_BYTES: Final = 64 * 1024
"""Bytes of a root file."""
_DAY: Final = 86_400
_BACKDATE: Final = 300
"""Seconds: a terminal's clock may be behind when it meets the new key."""


class Role(StrEnum):
    """Keys that are rotated."""

    ROOT = "root"
    BUNDLE = "bundle"
    ISSUER = "issuer"
    STATUS = "status"
    GRANT = "grant"
    OPERATOR = "operator"
    EXPORT = "export"


IN_ROOT: Final = frozenset({Role.ROOT, Role.BUNDLE})
"""Named in the root document; the others in the trust source."""
SIGNED_BY: Final = {
    Role.BUNDLE: "issuing",
    Role.ISSUER: "issuing",
    Role.STATUS: "issuing",
    Role.GRANT: "fleet",
    Role.OPERATOR: "fleet",
    Role.EXPORT: "feeds",
}
"""The process that signs with the key, and must be started again to take the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a step did, and what has to hear of it."""

    lines: tuple[str, ...]
    reread: bool = False
    """The issuing process shall read source and root again."""
    restart: str | None = None
    """The process that shall be started again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One key of one data folder, with what signs roots and the time."""

    data: Path
    role: Role
    root_keys: tuple[SigningKey, ...]
    """Root keys given by hand; none: the one in the data folder."""
    now: int

    def begin(self) -> Done:
        """Make the new key and name it beside the old one."""
        if self._old.exists():
            raise UsageError(
                f"{self.role}: the rotation before this one is not finished; run --finish"
            )
        current = self._key()
        made = not self._next.exists()
        if made:
            write_file(self._next, signing_key.generate(current.algorithm).to_pem())
        new = read_key(self._next)
        named = self._name_beside(current, new)
        verb = "made" if made else "found"
        return Done(
            lines=(f"{self.role}: {verb} {self._next}, kid {new.kid.hex()}", *named), reread=True
        )

    def switch(self) -> Done:
        """Let the process sign with the new key."""
        if self.role is Role.ROOT:
            raise UsageError("no process signs with the root key; run --finish")
        if not self._next.exists():
            if self._old.exists():
                return Done(
                    lines=(f"{self.role}: the new key is in use already",),
                    restart=SIGNED_BY[self.role],
                )
            raise UsageError(f"{self.role}: no rotation has begun")
        current, new = self._key(), read_key(self._next)
        self._require_named(new)
        if current.kid != new.kid:
            write_file(self._old, current.to_pem())
        self._next.replace(self._current)
        return Done(
            lines=(f"{self.role}: kid {new.kid.hex()} signs from the next start on",),
            restart=SIGNED_BY[self.role],
        )

    def finish(self) -> Done:
        """Name the old key no longer, and drop its file."""
        if self.role is Role.ROOT:
            return self._finish_root()
        restart = None
        if self._next.exists():
            if self.role is Role.ISSUER:
                raise UsageError(
                    "issuer: codes are still signed with the old key; run --switch first, and"
                    " --finish once the codes it signed have ended"
                )
            self.switch()
            restart = SIGNED_BY[self.role]
        if not self._old.exists():
            raise UsageError(f"{self.role}: no rotation to finish")
        old, new = read_key(self._old), self._key()
        self._require_named(new)
        lines = self._name_alone(old, new)
        self._old.unlink()
        return Done(
            lines=(*lines, f"{self.role}: dropped {self._old.name}, kid {old.kid.hex()}"),
            reread=True,
            restart=restart,
        )

    @property
    def _current(self) -> Path:
        return key_path(self.data, self.role)

    @property
    def _next(self) -> Path:
        return key_path(self.data, f"{self.role}.next")

    @property
    def _old(self) -> Path:
        return key_path(self.data, f"{self.role}.old")

    def _key(self) -> SigningKey:
        return read_key(self._current)

    def _require_named(self, key: SigningKey) -> None:
        if self.role in IN_ROOT:
            there = any(entry.spki == key.spki for entry in self._root()[1].bundle_keys)
        else:
            there = any(entry.spki == key.spki for entry in read_source(self.data).keys)
        if not there:
            raise UsageError(f"{self.role}: the new key is not named yet; run without options")

    def _name_beside(self, old: SigningKey, new: SigningKey) -> tuple[str, ...]:
        if self.role in IN_ROOT:
            _, root = self._root()
            keys = root.root_keys if self.role is Role.ROOT else root.bundle_keys
            if any(entry.spki == new.spki for entry in keys):
                return (f"root {root.version} names both already",)
            both = (*keys, RootKey(spki=new.spki))
            return self._write_root(both, (new,) if self.role is Role.ROOT else ())
        source = read_source(self.data)
        entry = key_entry(
            new.spki,
            algorithm=new.algorithm,
            uses=(),
            not_before=self.now - _BACKDATE,
            expires=self.now + KEY_DAYS * _DAY,
        )
        try:
            after = with_key_beside(source, old.spki, entry)
        except (MalformedError, BundleRefused) as error:
            raise UsageError(f"{self.role}: {error}") from error
        if after is source:
            return ("the trust source names both already",)
        write_source(self.data, after)
        return ("the trust source names both",)

    def _name_alone(self, old: SigningKey, new: SigningKey) -> tuple[str, ...]:
        if self.role in IN_ROOT:
            _, root = self._root()
            keys = tuple(entry for entry in root.bundle_keys if entry.spki != old.spki)
            if len(keys) == len(root.bundle_keys):
                return (f"root {root.version} names only the new one already",)
            return self._write_root(keys, ())
        write_source(self.data, without_key(read_source(self.data), old.spki))
        return (f"the trust source names {new.kid.hex()} alone",)

    def _finish_root(self) -> Done:
        if not self._next.exists():
            raise UsageError("root: no rotation to finish")
        old, new = self._key(), read_key(self._next)
        _, root = self._root()
        if not any(entry.spki == new.spki for entry in root.root_keys):
            raise UsageError("root: the new key is not named yet; run without options")
        lines: tuple[str, ...] = ()
        keys = tuple(entry for entry in root.root_keys if entry.spki != old.spki)
        if len(keys) < len(root.root_keys):
            lines = self._write_root(keys, (new,))
        self._next.replace(self._current)
        return Done(
            lines=(*lines, f"root: dropped the key {old.kid.hex()}; {new.kid.hex()} is root.pem"),
            reread=True,
        )

    def _root(self) -> tuple[bytes, RootDocument]:
        content = read(root_path(self.data), MAX_ROOT_BYTES)
        try:
            return content, open_root_file(content)[0]
        except BundleRefused as error:
            raise UsageError(f"{root_path(self.data)}: {error}") from error

    def _write_root(self, keys: tuple[RootKey, ...], more: Sequence[SigningKey]) -> tuple[str, ...]:
        """Sign the next root with these root or bundle keys; the one before stays beside it."""
        before, root = self._root()
        signers = [*self._root_signers(), *more]
        changed = {"root_keys" if self.role is Role.ROOT else "bundle_keys": keys}
        after = msgspec.structs.replace(
            root,
            version=root.version + 1,
            iat=self.now,
            exp=self.now + ROOT_DAYS * _DAY,
            **changed,
        )
        try:
            content = signed(after, signers)
            taken_after(before, content, self.now)
        except (MalformedError, BundleRefused) as error:
            raise UsageError(f"root {after.version} would be refused: {error}") from error
        path = root_path(self.data)
        write_file(path.with_name(f"root-{root.version}.cbor"), before)
        write_file(path, content)
        return (f"root {after.version} names {len(keys)} {self._kind} keys",)

    @property
    def _kind(self) -> str:
        return "root" if self.role is Role.ROOT else "bundle"

    def _root_signers(self) -> tuple[SigningKey, ...]:
        if self.root_keys:
            return self.root_keys
        path = key_path(self.data, Role.ROOT)
        if not path.exists():
            raise UsageError(
                f"no root key in {path.parent}: name its files with --root-key, or sign where it"
                " is kept, with `kapok trust sign`"
            )
        return (read_key(path),)


def next_step(role: Role, *, begun: bool, switched: bool) -> str:
    """Say what comes next, and what to wait for."""
    command = f"`kapok trust rotate {role}"
    if begun and role is Role.ROOT:
        return f"next, once every terminal holds this root: {command} --finish`"
    if begun:
        held = "root" if role is Role.BUNDLE else "trust bundle"
        return f"next, once every terminal holds the new {held}: {command} --switch`"
    if switched and role is Role.ISSUER:
        return f"next, once all codes that the old key signed have ended: {command} --finish`"
    if switched:
        return f"next, once everything it signed was signed anew: {command} --finish`"
    return "finished; `kapok trust show` says what is trusted now"
