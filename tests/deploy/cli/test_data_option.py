"""Root's commands on a folder of another account: opened as that account, links lead nowhere."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from deploy.cli.app import build
from deploy.local.composition import HOUSE
from deploy.local.data import FOLDERS
from deploy.local.house import House, Ports, write_endpoints
from tests.support.command_line import Ran, kapok

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
OWNER: Final = 65_534
SECRET: Final = b"root's own secret 4711"
WATCHED: Final = frozenset(
    {
        *("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir"),
        *("os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate", "os.utime"),
    }
)
"""Events of Python's audit hook whose first argument is a path."""
SAMPLES: Final[dict[tuple[str, ...], object]] = {
    ("day",): "2026-11-25",
    ("proposal",): "0" * 32,
    ("plane",): "test",
    ("role",): "grant",
    ("name",): "hall-1",
    ("child",): "kid",
    ("to",): "red",
    ("person",): "ling",
    ("text",): "a text",
    ("reason",): "order",
    ("colour", "reject", "reason"): "unfounded",
    ("destruction", "reject", "reason"): "unfounded",
    ("person", "reject", "reason"): "unfounded",
    ("person", "show", "reason"): "own_request",
    ("person", "erase", "reason"): "own_request",
    ("identity",): "document_seen",
}
"""What must be given, by the words of a command and the name of it; else a file of root's."""


class Watch:
    """Notes who opened what below a folder."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.as_root: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, given: tuple[Any, ...]) -> None:
        folder = self.folder
        if folder is None or event not in WATCHED or not given:
            return
        path = given[0]
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        below = isinstance(path, str | Path) and str(path).startswith(f"{folder}/")
        if below and (os.geteuid(), os.getuid()) != (OWNER, OWNER):
            self.as_root.append(f"{event} {path}")


WATCH: Final = Watch()


@contextmanager
def watched(folder: Path) -> Iterator[Watch]:
    """Watch a folder; a hook cannot be taken off, so there is one for all."""
    WATCH.folder, WATCH.as_root = folder, []
    try:
        yield WATCH
    finally:
        WATCH.folder = None


@pytest.fixture(scope="module")
def way() -> Iterator[Path]:
    """Return a folder that every account can enter, with a file that is root's alone."""
    with tempfile.TemporaryDirectory(prefix="kapok-r-") as folder:
        Path(folder).chmod(0o755)
        secret = Path(folder) / "secret"
        secret.write_bytes(SECRET)
        secret.chmod(0o600)
        yield Path(folder)


@pytest.fixture(scope="module")
def data(way: Path) -> Path:
    """Return a data folder of the owner's, as a first start leaves it; no house runs on it."""
    data = way / "data"
    for name in FOLDERS:
        (data / name).mkdir(parents=True, exist_ok=True)
    for seed in (*HOUSE.first_start, *HOUSE.every_start):
        seed.make(data)
    (data / "SCHEMA").write_text("3\n")
    house = House(
        data=data,
        code=Path(__file__).parents[3],
        sockets=way / "sockets",
        ports=Ports(**dict.fromkeys(Ports.__struct_fields__, 9)),
        python=Path(sys.executable),
        pythonpath="",
        own_ports=(9,),
    )
    write_endpoints(house)
    children = [{"name": "issuing", "pid": os.getppid(), "started": 0.0}]
    (data / "run" / "children.json").write_bytes(msgspec.json.encode(children))
    give(data)
    return data


@pytest.fixture(scope="module")
def planted(way: Path, data: Path) -> Path:
    """Return the same with every file a link to root's secret, as a child could leave it."""
    planted = way / "planted"
    shutil.copytree(data, planted)
    for path in [path for path in planted.rglob("*") if path.is_file()]:
        path.unlink()
        path.symlink_to(way / "secret")
    for name in ("log/issuing.log", "audit/issuing.ndjson", "audit/issuing.head", "lock"):
        if not (planted / name).is_symlink():
            (planted / name).symlink_to(way / "secret")
    give(planted)
    return planted


def give(folder: Path) -> None:
    """Give a folder and all in it to the owner."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, OWNER, OWNER, follow_symlinks=False)


def leaves(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command, by the words that call it."""
    for name in group.commands:
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from leaves(command, *path, name)
        else:
            yield (*path, name), command


COMMANDS: Final = {
    words: command
    for words, command in leaves(build())
    if any(parameter.name == "data" for parameter in command.params) and words != ("up",)
}
"""Every command that takes --data; `up` becomes the account for good before it opens anything."""


def call(words: tuple[str, ...], data: Path, way: Path) -> Ran:
    """Call a command on a data folder with whatever it must be given."""
    given: list[object] = []
    for parameter in COMMANDS[words].params:
        if not parameter.required:
            continue
        name = parameter.name
        value: object = SAMPLES.get((*words, name), SAMPLES.get((name,), way / "secret"))
        if name in ("out", "errors", "output"):
            value = way / f"{'-'.join(words)}-{data.name}-{name}"
        if parameter.param_type_name == "argument":
            given.append(value)
        else:
            given += [parameter.opts[0], value]
    return kapok(*words, *given, "--data", data)


@AS_ROOT
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_everything_in_the_folder_is_opened_as_its_owner(
    data: Path, way: Path, words: tuple[str, ...]
) -> None:
    """Whatever the command then says; and root is root again afterwards."""
    with watched(data) as watch:
        ran = call(words, data, way)
    assert watch.as_root == []
    assert (os.geteuid(), os.getuid(), os.getegid()) == (0, 0, 0)
    assert "Usage:" not in ran.err, ran.err


@AS_ROOT
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_links_in_the_folder_lead_root_nowhere(
    planted: Path, way: Path, words: tuple[str, ...]
) -> None:
    """What is root's alone is neither shown nor changed."""
    with watched(planted) as watch:
        ran = call(words, planted, way)
    assert watch.as_root == []
    assert SECRET.decode() not in ran.out + ran.err
    assert (way / "secret").read_bytes() == SECRET
    assert (way / "secret").stat().st_uid == 0
