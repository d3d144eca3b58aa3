"""Loopback TCP ports: free ones, and who holds one that is not.

Free ports come from below the kernel's ephemeral range: a port inside it can be taken, as the near
end of any outgoing connection, while its owner restarts.
"""

import contextlib
import ipaddress
import random
import socket
from pathlib import Path
from typing import Final

import psutil

from deploy.local.errors import UsageError

LOOPBACK: Final = "127.0.0.1"
LOWEST_PORT: Final = 20_000
"""Above what well-known services use."""
DEFAULT_EPHEMERAL: Final = 32_768
"""Where Linux begins its ephemeral range unless told otherwise."""
MAX_TRIES: Final = 500
"""Random ports tried before giving up; a machine with half its ports taken needs two a port."""
_EPHEMERAL_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int, *, taken: frozenset[int] = frozenset()) -> tuple[int, ...]:
    """Return `count` different loopback ports that nobody listens on now.

    Raises:
        UsageError: no free port was found in a bounded number of tries.
    """
    highest = _ephemeral_begin()
    found: list[int] = []
    source = random.SystemRandom()
    for _ in range(MAX_TRIES):
        if len(found) == count:
            break
        port = source.randrange(LOWEST_PORT, highest)
        if port not in taken and port not in found and is_free(port):
            found.append(port)
    if len(found) < count:
        raise UsageError(f"no free port between {LOWEST_PORT} and {highest} on {LOOPBACK}")
    return tuple(found)


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether one could listen on this port of an address of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections of an earlier run that linger in TIME_WAIT do not count as a holder.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free(port: int, option: str, host: str = LOOPBACK) -> None:
    """Refuse a port that was asked for and is taken, naming its holder.

    Raises:
        UsageError: the port is in use or may not be used, or the host is not this machine.
    """
    if not _is_here(host):
        raise UsageError(f"{host} is no address of this machine; `ip address` shows those it has")
    if not is_free(port, host):
        raise UsageError(f"{option} {port}: the port is in use {holder(port)}")


def _is_here(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def reached_at(host: str) -> str:
    """Return the address by which this machine reaches a door that listens on a host."""
    address = ipaddress.ip_address(host)
    if not address.is_unspecified:
        return host
    return LOOPBACK if address.version == 4 else "::1"


def in_url(host: str) -> str:
    """Write an address as a URL has it."""
    return f"[{host}]" if ":" in host else host


def holder(port: int) -> str:
    """Return "by process PID (command line)", or why that cannot be seen."""
    unseen = "by a process that this account cannot see (try: ss -ltnp as root)"
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            here = getattr(connection.laddr, "port", None) == port
            if listens and here and connection.pid:
                return f"by process {connection.pid} ({_command_line(connection.pid)})"
    return unseen


def _command_line(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline()) or "no command line"
    except psutil.Error:
        return "no longer there"


def _ephemeral_begin() -> int:
    try:
        begin = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return DEFAULT_EPHEMERAL
    # A machine may have widened the range downwards; then there is nothing below it to use.
    return begin if begin > LOWEST_PORT + MAX_TRIES else DEFAULT_EPHEMERAL
