"""Who reads which key, tried by real processes on a real data folder of a first start."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from deploy.local import refused_calls
from deploy.local.composition import HOUSE
from deploy.local.confinement import (
    Reach,
    gaps,
    reach,
    restrict,
    ruleset,
    supported,
)
from deploy.local.credentials import folders, hand_over
from deploy.local.data import FOLDERS
from deploy.local.holders import HOLDERS, NOBODY, secrets_of
from deploy.status.processes import kernel
from deploy.status.report import Level

needs_kernel = pytest.mark.skipif(not supported(), reason="this kernel has no Landlock")
PROBE = """
import json, sys
from pathlib import Path
may = []
for name in json.load(sys.stdin):
    try:
        open(name, "rb").close()
    except PermissionError:
        continue
    may.append(name)
json.dump(may, sys.stdout)
"""
ACTS = """
import json, os, sys
path, pid = sys.argv[1], int(sys.argv[2])
done = []
def attempt(name, act):
    try:
        act()
    except OSError:
        return
    done.append(name)
attempt("append", lambda: open(path, "ab").close())
attempt("cut", lambda: os.truncate(path, os.stat(path).st_size))
attempt("remove", lambda: os.unlink(path))
attempt("signal", lambda: os.kill(pid, 0))
json.dump(done, sys.stdout)
"""


PYTHON = (Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve())
"""What a process of these tests needs to run."""


def readable(data: Path, reads: Iterable[Path], files: Iterable[Path]) -> set[Path]:
    """Ask a confined process which of the files it can open."""
    with ruleset(data, (*reads, *PYTHON)) as rules:
        assert rules is not None
        answer = subprocess.run(
            [sys.executable, "-I", "-S", "-c", PROBE],
            input=json.dumps([str(path) for path in files]),
            capture_output=True,
            check=True,
            text=True,
            preexec_fn=lambda: restrict(rules),
        )
    return {Path(name) for name in json.loads(answer.stdout)}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder as a first start does, and a file in each folder that starts empty."""
    data = tmp_path_factory.mktemp("a house") / "data"
    for folder in FOLDERS:
        (data / folder).mkdir(parents=True, exist_ok=True)
    for seed in (*HOUSE.first_start, *HOUSE.every_start):
        seed.make(data)
    for name in ("keys/person-hash/2026-01-01.key", "redis/appendonly.aof", "keys/root.next.pem"):
        (data / name).write_bytes(b"secret")
    return data


def files_of(data: Path) -> list[Path]:
    """Return every file of the data folder."""
    return [path for path in data.rglob("*") if path.is_file()]


def secret_files(data: Path) -> list[Path]:
    """Return every file of the folders that hold secrets."""
    secret = ("keys", "terminals", "redis", "records")
    return [path for path in files_of(data) if path.relative_to(data).parts[0] in secret]


def rows_of(data: Path, path: Path) -> list[str]:
    """Return the rows of the table that name a file, itself or with its folder."""
    below = path.relative_to(data)
    return [
        pattern
        for pattern in HOLDERS
        if any(fnmatch(str(one), pattern) for one in (below, *below.parents))
    ]


@needs_kernel
def test_a_confined_process_reads_what_it_was_given_and_nothing_else(house: Path) -> None:
    """One folder of many, what every program needs, and no memory of another process."""
    plain = {Path("/dev/null"), Path("/etc/passwd")}
    files = [*files_of(house), *plain, Path(f"/proc/{os.getpid()}/mem")]
    given = {path for path in (house / "trust").iterdir() if path.is_file()}
    assert readable(house, [house / "trust"], files) == given | plain


@needs_kernel
@pytest.mark.parametrize("role", sorted({*frozenset().union(*HOLDERS.values()), "stranger"}))
def test_each_process_reads_its_rows_of_the_table(house: Path, role: str) -> None:
    """What a process can open is what the table says, file by file: in place, or as its copy."""
    files, handed = secret_files(house), house / "run" / "credentials" / role
    wanted = {path for path in files if any(role in HOLDERS[row] for row in rows_of(house, path))}
    hand_over(house, secrets_of(role), handed)
    reads = [handed, *folders(house, secrets_of(role))]
    found = readable(house, reads, (*files, *files_of(handed)))
    origins = {house / "keys" / path.relative_to(handed): path for path in found - set(files)}
    assert {path: copy.read_bytes() for path, copy in origins.items()} == {
        path: path.read_bytes() for path in wanted - found
    }
    assert (found & set(files)) | origins.keys() == wanted


@needs_kernel
@pytest.mark.parametrize("found", [Reach.FILES, Reach.WHOLE_FILES, Reach.SIGNALS])
def test_an_older_kernel_confines_less(
    house: Path, found: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing is refused by each; cutting a file short, and signals, by what came later."""
    if reach() < found:
        pytest.skip(f"this kernel's Landlock is older than version {found}")
    monkeypatch.setattr("deploy.local.confinement.reach", lambda: found)
    path = house / "trust" / "trust.json"
    with ruleset(house, [house / "trust", *PYTHON]) as rules:
        assert rules is not None
        answer = subprocess.run(
            [sys.executable, "-I", "-S", "-c", ACTS, str(path), str(os.getpid())],
            capture_output=True,
            check=True,
            text=True,
            preexec_fn=lambda: restrict(rules),
        )
    cut = [] if found >= Reach.WHOLE_FILES else ["cut"]
    signalled = [] if found >= Reach.SIGNALS else ["signal"]
    assert json.loads(answer.stdout) == [*cut, *signalled]


@pytest.mark.parametrize("found", Reach)
@pytest.mark.parametrize("filtered", [True, False])
def test_status_says_what_a_kernel_leaves_open(
    found: Reach,
    filtered: bool,  # noqa: FBT001 - a case of the table
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A kernel that confines nothing is a warning, one that confines in part a note."""
    monkeypatch.setattr("deploy.local.confinement.reach", lambda: found)
    monkeypatch.setattr("deploy.local.refused_calls.supported", lambda: filtered)
    levels = {Reach.NOTHING: [Level.WARNING], Reach.SIGNALS: []}
    wanted = [*levels.get(found, [Level.NOTE]), *([] if filtered else [Level.NOTE])]
    assert [row.level for row in kernel(gaps())] == wanted


def test_every_secret_has_one_row(house: Path) -> None:
    """A key that nobody decided on, or decided on twice, shows here."""
    found = {str(path.relative_to(house)): rows_of(house, path) for path in secret_files(house)}
    assert {name: rows for name, rows in found.items() if len(rows) != 1} == {}


def test_what_scans_signs_nothing() -> None:
    """Workers and terminals hold no key that signs credentials, status, trust or grants."""
    signing = ("root", "bundle", "issuer", "status", "grant")
    held = (*secrets_of("worker-0"), *secrets_of("hall-1"))
    assert not {name for name in signing for row in held if fnmatch(f"keys/{name}.pem", row)}


@pytest.mark.parametrize("name", ["root.pem", "service-ca.pem", "terminal-ca.pem"])
def test_the_root_and_the_authorities_are_nobodys(name: str) -> None:
    """They lie in the folder of a demo house, and no process of it may open them."""
    assert [roles for row, roles in HOLDERS.items() if fnmatch(f"keys/{name}", row)] == [NOBODY]


def test_the_document_has_every_key() -> None:
    """docs/keys.md names each row of the table but certificates, which are no secret."""
    text = (Path(__file__).parents[3] / "docs" / "keys.md").read_text(encoding="utf-8")
    rows = (row.removeprefix("keys/").replace(".*", ".") for row in HOLDERS if ".crt." not in row)
    folders = ("api/", "redis", "terminals/")
    assert not {row for row in rows if not row.startswith(folders) and f"`{row}" not in text}


@pytest.mark.skipif(not refused_calls.supported(), reason="no filter on this machine")
def test_the_filter_holds_without_landlock() -> None:
    """A kernel that has none still refuses what the filter names."""
    code = "import os; os.chmod('/dev/null', 0o666)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: restrict(None),
    )
    assert "PermissionError: [Errno 1]" in done.stderr
