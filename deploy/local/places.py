"""The demo city's places, profiles and terminals of a first start; a terminal's own certificate.

The registry (places.toml) and the profiles are files that an administrator edits afterwards; they
are written once. A terminal's key and certificate lie in its own folder; past two thirds of its
life the certificate is made anew at a start, and the registry is told of it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from deploy.local.certificates import (
    is_revoked,
    issued_here,
    load_authority,
    revoke_terminal,
)
from deploy.local.data import write_file
from fleet import identity
from fleet.contract.messages import MAX_GENERATION
from fleet.contract.topics import TerminalId, identity_name
from runtime.clock import now_utc
from verifier.contract.vocabulary import GrantState

PROFILES: Final = Path(__file__).resolve().parents[1] / "demo_city"


class DemoTerminal(NamedTuple):
    """A demo terminal and where it stands."""

    name: str
    place: str
    place_name: str
    gate: str


DEMO: Final = (
    DemoTerminal("hall-1", "gz-hall-01", "天河区政务服务大厅", "g1"),
    DemoTerminal("transit-1", "gz-metro-01", "地铁体育西路站", "a1"),
    DemoTerminal("culture-1", "gz-museum-01", "广东省博物馆", "north"),
)


def registry_file(data: Path) -> Path:
    """Return the file of the registry. Its folder is the fleet's to read, its file may be new."""
    return data / "registry" / "places.toml"


def make_profiles(data: Path) -> None:
    """Copy the demo profiles that are not there yet."""
    for source in sorted(PROFILES.glob("*.toml")):
        target = data / "profiles" / source.name
        if not target.exists():
            write_file(target, source.read_bytes())


def make_terminals(data: Path) -> None:
    """Make the demo terminals' certificates and the registry that knows them."""
    registry = registry_file(data)
    if registry.exists():
        return
    made = {terminal.name: _Identity.made(data, terminal.name, 1) for terminal in DEMO}
    write_file(registry, _registry(made).encode())
    for name, each in made.items():
        each.write(data, name)


def renew_terminals(data: Path) -> tuple[str, ...]:
    """Renew the certificates of demo terminals at a start; returns whose."""
    return tuple(renewed_terminals(data))


def renewed_terminals(data: Path, *, running: bool = False) -> Iterator[str]:
    """Renew the certificates of demo terminals: old ones, lost ones, those of a CA that was.

    Yields each terminal that has a new one, which the fleet must read from the registry. While the
    house is `running` only those are renewed that keep their generation: a terminal is told
    its own at its start.

    A terminal that the registry names no longer gets none, and one that it calls revoked has its
    certificate revoked at the broker too. The old certificate is revoked. One that is gone cannot
    be: then the generation rises, so that its key is another identity's.
    """
    registry = registry_file(data)
    for terminal in DEMO:
        row, held = _registered(data, terminal.name), _held(data, terminal.name)
        if row.get("state") == GrantState.REVOKED:
            if held is not None:
                revoke_terminal(data, held)
            continue
        generation, printed = _generation(row), isinstance(row.get("fingerprint"), str)
        if generation is None or not printed or not _due(data, terminal.name, held):
            continue
        if running and not _keeps(terminal.name, held, generation):
            continue
        generation = min(generation + (held is None), MAX_GENERATION)
        made = _Identity.made(data, terminal.name, generation)
        if held is not None:
            revoke_terminal(data, held)
        # The terminal's own files last: until they are there, it is due at the next start.
        text = _reregistered(registry.read_text(encoding="utf-8"), str(row["fingerprint"]), made)
        write_file(registry, text.encode())
        made.write(data, terminal.name)
        yield terminal.name


def registered_generation(data: Path, name: str) -> int:
    """Return the generation of a terminal's identity, as the registry has it."""
    return _generation(_registered(data, name)) or 1


def _generation(row: Mapping[str, object]) -> int | None:
    """Return what a row of the registry says; None: none that the fleet takes."""
    found = row.get("generation", 1)
    holds = type(found) is int and 1 <= found <= MAX_GENERATION
    return found if holds and isinstance(found, int) else None


def _registered(data: Path, name: str) -> Mapping[str, object]:
    """Return what the registry says of a terminal: nothing where it does not name it, or fails."""
    try:
        text = registry_file(data).read_text(encoding="utf-8")
        rows = tomllib.loads(text).get("terminal", ())
        return next((row for row in rows if row.get("id") == name), {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError):
        return {}  # the fleet says what is wrong with it


def _held(data: Path, name: str) -> identity.Certificate | None:
    """Return the certificate in a terminal's folder; None: there is none, or not its key."""
    folder = data / "terminals" / name
    if not (folder / "cert.pem").exists() or not (folder / "key.pem").exists():
        return None
    return identity.load_certificate((folder / "cert.pem").read_bytes())


def _keeps(name: str, held: identity.Certificate | None, generation: int) -> bool:
    named = None if held is None else identity.common_name(held)
    return named == identity_name(TerminalId(name), generation)


def _due(data: Path, name: str, held: identity.Certificate | None) -> bool:
    if held is None or is_revoked(data, held):
        return True
    own_ca, ca = data / "terminals" / name / "ca.pem", data / "keys" / "service-ca.crt.pem"
    trusts = own_ca.read_bytes() == ca.read_bytes()
    fresh = identity.is_fresh(held, now_utc())
    generation = registered_generation(data, name)
    named = _keeps(name, held, generation)
    return not (fresh and trusts and named and issued_here(data, "terminal-ca", held))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """A terminal's new key and certificate."""

    key: identity.PrivateKey
    certificate: identity.Certificate
    generation: int

    @classmethod
    def made(cls, data: Path, name: str, generation: int) -> "_Identity":
        """Make them; nothing is written."""
        key = identity.make_key()
        certificate = load_authority(data, "terminal-ca").terminal_certificate(
            TerminalId(name), key.public_key(), now_utc(), generation=generation
        )
        return cls(key=key, certificate=certificate, generation=generation)

    def write(self, data: Path, name: str) -> None:
        """Write them into the terminal's folder, with the CA that it trusts."""
        folder = data / "terminals" / name
        (folder / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
        service_ca = (data / "keys" / "service-ca.crt.pem").read_bytes()
        write_file(folder / "key.pem", identity.private_pem(self.key))
        write_file(folder / "ca.pem", service_ca)
        write_file(folder / "cert.pem", identity.certificate_pem(self.certificate))

    def registered(self) -> dict[str, str]:
        """Return what the registry says of it, as TOML values."""
        ends = self.certificate.not_valid_after_utc
        return {
            "fingerprint": f'"{identity.fingerprint(self.certificate)}"',
            "generation": str(self.generation),
            "certificate_ends": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def _reregistered(text: str, fingerprint: str, made: _Identity) -> str:
    """Return the registry with a terminal's new identity; all other lines stay as they are."""
    tables = re.split(r"(?m)^(?=[ \t]*\[)", text)
    return "".join(_renamed(table, made) if fingerprint in table else table for table in tables)


def _renamed(table: str, made: _Identity) -> str:
    for name, value in made.registered().items():
        line, pattern = f"{name} = {value}", rf"(?m)^[ \t]*{name}[ \t]*=.*$"
        if re.search(pattern, table) is None:
            pattern, line = r"(?m)^([ \t]*fingerprint[ \t]*=.*)$", rf"\1\n{line}"
        table = re.sub(pattern, line, table)
    return table


def _registry(made: Mapping[str, _Identity]) -> str:
    blocks = ['[[district]]\nid = "tianhe"\nname = "天河区"\n']
    blocks += [
        f'[[place]]\nid = "{terminal.place}"\nname = "{terminal.place_name}"\n'
        f'district = "tianhe"\n\n[[place.gate]]\nid = "{terminal.gate}"\ndirection = "in"\n'
        for terminal in DEMO
    ]
    blocks += [
        f'[[terminal]]\nid = "{terminal.name}"\nplace = "{terminal.place}"\n'
        f'gate = "{terminal.gate}"\n'
        + "".join(f"{key} = {value}\n" for key, value in made[terminal.name].registered().items())
        for terminal in DEMO
    ]
    return "\n".join(blocks)
