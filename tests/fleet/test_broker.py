"""The broker's configuration text."""

from dataclasses import replace
from pathlib import Path

import pytest

from fleet.broker import Listener, broker_conf

ACL = Path("/x/a.acl")
SUITES = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
DOOR = Listener(
    host="127.0.0.1",
    port=8883,
    client_ca=Path("/x/ca.pem"),
    certificate=Path("/x/cert.pem"),
    key=Path("/x/key.pem"),
)


def test_each_door_has_its_rules() -> None:
    """Both doors ask for certificates; only the terminals' one fixes the client id."""
    text = broker_conf(terminals=DOOR, services=replace(DOOR, port=8884), acl=ACL, ciphers=SUITES)
    assert text.count(f"\nciphers {SUITES}\n") == 2
    terminals, services = text.split("listener 8883")[1].split("listener 8884")
    for part in (terminals, services):
        assert "require_certificate true" in part
        assert "use_identity_as_username true" in part
    assert "use_username_as_clientid true" in terminals
    assert "use_username_as_clientid" not in services
    assert "retain_available false" in text
    assert "\nallow_anonymous false\n" in text
    assert "per_listener_settings" not in text
    assert "\nuser " not in text
    assert "\nuser kapok\n" in broker_conf(
        terminals=DOOR, services=DOOR, acl=ACL, ciphers=SUITES, user="kapok"
    )


def test_a_path_cannot_smuggle_a_line() -> None:
    """A line break in a value is refused."""
    with pytest.raises(ValueError, match="line break"):
        broker_conf(
            terminals=DOOR,
            services=DOOR,
            acl=Path("/x\nallow_anonymous true"),
            ciphers=SUITES,
        )
