import os
import socket

import pytest

from deploy.local.errors import UsageError
from deploy.local.ports import LOOPBACK, free_ports, holder, is_free, require_free


def test_free_ports_are_different_and_free() -> None:
    """Twenty ports, all usable, none taken from the list of taken ones."""
    first = free_ports(20)
    assert len(set(first)) == 20
    assert all(is_free(port) for port in first)
    assert not set(first) & set(free_ports(20, taken=frozenset(first)))


def test_a_port_in_use_names_its_holder() -> None:
    """The pid and the command line of whoever listens are in the sentence."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        assert str(os.getpid()) in holder(port)
        with pytest.raises(UsageError, match=f"--fleet-port {port}.*{os.getpid()}.*pytest"):
            require_free(port, "--fleet-port")


def test_a_free_port_may_be_asked_for() -> None:
    """Nothing is raised, and the port is free afterwards."""
    (port,) = free_ports(1)
    require_free(port, "--fleet-port")
    assert is_free(port)
