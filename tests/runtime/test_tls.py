"""Which suites the terminals' door takes: forward secrecy and authenticated encryption."""

import ssl
from typing import Final

import pytest

from runtime.settings import TlsDoorSettings
from tests.support.verifier_tls import TlsFiles, tls_files
from verifier.service.worker.run import tls_context

WEAK: Final = (
    *("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA384"),
    *("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA"),
    *("ECDHE-ECDSA-AES128-CCM", "ECDHE-ECDSA-CAMELLIA128-SHA256", "ECDHE-ECDSA-ARIA128-GCM-SHA256"),
)
STRONG: Final = (
    *("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    "ECDHE-ECDSA-CHACHA20-POLY1305",
)


def taken(files: TlsFiles, suite: str) -> bool:
    """Say whether the door agrees on a suite of TLS 1.2 with a terminal that has no other."""
    settings = files.settings(1)
    door = tls_context(TlsDoorSettings(**settings))
    client, _ = files.terminal("hall-1")
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(f"{suite}:@SECLEVEL=0")
    to_door, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_door, server_hostname="127.0.0.1"),
        door.wrap_bio(to_door, to_client, server_side=True),
    )
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                return False
    used = ends[0].cipher()
    return used is not None and used[0] == suite


@pytest.mark.parametrize("suite", STRONG)
def test_a_suite_of_today_is_taken(suite: str) -> None:
    """Whichever of them the terminal prefers."""
    with tls_files() as files:
        assert taken(files, suite)


@pytest.mark.parametrize("suite", WEAK)
def test_another_suite_is_refused(suite: str) -> None:
    """CBC, a short tag, ciphers that nobody asks for."""
    with tls_files() as files:
        assert not taken(files, suite)
