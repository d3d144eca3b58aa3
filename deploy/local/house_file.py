"""<data>/house.toml: the one setting of a house that real devices reach (docs/runbook.md).

    terminals_host = "192.0.2.10"     where terminals reach this machine; 0.0.0.0 or :: all of it
    verifier_tls_port = 8443          and ports that stay, by the names of the options of `up`
    mqtt_port = 8883

Without the file every door is on loopback and every port a free one. Only the two doors for
terminals, which ask for a client's certificate, ever leave loopback. An option of `up` goes before
the file. Pure but for reading it.
"""

import ipaddress
import tomllib
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.account import acting_as_owner
from deploy.local.errors import UsageError
from deploy.local.house import Ports
from deploy.local.ports import LOOPBACK
from runtime.settings import Port

FILE: Final = "house.toml"
MAX_FILE_BYTES: Final = 64 * 1024
"""Bytes of the file; it has ten lines."""


class HouseFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file says; what it does not name is as without it."""

    terminals_host: str = LOOPBACK
    verifier_port: Port = 0
    verifier_tls_port: Port = 0
    issuing_port: Port = 0
    fleet_port: Port = 0
    mqtt_port: Port = 0
    mqtt_service_port: Port = 0
    archive_port: Port = 0
    feeds_port: Port = 0

    def ports(self, asked: Ports) -> Ports:
        """Return the ports that stay: those asked for, then the file's."""
        return Ports(
            **{
                name: getattr(asked, name) or getattr(self, f"{name}_port")
                for name in Ports.__struct_fields__
            }
        )


def read_house_file(data: Path) -> HouseFile:
    """Read the file of a data folder, as the folder's owner.

    Raises:
        UsageError: it cannot be read, or says what cannot be.
    """
    path = data / FILE
    try:
        with acting_as_owner(data), path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES).decode()
        found = msgspec.convert(tomllib.loads(text), HouseFile)
    except FileNotFoundError:
        return HouseFile()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path}: {error}") from error
    try:
        ipaddress.ip_address(found.terminals_host)
    except ValueError:
        raise UsageError(f"{path}: terminals_host is not an IP address of this machine") from None
    return found


def require_staying_ports(host: str, ports: Ports) -> None:
    """Refuse doors for other machines whose ports change from start to start.

    Raises:
        UsageError: a port of the terminals' doors is any free one.
    """
    if not ipaddress.ip_address(host).is_loopback and not (ports.verifier_tls and ports.mqtt):
        raise UsageError(
            f"{FILE}: terminals_host {host} needs verifier_tls_port and mqtt_port:"
            " a terminal's settings name both"
        )
