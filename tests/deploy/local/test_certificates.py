"""What is made anew when it is taken away: CAs, certificates, terminals' identities, passwords."""

import asyncio
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local import certificates, passwords, places, renewal
from deploy.local.certificates import (
    REVOKED,
    is_revoked,
    issued_here,
    load_authority,
    make_authorities,
    renew_certificates,
    revoke_terminal,
)
from deploy.local.child import Child, Confinement, TcpReady
from deploy.local.data import FOLDERS
from deploy.local.errors import UsageError
from deploy.local.holders import BROKER, FLEET, secrets_of
from deploy.local.house import House, Ports
from deploy.local.renewal import CertificateRenewal
from fleet import identity
from fleet.contract.topics import TerminalId
from tests.support.house import wait_until


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data folder with CAs, certificates and terminals."""
    for name in FOLDERS:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    make_authorities(tmp_path)
    renew_certificates(tmp_path)
    places.make_terminals(tmp_path)
    return tmp_path


def start(data: Path) -> None:
    """Do what every start does."""
    make_authorities(data)
    renew_certificates(data)
    places.renew_terminals(data)


def contents(data: Path) -> dict[str, bytes]:
    """Return every key and certificate."""
    found = sorted(data.rglob("*.pem"))
    return {str(path.relative_to(data)): path.read_bytes() for path in found}


def registered(data: Path) -> dict[str, str]:
    """Return the fingerprints of the registry."""
    rows = tomllib.loads((data / "registry" / "places.toml").read_text())["terminal"]
    return {row["id"]: row["fingerprint"] for row in rows}


def held(path: Path) -> identity.Certificate:
    """Read a certificate."""
    return identity.load_certificate(path.read_bytes())


def test_a_start_changes_nothing_that_holds(data: Path) -> None:
    """Keys, certificates and registry stay to the byte, also while the CAs' keys are elsewhere."""
    for name in ("service-ca", "terminal-ca"):
        (data / "keys" / f"{name}.pem").unlink()
    before = contents(data), registered(data)
    start(data)
    assert (contents(data), registered(data)) == before


@pytest.mark.parametrize("taken", ["service-ca", "terminal-ca"])
def test_a_ca_that_is_taken_away_is_followed_by_all_it_signs(data: Path, taken: str) -> None:
    """Certificates are of the new one, terminals trust it, and the registry knows them."""
    before = registered(data)
    for path in (data / "keys").glob(f"{taken}*.pem"):
        path.unlink()
    start(data)
    assert issued_here(data, "service-ca", held(data / "keys" / "broker.crt.pem"))
    for name, fingerprint in registered(data).items():
        folder = data / "terminals" / name
        certificate = held(folder / "cert.pem")
        assert issued_here(data, "terminal-ca", certificate)
        assert fingerprint == identity.fingerprint(certificate) != before[name]
        assert (folder / "ca.pem").read_bytes() == (
            data / "keys" / "service-ca.crt.pem"
        ).read_bytes()


def test_the_certificate_of_a_ca_that_was_may_stand_behind_the_new_one(data: Path) -> None:
    """For as long as terminals elsewhere have theirs from it."""
    path = data / "keys" / "terminal-ca.crt.pem"
    old = path.read_bytes()
    for each in (data / "keys").glob("terminal-ca*.pem"):
        each.unlink()
    start(data)
    path.write_bytes(path.read_bytes() + old)
    before = contents(data)
    start(data)
    assert contents(data) == before


def test_a_terminal_that_is_replaced_has_a_new_identity(data: Path) -> None:
    """Its folder is gone: it gets another key under the next generation, which registry says."""
    before = registered(data)
    for path in (data / "terminals" / "hall-1").glob("*.pem"):
        path.unlink()
    start(data)
    after = registered(data)
    assert {name for name in before if before[name] != after[name]} == {"hall-1"}
    generations = [places.registered_generation(data, name) for name in ("hall-1", "transit-1")]
    assert generations == [2, 1]


def test_a_generation_that_is_raised_by_hand_is_followed(data: Path) -> None:
    """The next start makes its certificate, revokes the old one, and touches no other line."""
    registry = data / "registry" / "places.toml"
    old = held(data / "terminals" / "hall-1" / "cert.pem")
    text = registry.read_text().replace("generation = 1", "generation = 7  # stolen", 1)
    registry.write_text(text)
    start(data)
    new = held(data / "terminals" / "hall-1" / "cert.pem")
    assert [identity.common_name(each) for each in (old, new)] == ["hall-1.1", "hall-1.7"]
    assert (is_revoked(data, old), is_revoked(data, new)) == (True, False)
    rows = tomllib.loads(registry.read_text())["terminal"]
    assert [row["generation"] for row in rows] == [7, 1, 1]
    assert rows[0]["certificate_ends"] == new.not_valid_after_utc
    assert registry.read_text().count("\n") == text.count("\n")


@pytest.mark.parametrize("text", ["0", "1_000_000", "true", '"2"'])
def test_a_generation_that_is_none_is_left_alone(data: Path, text: str) -> None:
    """The fleet says what is wrong with it; no certificate is made of it."""
    registry = data / "registry" / "places.toml"
    registry.write_text(registry.read_text().replace("generation = 1", f"generation = {text}", 1))
    before = contents(data), registry.read_text()
    start(data)
    assert (contents(data), registry.read_text()) == before


def test_what_is_revoked_leaves_the_list_when_it_has_ended(data: Path) -> None:
    """A certificate lives for 90 days at most; the list does not grow for ever."""
    old, older = (held(data / "terminals" / name / "cert.pem") for name in ("hall-1", "transit-1"))
    now = datetime.now(UTC)
    authority = load_authority(data, "terminal-ca")
    before = {
        old.serial_number: now - timedelta(days=89),
        older.serial_number: now - timedelta(days=91),
    }
    crl = identity.crl_pem(authority.revocation_list(before, now))
    (data / "keys" / "terminal-ca.crl.pem").write_bytes(crl)
    revoke_terminal(data, held(data / "terminals" / "culture-1" / "cert.pem"))
    found = identity.revoked_in(
        (data / "keys" / "terminal-ca.crl.pem").read_bytes(), authority.certificate
    )
    assert found is not None
    assert (old.serial_number in found, older.serial_number in found) == (True, False)
    assert len(found) == 2


def test_what_a_clock_that_was_ahead_has_made_is_made_anew(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wrong minute renewed every certificate into a time to come, in which alone it holds."""
    other = held(data / "terminals" / "hall-1" / "cert.pem")
    ahead = datetime.now(UTC) + timedelta(days=80)
    with monkeypatch.context() as patch:
        for module in (certificates, places):
            patch.setattr(module, "now_utc", lambda: ahead)
        start(data)
        revoke_terminal(data, other)
    assert held(data / "keys" / "broker.crt.pem").not_valid_before_utc > datetime.now(UTC)
    start(data)
    found = [*(data / "keys").glob("*.crt.pem"), *data.glob("terminals/*/cert.pem")]
    assert len(found) > len(certificates.SERVERS)
    late = [path.name for path in found if held(path).not_valid_before_utc > datetime.now(UTC)]
    assert late == []
    assert identity.issued_at((data / "keys" / REVOKED).read_bytes()) < datetime.now(UTC)
    assert is_revoked(data, other)


def test_a_key_that_is_needed_and_elsewhere_is_named(data: Path) -> None:
    """A CA's key may be kept apart; a start that must sign says which one to put back."""
    (data / "keys" / "terminal-ca.pem").unlink()
    (data / "terminals" / "hall-1" / "ca.pem").write_bytes(b"another")
    with pytest.raises(UsageError, match=r"terminal-ca\.pem"):
        start(data)


def test_a_registry_that_does_not_hold_is_left_alone(data: Path) -> None:
    """The fleet says what is wrong with it; nothing is written over it here."""
    (data / "registry" / "places.toml").write_text("x = = 1")
    start(data)
    assert (data / "registry" / "places.toml").read_text() == "x = = 1"
    assert places.registered_generation(data, "hall-1") == 1


def test_passwords_that_are_taken_away_are_made_anew(tmp_path: Path) -> None:
    """Each alone; the others stay."""
    for name in FOLDERS:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    passwords.make_api_keys(tmp_path)
    passwords.make_redis_passwords(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.key")}
    taken = tmp_path / "keys" / "api" / "fleet.key"
    taken.unlink()
    passwords.make_api_keys(tmp_path)
    passwords.make_redis_passwords(tmp_path)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*.key")}
    assert {path for path in before if before[path] != after[path]} == {taken}


def renewing(data: Path, told: list[str], sent: list[str]) -> CertificateRenewal:
    """Return the renewals of a house on a data folder, whose children take each signal."""
    house = House(
        data=data,
        code=data,
        sockets=data,
        ports=Ports(),
        python=Path(sys.executable),
        pythonpath="",
        own_ports=(),
    )
    children = tuple(
        Child(
            name=name,
            argv=(),
            ready=TcpReady(ports=()),
            confinement=Confinement(
                data=data, secrets=secrets_of(name), credentials=house.credentials(name)
            ),
        )
        for name in (BROKER, FLEET)
    )
    return CertificateRenewal(
        house, children, tell=told.append, send=lambda name, _: not sent.append(name)
    )


def looked(data: Path, change: Callable[[], object]) -> tuple[list[str], list[str]]:
    """Let a house look, change something, let it look again; return what it said and whom it told.

    Told of the change alone: all were told of the first look, which handed everything over.
    """
    told: list[str] = []
    sent: list[str] = []

    async def scene() -> None:
        task = asyncio.create_task(renewing(data, told, sent).run())
        await asyncio.to_thread(wait_until, lambda: len(sent) >= 2, "the first look", 20)
        sent.clear()
        change()
        await asyncio.to_thread(wait_until, lambda: bool(sent and told), "the next look", 20)
        task.cancel()

    asyncio.run(scene())
    return told, sent


def test_a_certificate_that_cannot_be_renewed_holds_up_no_other(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is told of its new certificate though the terminals' CA is kept elsewhere."""
    monkeypatch.setattr(renewal, "LOOK_S", 0.02)

    def change() -> None:
        key = identity.make_key().public_key()
        made = datetime.now(UTC) - timedelta(days=70)
        due = load_authority(data, "terminal-ca").terminal_certificate(
            TerminalId("hall-1"), key, made
        )
        cert = data / "terminals" / "hall-1" / "cert.pem"
        cert.write_bytes(identity.certificate_pem(due))
        (data / "keys" / "terminal-ca.pem").unlink()
        (data / "keys" / "broker.crt.pem").unlink()

    told, sent = looked(data, change)
    assert (len(told), sent) == (1, [BROKER])
    assert "terminal-ca.pem" in told[0]


def test_a_revoked_terminal_is_shut_out_though_nothing_else_can_be_renewed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A servers' CA that is kept elsewhere does not keep a terminal off the CRL."""
    monkeypatch.setattr(renewal, "LOOK_S", 0.02)
    registry = places.registry_file(data)
    revoked = registry.read_text().replace('id = "hall-1"\n', 'id = "hall-1"\nstate = "revoked"\n')

    def change() -> None:
        (data / "keys" / "service-ca.pem").unlink()
        (data / "keys" / "verifier-https.crt.pem").unlink()
        registry.write_text(revoked)

    told, sent = looked(data, change)
    assert (len(told), sent) == (1, [BROKER])
    assert is_revoked(data, held(data / "terminals" / "hall-1" / "cert.pem"))
