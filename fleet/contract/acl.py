"""The broker's access lists, written from the table of topics (mosquitto's `acl_file` syntax).

Terminals: `pattern` lines only, one per topic, `%u` being the CN of the certificate, that is id and
generation: the text has one size for a fleet of any size. Services: one `user` block for each
service that speaks MQTT. What is not listed is denied.
"""

from typing import Final

from fleet.contract.topics import IDENTITY, TABLE, Party

FLEET_USER: Final = "fleet"
"""CN of the certificate with which the fleet's service connects."""

_HEAD: Final = (
    "# Generated from fleet/contract/topics.py by `python -m fleet.contract.generate`.\n"
    "# Do not edit: a test compares.\n"
)


def terminal_acl() -> str:
    """Return the ACL of the listener for terminals."""
    lines = [
        "pattern {access} {topic}".format(
            access="write" if rule.publisher is Party.TERMINAL else "read",
            topic=rule.template.replace(IDENTITY, "%u").format(shard="+"),
        )
        for rule in TABLE
    ]
    return _HEAD + "\n".join(lines) + "\n"


def service_acl() -> str:
    """Return the ACL of the listener for services."""
    lines = [f"user {FLEET_USER}"]
    lines += [
        "topic {access} {topic}".format(
            access="read" if rule.publisher is Party.TERMINAL else "write",
            topic=rule.template.replace(IDENTITY, "+").format(shard="+"),
        )
        for rule in TABLE
    ]
    return _HEAD + "\n".join(lines) + "\n"
