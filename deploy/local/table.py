"""The table of children: every process of the house, in the order of its start.

Values only. A child's settings file is written before the table is read (`seed`), so that all that
stands here is how a process is called and how one knows that it is ready.
"""

import os
import sys
from pathlib import Path

from deploy.local import configuration, mosquitto, passwords, redis
from deploy.local.certificates import SUPERVISOR
from deploy.local.child import Child, Confinement, HttpReady, MqttReady, Ready, RedisReady
from deploy.local.holders import secrets_of
from deploy.local.house import TERMINALS, Endpoints, House, endpoints
from deploy.local.placement import PACKAGES
from deploy.local.ports import LOOPBACK
from deploy.local.readers import reads_of
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
    acl = house.configuration("redis") / "redis.acl"
    rows = redis.access_list(passwords.redis_passwords(house.data))
    configuration.write(house, acl, rows.encode())
    conf = house.configuration("redis") / "redis.conf"
    text = redis.configuration(socket=house.redis_socket, folder=house.data / "redis", acl=acl)
    configuration.write(house, conf, text.encode())
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
    conf = house.configuration("mosquitto") / "mosquitto.conf"
    configuration.write(house, conf, mosquitto.configuration(house).encode())
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
    """Return what a child reads, what it is handed and where it writes: its rows in the tables."""
    return Confinement(
        data=house.data,
        secrets=secrets_of(name),
        credentials=house.credentials(name),
        reads=(*_code(house), *reads_of(house, name)),
        writes=writes_of(house, name),
    )


def _code(house: House) -> tuple[Path, ...]:
    """Return the folders of our packages, of others' and of the interpreter: never a clone whole.

    The data folder may lie in the clone.
    """
    paths = (Path(path) for path in house.pythonpath.split(os.pathsep) if path)
    others = [path for path in paths if path.resolve() != house.code.resolve()]
    prefixes = (Path(sys.prefix), Path(sys.base_prefix), house.python.parent)
    own = [house.code / package for package in PACKAGES]
    return tuple(path.resolve() for path in (*own, *others, *prefixes))


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
