"""Root's part of a house that root started: it keeps the configuration, and nothing else.

A process of its own, forked before `up` gives root up. It owns a folder below /run (mode 0750, the
account's group), writes into it what `up` sends over their line (files of mode 0640), and empties
it when the line ends, however `up` ended. No child has the line. The kernel confines it too: it can
write in that folder alone, and signals nobody.
"""

import fcntl
import os
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.account import Account
from deploy.local.child import Writing
from deploy.local.confinement import restrict, ruleset
from deploy.local.data import write_file
from deploy.local.errors import LocalError
from deploy.local.house import KeptConfiguration

ROOT: Final = Path("/run/kapok")
"""Of the machine; in memory, so nothing is left after a crash of it."""
MAX_BYTES: Final = 1024 * 1024
"""Of one file; settings of a process have some kilobytes."""
MAX_FILES: Final = 1024
"""Of one house: two for each of its processes, some hundred."""
ANSWER_S: Final = 5.0
"""Seconds to write a file into memory."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}/[a-z0-9][a-z0-9-]{0,63}\.(json|conf|acl)")
"""A folder for each process, a file in it."""
_FOLDER_MODE: Final = 0o2750
"""With the group of the folder above for what is made in it."""
_FILE_MODE: Final = 0o640
_LENGTH_BYTES: Final = 4


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    content: bytes


def start(account: Account) -> KeptConfiguration | None:
    """Fork root's part; called by root, before it becomes the account. None: there is no /run.

    The line stays open over an exec.
    """
    try:
        ROOT.mkdir(mode=0o755, exist_ok=True)
        ROOT.chmod(0o755)  # whatever the umask said
        with _locked(ROOT):  # two starts: one must not sweep what the other is making
            _sweep()
            folder = Path(tempfile.mkdtemp(prefix="house-", dir=ROOT))
            os.chown(folder, -1, account.gid)
            folder.chmod(_FOLDER_MODE)
            lock = _lock(folder)
    except OSError:
        return None
    ours, its = socket.socketpair()
    if os.fork() == 0:  # the lock is the fork's too, and ends with it
        ours.close()
        try:
            _keep(folder, its)
        finally:
            os._exit(0)
    its.close()
    os.close(lock)
    line = ours.detach()
    os.set_inheritable(line, True)
    return KeptConfiguration(folder=str(folder), line=line)


def ask(line: int, name: Path, content: bytes) -> None:
    """Have root's part write a file; returns when it is written.

    Raises:
        LocalError: it did not.
    """
    with socket.socket(fileno=os.dup(line)) as sent:
        sent.settimeout(ANSWER_S)
        message = msgspec.msgpack.encode(_File(name=str(name), content=content))
        try:
            sent.sendall(len(message).to_bytes(_LENGTH_BYTES) + message)
            answer = sent.recv(200).decode()
        except OSError as error:
            answer = error.strerror or type(error).__name__
    if answer != "written":
        raise LocalError(f"root's part did not write the configuration {name}: {answer or 'gone'}")


def _sweep() -> None:
    """Remove the folders of houses that are over; one that lives is locked."""
    for folder in ROOT.iterdir():
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        except BlockingIOError:
            continue
        finally:
            os.close(opened)


def _keep(folder: Path, line: socket.socket) -> None:
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when the line does
    os.umask(0o027)
    quiet = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(quiet, standard)
    with ruleset(Path("/nonexistent"), (), {folder: Writing.KEEP}) as rules:
        restrict(rules)
    try:
        _serve(folder, line)
    finally:
        for path in folder.iterdir():
            shutil.rmtree(path, ignore_errors=True)


def _lock(folder: Path) -> int:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(opened, fcntl.LOCK_EX)
    return opened


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = _lock(folder)
    try:
        yield
    finally:
        os.close(opened)


def _serve(folder: Path, line: socket.socket) -> None:
    names: set[str] = set()
    with line, line.makefile("rb") as sent:
        while head := sent.read(_LENGTH_BYTES):
            length = int.from_bytes(head)
            if length > MAX_BYTES:
                return
            answer = "written"
            try:
                file = msgspec.msgpack.decode(sent.read(length), type=_File)
                names.add(file.name)
                if not _NAME.fullmatch(file.name) or len(names) > MAX_FILES:
                    return
                _write(folder / file.name, file.content)
            except msgspec.DecodeError:
                return
            except OSError as error:
                answer = error.strerror or type(error).__name__
            line.sendall(answer.encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o750, exist_ok=True)
    write_file(path, content, mode=_FILE_MODE, synced=False)
