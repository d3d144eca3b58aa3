"""The terminals' door while its certificate is replaced: the next handshake shows the new one."""

import hashlib
import http.client
import json
import socket
import ssl
import time

from fleet import identity
from fleet.contract.servers import ServerName
from tests.support.centre import centre, eventually, free_ports, new_scan_id, paper
from tests.support.verifier_tls import tls_files

HALF_WRITTEN_S = 2.5
"""Seconds in which a worker looks twice at files of which one is replaced."""
NAME = "t-25"


def shown_by(port: int, context: ssl.SSLContext) -> str:
    """Return the fingerprint of the certificate that a new connection is shown."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as line,
    ):
        return hashlib.sha256(line.getpeercert(binary_form=True) or b"").hexdigest()


def status_of(line: http.client.HTTPSConnection, person: int) -> int:
    """Scan somebody; returns the status."""
    body = {"scan_id": new_scan_id(NAME), "text": paper(person)}
    line.request("POST", "/v1/scans", json.dumps(body), {"Content-Type": "application/json"})
    answer = line.getresponse()
    answer.read()
    return answer.status


def test_a_renewed_certificate_is_shown_and_no_connection_is_cut() -> None:
    """Files are replaced, and once only half of them: who is connected goes on."""
    with centre() as house, tls_files() as files:
        (port,) = free_ports(1)
        house.tls = files.settings(port)
        context, fingerprint = files.terminal(NAME)
        house.grant(NAME, fingerprint=fingerprint)
        house.worker()
        line = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        eventually("the grant is followed", lambda: status_of(line, 900) == 200)
        before, held = shown_by(port, context), line.sock
        key = identity.make_key()
        renewed = files.service_ca.server_certificate(
            ServerName.VERIFIER, key.public_key(), files.now
        )
        (files.folder / "server.key.pem").write_bytes(identity.private_pem(key))
        time.sleep(HALF_WRITTEN_S)
        assert shown_by(port, context) == before
        (files.folder / "server.pem").write_bytes(identity.certificate_pem(renewed))
        eventually(
            "it shows the new one",
            lambda: shown_by(port, context) == identity.fingerprint(renewed),
            within=15,
        )
        assert status_of(line, 901) == 200
        assert line.sock is held
        line.close()
