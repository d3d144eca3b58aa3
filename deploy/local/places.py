"""The demo city's places, profiles and terminals of a first start; a terminal's own certificate.

The registry (places.toml) and the profiles are files that an administrator edits afterwards; they
are written once. A terminal's key and certificate lie in its own folder; past two thirds of its
life the certificate is made anew at a start, and the registry is told its new fingerprint.
"""

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from deploy.local.certificates import issued_here, load_authority
from deploy.local.data import write_file
from fleet import identity
from fleet.contract.topics import TerminalId

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


def make_profiles(data: Path) -> None:
    """Copy the demo profiles that are not there yet."""
    for source in sorted(PROFILES.glob("*.toml")):
        target = data / "profiles" / source.name
        if not target.exists():
            write_file(target, source.read_bytes())


def make_terminals(data: Path) -> None:
    """Make the demo terminals' certificates and the registry that knows them."""
    registry = data / "places.toml"
    if registry.exists():
        return
    fingerprints = {terminal.name: _issue(data, terminal.name) for terminal in DEMO}
    write_file(registry, _registry(fingerprints).encode())


def renew_terminals(data: Path) -> None:
    """Renew the certificates of demo terminals: old ones, lost ones, those of a CA that was.

    A terminal that the registry names no longer gets none.
    """
    registry = data / "places.toml"
    for terminal in DEMO:
        before = _registered(data, terminal.name).get("fingerprint")
        if not isinstance(before, str) or not _due(data, terminal.name):
            continue
        after = _issue(data, terminal.name)
        text = registry.read_text(encoding="utf-8").replace(before, after)
        write_file(registry, text.encode())


def registered_generation(data: Path, name: str) -> int:
    """Return the generation of a terminal's identity, as the registry has it."""
    found = _registered(data, name).get("generation", 1)
    return found if isinstance(found, int) else 1


def _registered(data: Path, name: str) -> Mapping[str, object]:
    """Return what the registry says of a terminal: nothing where it does not name it, or fails."""
    try:
        text = (data / "places.toml").read_text(encoding="utf-8")
        rows = tomllib.loads(text).get("terminal", ())
        return next((row for row in rows if row.get("id") == name), {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError, TypeError):
        return {}  # the fleet says what is wrong with it


def _due(data: Path, name: str) -> bool:
    folder = data / "terminals" / name
    if not (folder / "cert.pem").exists() or not (folder / "key.pem").exists():
        return True
    certificate = identity.load_certificate((folder / "cert.pem").read_bytes())
    trusts = (folder / "ca.pem").read_bytes() == (data / "keys" / "service-ca.crt.pem").read_bytes()
    fresh = datetime.now(UTC) < identity.renew_after(certificate)
    return not (fresh and trusts and issued_here(data, "terminal-ca", certificate))


def _issue(data: Path, name: str) -> str:
    """Make a terminal's key and certificate; return the fingerprint."""
    folder = data / "terminals" / name
    (folder / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
    key = identity.make_key()
    authority = load_authority(data, "terminal-ca")
    now = datetime.now(UTC)
    certificate = authority.terminal_certificate(TerminalId(name), key.public_key(), now)
    service_ca = (data / "keys" / "service-ca.crt.pem").read_bytes()
    write_file(folder / "key.pem", identity.private_pem(key))
    write_file(folder / "ca.pem", service_ca)
    write_file(folder / "cert.pem", identity.certificate_pem(certificate))
    return identity.fingerprint(certificate)


def _registry(fingerprints: dict[str, str]) -> str:
    blocks = ['[[district]]\nid = "tianhe"\nname = "天河区"\n']
    blocks += [
        f'[[place]]\nid = "{terminal.place}"\nname = "{terminal.place_name}"\n'
        f'district = "tianhe"\n\n[[place.gate]]\nid = "{terminal.gate}"\ndirection = "in"\n'
        for terminal in DEMO
    ]
    blocks += [
        f'[[terminal]]\nid = "{terminal.name}"\nplace = "{terminal.place}"\n'
        f'gate = "{terminal.gate}"\nfingerprint = "{fingerprints[terminal.name]}"\n'
        for terminal in DEMO
    ]
    return "\n".join(blocks)
