"""The script `kapok`, run for real: its checks, its refusals, and one whole set-up."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy.local.placement import PACKAGES

CLONE = Path(__file__).resolve().parents[2]
SET_UP_DEADLINE_S = 600
SECOND_START_S = 5.0
"""What the second start may take; it takes half a second."""
TOOLS = (
    *("sh", "env", "readlink", "dirname", "cat", "id", "sed", "sha256sum", "cut", "mkdir", "flock"),
    *("rm", "mv", "tr", "ldconfig", "mosquitto", "getent", "useradd"),
)
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def clone() -> Iterator[Path]:
    """Copy the clone without its environment into a closed folder with a space in its name."""
    with tempfile.TemporaryDirectory(prefix="kapok c ") as name:
        folder = Path(name) / "my clone"
        folder.mkdir()
        for file in ("kapok", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
            shutil.copy2(CLONE / file, folder)
        for package in PACKAGES:
            if (CLONE / package).exists():
                shutil.copytree(
                    CLONE / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
                )
        yield folder


@pytest.fixture
def bare() -> Iterator[Path]:
    """Make a PATH that has the tools of any Unix, but neither apt-get nor redis-server nor sudo."""
    with tempfile.TemporaryDirectory(prefix="kapok-p-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for tool in TOOLS:
            found = shutil.which(tool, path=os.defpath + ":/usr/sbin:/sbin")
            if found:
                (folder / tool).symlink_to(found)
        yield folder


def run(
    clone: Path, *arguments: str, env: Mapping[str, str] | None = None, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the clone's script from another folder."""
    return subprocess.run(
        [*before, str(clone / "kapok"), *arguments],
        cwd="/",
        env=dict(os.environ) | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SET_UP_DEADLINE_S,
        check=False,
    )


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_every_shell_can_read_the_script(shell: str) -> None:
    """POSIX sh: no shell complains."""
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    subprocess.run([shell, "-n", str(CLONE / "kapok")], check=True)


def test_a_machine_without_apt_is_told_what_to_install(clone: Path, bare: Path) -> None:
    """Exit code 2, the missing packages named, nothing made."""
    done = run(clone, "version", env={"PATH": str(bare)})
    assert done.returncode == 2
    assert "redis-server" in done.stderr
    assert "libzbar0" not in done.stderr
    assert not (clone / ".venv").exists()


@AS_ROOT
def test_a_user_without_sudo_is_told_what_to_install(clone: Path, bare: Path) -> None:
    """Exit code 2 although apt-get is there; it is not called."""
    called = bare / "called"
    (bare / "apt-get").write_text(f'#!/bin/sh\necho called >"{called}"\n')
    (bare / "apt-get").chmod(0o755)
    _open_to_all(clone)
    before = (shutil.which(NOBODY[0]) or NOBODY[0], *NOBODY[1:])
    done = run(clone, "version", env={"PATH": str(bare)}, before=before)
    assert done.returncode == 2
    assert "redis-server" in done.stderr
    assert not called.exists()


def test_an_apt_that_fails_ends_with_the_names(clone: Path, bare: Path) -> None:
    """Exit code 2; every command was printed before it ran."""
    if os.geteuid() != 0:
        pytest.skip("asks for root")
    (bare / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    (bare / "apt-get").chmod(0o755)
    done = run(clone, "version", env={"PATH": str(bare)})
    assert done.returncode == 2
    assert "+ env DEBIAN_FRONTEND=noninteractive apt-get" in done.stderr
    assert done.stderr.splitlines()[-1].endswith("redis-server")
    assert not (clone / ".kapok" / "stop-daemons").exists()


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.14"])
def test_another_python_is_refused(clone: Path, tmp_path: Path, version: str) -> None:
    """Exit code 2, the version named, nothing made."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\ncase "$*" in *version_info*) echo {version} ;; esac\n')
    python.chmod(0o755)
    script = clone / "kapok"
    script.write_text(script.read_text().replace("python=/usr/bin/python3", f"python={python}"))
    done = run(clone, "version")
    assert done.returncode == 2
    assert version in done.stderr
    assert not (clone / ".venv").exists()


def test_a_clone_is_set_up_once(clone: Path) -> None:
    """Installs from the lock, survives an interruption, then needs no network and no time."""
    (clone / ".venv" / "bin").mkdir(parents=True)  # what an interrupted set-up leaves
    (clone / ".venv" / "bin" / "python").symlink_to("/bin/false")
    first, second = (
        subprocess.Popen(
            [str(clone / "kapok"), "version"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    )
    told = [process.communicate(timeout=SET_UP_DEADLINE_S) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], told
    assert sum("pip install" in stderr for _, stderr in told) == 1
    assert all(stdout.startswith("kapok ") for stdout, _ in told)
    # A dead proxy is a network that is not there.
    dead = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    begun = time.monotonic()
    again = run(clone, "version", env=dead)
    assert time.monotonic() - begun < SECOND_START_S
    assert (again.returncode, again.stderr) == (0, "")
    if os.geteuid() == 0:
        _open_to_all(clone)
        clone.parent.chmod(0o755)
        unprivileged = run(clone, "version", env=dead, before=NOBODY)
        assert (unprivileged.returncode, unprivileged.stdout) == (0, again.stdout)
    moved = clone.with_name("moved")
    clone.rename(moved)
    # An environment cannot be moved: it is built anew, which here may fail for want of a network.
    assert "pip install" in run(moved, "version", env=dead | {"PIP_RETRIES": "0"}).stderr


def _open_to_all(clone: Path) -> None:
    clone.parent.chmod(0o755)
    clone.chmod(0o777)
