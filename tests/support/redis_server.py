"""A real redis-server for tests, set up as the product's: unix socket, ACL, fsync on each write.

Its users are the product's, with a password each; `admin` is the tests' own and may do everything.
Each start loads the product's functions, as the supervisor does. The folder is made with mode 755
so that a server that drops its rights can still enter it. Paths stay short: a unix socket's may not
exceed 107 bytes.
"""

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import redis

from deploy.local.store_users import USERS
from fleet.service.store import functions as fleet_functions
from verifier.service.store.library import LIBRARIES

START_DEADLINE_S: Final = 20.0
"""Seconds until a started server must answer; generous, machines are shared."""
POLL_S: Final = 0.02

DEFAULT_USER: Final = "user default off resetpass ~* &* +@all"
"""Nobody can be it, but it needs its rights: Redis 7.0 replays transactions and scripts of the
append-only file as the default user, and drops those that it may not do."""
DEFAULT_USERS: Final[Mapping[str, str]] = {**USERS, "admin": "~* &* +@all"}
"""User name -> ACL rules, as the product gives them; each gets a password of its own."""


class RedisServer:
    """A running redis-server: `socket`, `users` (name -> password), kill and start again."""

    def __init__(
        self, directory: Path, users: Mapping[str, str], *, append_only: bool = True
    ) -> None:
        self.directory = directory
        self.socket = directory / "redis.sock"
        self.users = {name: secrets.token_urlsafe(24) for name in users}
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files(users, append_only=append_only)

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        if self._process is None:
            raise RuntimeError("redis-server is not running")
        return self._process.pid

    def password_file(self, user: str) -> Path:
        """Write the user's password to a file of mode 0600 and return its path."""
        path = self.directory / f"{user}.password"
        path.touch(mode=0o600)
        path.write_text(self.users[user] + "\n")
        return path

    def client(self, user: str = "admin") -> redis.Redis:
        """Return a blocking client for looking inside; the caller closes it."""
        return redis.Redis(
            unix_socket_path=str(self.socket), username=user, password=self.users[user]
        )

    def start(self) -> None:
        """Start the server and wait until it answers; data of an earlier run is loaded."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", str(self.directory / "redis.conf")],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_DEADLINE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.directory / "log").read_text()[-2000:])
            time.sleep(POLL_S)
        self.load_functions()

    def load_functions(self) -> None:
        """Load the product's functions anew, as the supervisor does."""
        with self.client() as client:
            for code in (LIBRARIES | fleet_functions.LIBRARIES).values():
                client.function_load(code, replace=True)

    def kill(self) -> None:
        """End the server as a crash does (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End the server in order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_DEADLINE_S)
            self._process = None

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _write_files(self, users: Mapping[str, str], *, append_only: bool) -> None:
        acl = [DEFAULT_USER]
        acl += [f"user {name} on >{self.users[name]} {rules}" for name, rules in users.items()]
        (self.directory / "users.acl").write_text("\n".join(acl) + "\n")
        (self.directory / "redis.conf").write_text(
            "\n".join(
                (
                    "port 0",
                    f'unixsocket "{self.socket}"',
                    "unixsocketperm 700",
                    f'dir "{self.directory}"',
                    f'aclfile "{self.directory / "users.acl"}"',
                    f"appendonly {'yes' if append_only else 'no'}",
                    "appendfsync always",
                    'save ""',
                    "daemonize no",
                    "",
                )
            )
        )


@contextmanager
def redis_server(
    users: Mapping[str, str] = DEFAULT_USERS, *, append_only: bool = True
) -> Iterator[RedisServer]:
    """Run a redis-server in a temporary folder; `users` maps names to ACL rules."""
    directory = Path(tempfile.mkdtemp(prefix="kapok-r-"))
    directory.chmod(0o755)
    server = RedisServer(directory, users, append_only=append_only)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)
