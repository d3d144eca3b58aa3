"""The table of children: every process of the house, in the order of its start.

Values only. A child's settings file is written before the table is read (`seed`), so that all that
stands here is how a process is called and how one knows that it is ready.
"""

import os
import sys
from pathlib import Path

from deploy.local import mosquitto, passwords, redis
from deploy.local.certificates import SUPERVISOR
from deploy.local.child import Child, Confinement, HttpReady, MqttReady, Ready, RedisReady
from deploy.local.data import write_file
from deploy.local.holders import secrets_of
from deploy.local.house import TERMINALS, Endpoints, House, endpoints
from deploy.local.ports import LOOPBACK
from deploy.local.store_users import LOADER
from deploy.local.writers import writes_of
from fleet.service.store import functions as fleet_functions
from verifier.service.store.library import LIBRARIES

STORE, ISSUING, WORKERS, FLEET, EDGE = range(5)
"""Stages: what a later one asks must already answer."""


def children(house: House) -> tuple[Child, ...]:
    """Return the house's processes; Redis's and the broker's configuration is written here."""
    return (
        redis_child(house),
        mosquitto_child(house),
        _service(house, "issuing", ISSUING, "verifier.service", "issuing"),
        *(
            _service(house, f"worker-{number}", WORKERS, "verifier.service", "worker")
            for number in range(len(house.own_ports))
        ),
        _service(house, "feeds", WORKERS, "verifier.service", "feeds"),
        _service(house, "archive", WORKERS, "verifier.service", "archive"),
        _service(house, "fleet", FLEET, "fleet.service"),
        *(_service(house, name, EDGE, "firmware_stubs.edge") for name in TERMINALS),
    )


def redis_child(house: House) -> Child:
    """Return our Redis, its configuration written."""
    conf, acl = house.run / "redis.conf", house.run / "redis.acl"
    write_file(acl, redis.access_list(passwords.redis_passwords(house.data)).encode())
    text = redis.configuration(socket=house.redis_socket, folder=house.data / "redis", acl=acl)
    write_file(conf, text.encode())
    return Child(
        name="redis",
        argv=("redis-server", str(conf)),
        env=house.environment("redis"),
        confinement=confinement(house, "redis"),
        stage=STORE,
        ready=RedisReady(
            socket=house.redis_socket,
            user=LOADER,
            password_file=house.redis_password(LOADER),
            libraries=LIBRARIES | fleet_functions.LIBRARIES,
        ),
    )


def mosquitto_child(house: House) -> Child:
    """Return our broker, its configuration written."""
    conf = house.run / "mosquitto.conf"
    write_file(conf, mosquitto.configuration(house).encode())
    return Child(
        name="mosquitto",
        argv=("mosquitto", "-c", str(conf)),
        env=house.environment("mosquitto"),
        confinement=confinement(house, "mosquitto"),
        stage=STORE,
        ready=broker_ready(house.data, endpoints(house)),
    )


def broker_ready(data: Path, where: Endpoints) -> MqttReady:
    """Return how the broker of a data folder is asked whether it works."""
    keys = data / "keys"
    return MqttReady(
        port=where.mqtt_service_port,
        doors=((where.mqtt_host, where.mqtt_port),),
        ca=keys / "service-ca.crt.pem",
        certificate=keys / f"{SUPERVISOR}.crt.pem",
        key=keys / f"{SUPERVISOR}.pem",
    )


def _service(house: House, name: str, stage: int, module: str, *arguments: str) -> Child:
    """Return one of our own processes: `python -m MODULE [ARGUMENT] --settings FILE`."""
    settings = str(house.settings(name))
    return Child(
        name=name,
        argv=(str(house.python), "-m", module, *arguments, "--settings", settings),
        env=house.environment(name),
        confinement=confinement(house, name),
        stage=stage,
        ready=_ready(house, name),
    )


def confinement(house: House, name: str) -> Confinement:
    """Return what a child may read of the keys and where it writes: its rows in the tables."""
    paths = (*house.pythonpath.split(os.pathsep), sys.prefix, sys.base_prefix)
    return Confinement(
        data=house.data,
        secrets=secrets_of(name),
        always=(house.code, *map(Path, paths)),
        writes=writes_of(house, name),
    )


def _ready(house: House, name: str) -> Ready:
    found = endpoints(house)
    if name in found.terminals:
        return HttpReady(url="http://terminal/state", socket=house.terminal_socket(name))
    url = {
        "issuing": found.issuing_url,
        "feeds": found.feeds_url,
        "archive": found.archive_url,
        "fleet": found.fleet_url,
    }.get(name)
    if url is None:  # a worker: the scan ports are shared, so each is asked at its own
        number = int(name.removeprefix("worker-"))
        url = f"http://{LOOPBACK}:{house.own_ports[number]}"
    return HttpReady(url=f"{url}/readyz")
