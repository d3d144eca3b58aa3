"""Free loopback ports for tests, none twice in a run.

Doors are opened with SO_REUSEPORT, so two that were given one port would share it and answer for
each other; and a port of the kernel's ephemeral range can be taken by any outgoing connection.
"""

from deploy.local import ports

_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Return ports that are free now and were not given before."""
    found = list(ports.free_ports(count, taken=frozenset(_given)))
    _given.update(found)
    return found
