"""The broker's access list, written from the table of topics (mosquitto's `acl_file` syntax).

Terminals: `pattern` lines, one per topic, `%u` being the CN of the certificate, that is id and
generation: the text has one size for a fleet of any size. Services: one `user` block for each that
speaks MQTT; their names have no dot, so none is a terminal's. What is not listed is denied.

One list for both doors: with a list a door (`per_listener_settings`) mosquitto 2.0.18 and later
knows no rights of a client that is away, and drops what it should queue for it.
"""

from typing import Final

from fleet.contract.topics import IDENTITY, TABLE, Party

FLEET_USER: Final = "fleet"
"""CN of the certificate with which the fleet's service connects."""
SUPERVISOR_USER: Final = "supervisor"
"""CN of whoever asks whether the broker works; it hears and says nothing."""

_HEAD: Final = (
    "# Generated from fleet/contract/topics.py by `python -m fleet.contract.generate`.\n"
    "# Do not edit: a test compares.\n"
)


def access_list() -> str:
    """Return the ACL of all who connect."""
    lines = [
        "pattern {access} {topic}".format(
            access="write" if rule.publisher is Party.TERMINAL else "read",
            topic=rule.template.replace(IDENTITY, "%u").format(shard="+"),
        )
        for rule in TABLE
    ]
    lines.append(f"user {FLEET_USER}")
    lines += [
        "topic {access} {topic}".format(
            access="read" if rule.publisher is Party.TERMINAL else "write",
            topic=rule.template.replace(IDENTITY, "+").format(shard="+"),
        )
        for rule in TABLE
    ]
    lines += [f"user {SUPERVISOR_USER}", "topic deny #"]
    return _HEAD + "\n".join(lines) + "\n"
