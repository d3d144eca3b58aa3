"""Settings files of this start: what each of our processes is told. Paths and ports, no secrets."""

from typing import Any

import msgspec

from deploy.local import configuration, operators
from deploy.local.holders import role_of
from deploy.local.house import API_KEY, House, endpoints
from deploy.local.lists import list_sizes
from deploy.local.passwords import api_key_entries
from deploy.local.places import DEMO, DemoTerminal, registered_generation, registry_file
from deploy.local.ports import LOOPBACK
from deploy.local.trust import ISSUER, LIST
from deploy.words.language import own_language
from verifier.contract.export import ExportField
from verifier.contract.vocabulary import Plane


def write_settings(house: House) -> None:
    """Write the settings of every process of the house."""
    for number, port in enumerate(house.own_ports):
        _write(house, f"worker-{number}", worker_settings(house, f"worker-{number}", port))
    _write(house, "issuing", _issuing(house))
    _write(house, "feeds", _feeds(house))
    _write(house, "archive", _archive(house))
    _write(house, "fleet", _fleet(house))
    for terminal in DEMO:
        _write(house, terminal.name, _terminal(house, terminal))


def _write(house: House, name: str, settings: dict[str, Any]) -> None:
    content = msgspec.json.format(msgspec.json.encode(settings))
    configuration.write(house, house.settings(name), content)


def _redis(house: House, child: str) -> dict[str, str]:
    user = role_of(child)
    return {
        "socket": str(house.redis_socket),
        "user": user,
        "password_file": str(house.credentials(child) / "redis" / f"{user}.key"),
    }


def _door(port: int, host: str = LOOPBACK) -> dict[str, Any]:
    return {"host": host, "port": port}


def _api_keys(house: House) -> list[Any]:
    return [msgspec.to_builtins(entry) for entry in api_key_entries(house.data)]


def worker_settings(house: House, name: str, own_port: int) -> dict[str, Any]:
    """Return the settings of a scan worker."""
    keys = house.credentials(name)
    return {
        "name": name,
        "redis": _redis(house, name),
        "service": _door(house.ports.verifier),
        "tls": {
            **_door(house.ports.verifier_tls, house.terminals_host),
            "certificate": str(keys / "verifier-https.crt.pem"),
            "key": str(keys / "verifier-https.pem"),
            "client_ca": str(keys / "terminal-ca.crt.pem"),
        },
        "own_port": own_port,
        "api_keys": _api_keys(house),
        "root": str(house.data / "trust" / "root.cbor"),
        "person_keys": str(house.keys / "person-hash"),
        "audit": str(house.audit(name)),
        "floors": str(house.floors),
        "fleet": {
            "url": endpoints(house).fleet_url,
            "api_key_file": str(keys / "api" / "verifier.key"),
        },
    }


def _issuing(house: House) -> dict[str, Any]:
    keys, sizes = house.credentials("issuing"), list_sizes(house.data)
    return {
        "redis": _redis(house, "issuing"),
        "service": _door(house.ports.issuing),
        "api_keys": _api_keys(house),
        "issuer": ISSUER,
        "list": LIST,
        "planes": list(Plane),
        "people": sizes.people,
        "credentials": sizes.credentials,
        "issuer_key": str(keys / "issuer.pem"),
        "status_key": str(keys / "status.pem"),
        "bundle_key": str(keys / "bundle.pem"),
        "reference_key": str(keys / "reference.key"),
        "root": str(house.data / "trust" / "root.cbor"),
        "trust": str(house.data / "trust" / "trust.json"),
        "profiles": str(house.data / "profiles"),
        "rules": str(house.data / "rules"),
        "audit": str(house.audit("issuing")),
        "cards": str(house.data / "cards"),
        "destructions": str(house.data / "destructions"),
        "person_keys": str(house.keys / "person-hash"),
        "floors": str(house.floors),
        "change_key": str(keys / "changes.key"),
        "sources": str(house.data / "feeds"),
        "signed": str(house.data / "signed"),
    }


def _feeds(house: House) -> dict[str, Any]:
    keys = house.credentials("feeds")
    return {
        "redis": _redis(house, "feeds"),
        "service": _door(house.ports.feeds),
        "api_keys": _api_keys(house),
        "list": LIST,
        "people": list_sizes(house.data).people,
        "sources": str(house.data / "feeds"),
        "spool": str(house.data / "feeds" / "spool"),
        "reference_key": str(keys / "reference.key"),
        "export_key": str(keys / "export.pem"),
        "audit": str(house.audit("feeds")),
        "exports": [{"caller": API_KEY, "fields": [str(field) for field in ExportField]}],
    }


def _archive(house: House) -> dict[str, Any]:
    return {
        "redis": _redis(house, "archive"),
        "service": _door(house.ports.archive),
        "api_keys": _api_keys(house),
        "records": str(house.data / "records"),
        "person_keys": str(house.keys / "person-hash"),
        "trust": str(house.data / "trust" / "trust.json"),
        "audit": str(house.audit("archive")),
    }


def _fleet(house: House) -> dict[str, Any]:
    keys = house.credentials("fleet")
    return {
        "redis": _redis(house, "fleet"),
        "mqtt": {
            **_door(house.ports.mqtt_service),
            "ca": str(keys / "service-ca.crt.pem"),
            "certificate": str(keys / "fleet-mqtt-client.crt.pem"),
            "key": str(keys / "fleet-mqtt-client.pem"),
        },
        "http": _door(house.ports.fleet),
        "api_keys": _api_keys(house),
        "registry": str(registry_file(house.data)),
        "grant_key": str(keys / "grant.pem"),
        "grant_floor": str(house.data / "grants" / "floor.json"),
        "operators": str(operators.operators_file(house.data)),
        "operator_key": str(keys / "operator.pem"),
        "audit": str(house.audit("fleet")),
        "verifier": {
            "url": endpoints(house).verifier_url,
            "api_key_file": str(keys / "api" / "fleet.key"),
        },
    }


def _terminal(house: House, terminal: DemoTerminal) -> dict[str, Any]:
    folder = house.data / "terminals" / terminal.name
    return {
        "terminal": terminal.name,
        "place": terminal.place,
        "gate": terminal.gate,
        "direction": "in",
        "language": own_language().value,
        "state": str(folder / "state"),
        "socket": str(house.terminal_socket(terminal.name)),
        "key": str(folder / "key.pem"),
        "certificate": str(folder / "cert.pem"),
        "generation": registered_generation(house.data, terminal.name),
        "root": str(house.data / "trust" / "root.cbor"),
        "verifier": {
            "url": endpoints(house).verifier_tls_url,
            "ca": str(folder / "ca.pem"),
        },
        "broker": {
            **_door(house.ports.mqtt, endpoints(house).mqtt_host),
            "ca": str(folder / "ca.pem"),
        },
    }
