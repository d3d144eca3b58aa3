"""Loading a city into a real Redis: whole, once, and again after the store was killed half-way."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from deploy.city.folder import CityFolder, read_city
from deploy.city.loader import FILLED, LoadedCity, load_city, slots
from deploy.city.maker import make_city
from deploy.local.errors import UsageError
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.bulk import paper, send_batch
from tests.support.changes import CHANGE_KEY, change
from tests.support.issued import LIST_SIZE
from tests.support.issuing_house import IssuingHouse, issuing_house
from tests.support.redis_server import RedisServer, redis_server
from tests.support.verifier_process import eventually
from verifier.contract.reasons import Reason
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Colour, Plane
from verifier.issuing.persons import ReferenceKey
from verifier.service.issuing.settings import IssuingSettings
from verifier.service.store.persons import find_persons, keep_person
from verifier.service.store.planes import make_plane, read_value
from verifier.status.plane import BITS, PackedValues

PEOPLE = 200_000
SIZE = 262_144
KEY = bytes(range(32))
HEALTH = PlaneName(1, Plane.HEALTH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> CityFolder:
    """One city for the file."""
    path = tmp_path_factory.mktemp("cities") / "one"
    make_city(path, people=PEOPLE, size=SIZE, seed=3)
    return read_city(path)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityFolder:
    """One more, a tenth as large, which is loaded sooner."""
    path = tmp_path_factory.mktemp("towns") / "one"
    make_city(path, people=PEOPLE // 10, size=SIZE, seed=4)
    return read_city(path)


@pytest.fixture
def house(tmp_path: Path) -> Iterator["Bare"]:
    """Yield a store with three planes, and the files by which a load finds it."""
    with redis_server() as server:
        yield Bare(server, tmp_path)


def told(data: Path, settings: bytes) -> None:
    """Write what a start leaves: the issuing process's settings, and where they lie."""
    (data / "run" / "issuing").mkdir(parents=True)
    (data / "run" / "issuing" / "settings.json").write_bytes(settings)
    (data / "run" / "configuration").write_text(f"{data / 'run'}\n")


class Bare:
    """A store and its settings; no process of ours."""

    def __init__(self, server: RedisServer, data: Path) -> None:
        self.server = server
        self.data = data
        self.redis_settings = RedisSettings(
            socket=str(server.socket),
            user="issuing",
            password_file=str(server.password_file("issuing")),
        )
        (data / "reference.key").write_bytes(KEY)
        paths = {
            name: str(data / name)
            for name, kind in IssuingSettings.__annotations__.items()
            if kind in (str, "str")
        }
        settings: dict[str, Any] = {
            "redis": msgspec.to_builtins(self.redis_settings),
            "service": {"host": "127.0.0.1", "port": 1},
            "api_keys": [],
            "list": 1,
            "people": SIZE,
            "credentials": SIZE,
        }
        settings = paths | settings | {"issuer": "440100"}
        settings["reference_key"] = str(data / "reference.key")
        (data / "change_key").write_bytes(CHANGE_KEY)
        told(data, msgspec.json.encode(settings))
        asyncio.run(self.make_planes())

    async def make_planes(self) -> None:
        """Do what the issuing process does at its first start."""
        redis = open_store(self.redis_settings)
        for plane in (Plane.HEALTH, Plane.DOSES, Plane.TEST):
            await make_plane(redis, PlaneName(1, plane), SIZE)
        await redis.aclose()

    def load(self, folder: CityFolder, done: Callable[[int], None] = lambda _: None) -> LoadedCity:
        """Load a city as the command does."""
        call = load_city(self.data, folder, stage=lambda _name, _total: None, done=done)
        return asyncio.run(call)

    def ask(self, call: Callable[[Any], Any]) -> Any:
        """Ask the store by one coroutine."""

        async def asked() -> Any:
            redis = open_store(self.redis_settings)
            try:
                return await call(redis)
            finally:
                await redis.aclose()

        return asyncio.run(asked())


def values(house: Bare, plane: Plane) -> PackedValues:
    """Return a plane as it is in the store."""
    with house.server.client() as client:
        data: Any = client.get(f"v:{{status}}:plane:1:{plane}")
    return PackedValues(bits=BITS[plane], size=SIZE, data=data)


def assert_loaded(house: Bare, folder: CityFolder) -> None:
    """Everybody is there, once, with colour and doses; nobody else is."""
    persons = folder.column("persons").astype(np.int64)
    for plane, column in ((Plane.HEALTH, "colours"), (Plane.DOSES, "doses")):
        found = values(house, plane).many(np.arange(SIZE))
        wanted = np.zeros(SIZE, np.uint8)
        wanted[persons] = folder.column(column)
        assert (found == wanted).all()
    tested = values(house, Plane.TEST).many(persons)
    assert ((tested > 0) == (folder.column("tests") > 0)).all()
    key, rows = ReferenceKey(KEY), range(0, PEOPLE, 97)
    texts = folder.column("references")[rows].tolist()
    digests = [key.digest(text.decode()) for text in texts]
    assert house.ask(lambda redis: find_persons(redis, 1, digests)) == persons[rows].tolist()
    with house.server.client() as client:
        taken: Any = client.bitcount("v:taken:1:person")
        assert taken == PEOPLE
        count = client.eval(
            "local n = 0 for _, key in ipairs(redis.call('KEYS', 'v:person:1:*')) do"
            " n = n + redis.call('HLEN', key) end return n", 0,
        )  # fmt: skip
        assert count == PEOPLE
        marks: Any = client.xrange("v:{status}:changes:1:health")
        assert {fields.get(b"all") for _, fields in marks} == {b"1"}


def test_a_city_survives_a_store_that_is_killed_while_it_is_loaded(
    house: Bare, folder: CityFolder
) -> None:
    """Twice, among planes and among persons; it goes on, and everything is there once."""
    reached, kills = threading.Event(), []

    def kill_and_start() -> None:
        for _ in range(2):
            reached.wait()
            reached.clear()
            house.server.kill()
            kills.append(1)
            house.server.start()

    killer = threading.Thread(target=kill_and_start)
    killer.start()
    pieces = [0]

    def done(_: int) -> None:
        pieces[0] += 1
        if pieces[0] in (4, 15):
            reached.set()

    assert house.load(folder, done) == LoadedCity(planes=FILLED, others=0)
    killer.join()
    assert len(kills) == 2
    assert_loaded(house, folder)


def test_a_load_that_was_ended_goes_on_and_undoes_nothing(house: Bare, town: CityFolder) -> None:
    """A colour that changed since, and a second load, stand."""

    class Ended(Exception):  # noqa: N818 - as Ctrl-C
        pass

    pieces = [0]

    def end(_: int) -> None:
        pieces[0] += 1
        if pieces[0] == 5:
            raise Ended

    with pytest.raises(Ended):
        house.load(town, end)
    person = int(town.column("persons")[0])
    assert house.ask(lambda redis: change(redis, {HEALTH: [(person, 3)]}))
    house.load(town)
    house.load(town)
    assert house.ask(lambda redis: read_value(redis, HEALTH, [person])) == [3]


def test_who_was_issued_to_meanwhile_keeps_the_colour(house: Bare, town: CityFolder) -> None:
    """An index that is not the city's, in a byte that is loaded later."""
    city = set(town.column("persons").tolist())
    others = [index for index in range(SIZE) if index not in city][-50:]
    assert house.ask(lambda redis: change(redis, {HEALTH: [(index, 2) for index in others]}))
    house.load(town)
    assert house.ask(lambda redis: read_value(redis, HEALTH, others)) == [2] * len(others)


def test_a_reference_that_was_known_keeps_its_index(house: Bare, town: CityFolder) -> None:
    """Somebody was made known while the city was loaded; that is counted."""
    reference, person = town.column("references")[0].decode(), int(town.column("persons")[0])
    digest, other = ReferenceKey(KEY).digest(reference), (person + 1) % SIZE
    house.ask(lambda redis: keep_person(redis, 1, digest, other))
    assert house.load(town).others == 1
    assert house.ask(lambda redis: find_persons(redis, 1, [digest])) == [other]


def test_a_plane_that_the_house_does_not_keep_is_left_out(house: Bare, town: CityFolder) -> None:
    """Tests and doses are kept where they are asked for."""
    with house.server.client() as client:
        client.hdel("v:{status}:planes", "1:doses", "1:test")
    assert house.load(town).planes == (Plane.HEALTH,)
    assert not values(house, Plane.TEST).many(np.arange(SIZE)).any()


def test_a_list_in_which_somebody_has_an_index_is_refused(house: Bare, town: CityFolder) -> None:
    """The city's people would be mixed up with others; nothing is changed."""
    with house.server.client() as client:
        client.setbit("v:taken:1:person", int(town.column("persons")[0]), 1)
    with pytest.raises(UsageError):
        house.load(town)
    assert not values(house, Plane.HEALTH).many(np.arange(SIZE)).any()


def test_a_loaded_city_is_published_and_decides(tmp_path: Path) -> None:
    """The issuing process signs the planes anew, and a worker judges the city's people."""
    with issuing_house() as house:
        path = tmp_path / "city"
        make_city(path, people=LIST_SIZE // 8, size=LIST_SIZE, seed=5)
        city, data = read_city(path), house.centre.folder
        told(data, (data / "issuing.json").read_bytes())
        asyncio.run(load_city(data, city, stage=lambda _name, _total: None, done=lambda _: None))
        # Killed before it publishes: the mark waits for whoever comes after.
        house.issuing.kill()
        house.issuing.start()
        persons, colours = city.column("persons"), city.column("colours").tolist()
        for colour, reason in ((Colour.GREEN, None), (Colour.RED, Reason.STATUS_RED)):
            person = int(persons[colours.index(colour)])
            sheet = house.issue(holder=None, person=person)["text"]
            eventually(f"{colour} decides", partial(decides, house, sheet, reason), within=10)
        (row,) = send_batch(
            house.issuing.port, [paper(1, city.column("references")[0].decode())]
        ).issued
        assert (row.person, row.new) == (int(persons[0]), False)


def decides(house: IssuingHouse, text: str, reason: Reason | None) -> bool:
    """Say whether a worker decides by the person's colour; who has passed is known by then."""
    found = house.reason_of(text)
    return found == reason or (reason is None and found == Reason.USE_REPLAYED)


def test_a_house_that_is_too_small_is_refused(house: Bare, tmp_path: Path) -> None:
    """Indices beyond the list would be outside every plane."""
    path = tmp_path / "large"
    make_city(path, people=10, size=SIZE + 8, seed=1)
    with pytest.raises(UsageError):
        house.load(read_city(path))


def test_a_folder_without_a_house_is_refused(folder: CityFolder, tmp_path: Path) -> None:
    """There is nothing to load into."""
    with pytest.raises(UsageError):
        asyncio.run(load_city(tmp_path, folder, stage=lambda _a, _b: None, done=lambda _: None))


def test_slots_turn_and_never_read_as_no_test() -> None:
    """Whatever the hour, a test of now and one of 42 days ago are no zeros, and nothing stays 0."""
    ago = np.array([0, 1, 252], np.uint8)
    for hour in range(0, 24 * 90, 4):
        found = slots(ago, hour * 3600)
        assert found[0] == 0
        assert (found[1:] > 0).all()
        assert (int(found[1]) - int(found[2])) % 255 == 251
