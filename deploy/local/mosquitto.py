"""Our broker on this machine: which files its two doors use. The text comes from `fleet.broker`."""

from pathlib import Path

from deploy.local import certificates
from deploy.local.house import House
from deploy.local.ports import LOOPBACK
from fleet.broker import Listener, broker_conf
from runtime.tls import CIPHERS


def configuration(house: House) -> str:
    """Return the text of mosquitto.conf; the broker runs as the account that owns the keys."""
    keys = house.credentials("mosquitto")

    def listener(
        port: int, clients: Path, revoked: Path | None = None, host: str = LOOPBACK
    ) -> Listener:
        return Listener(
            host=host,
            port=port,
            client_ca=clients,
            certificate=keys / "broker.crt.pem",
            key=keys / "broker.pem",
            revoked=revoked,
        )

    return broker_conf(
        terminals=listener(
            house.ports.mqtt,
            keys / "terminal-ca.crt.pem",
            keys / certificates.REVOKED,
            house.terminals_host,
        ),
        services=listener(house.ports.mqtt_service, keys / "service-ca.crt.pem"),
        acl=house.code / "deploy" / "mosquitto" / "topics.acl",
        ciphers=CIPHERS,
    )
