"""Names of our servers, as their certificates carry them and their clients ask for them.

All servers have certificates of one CA, so the CA alone does not say which one answers. A client
asks for the name of the server that it means, whatever address it connects to: the broker's
certificate does not pass for the verifier's, nor the other way round. The names are in no DNS.
Document: docs/terminal-contract.md.
"""

from enum import StrEnum


class ServerName(StrEnum):
    """A DNS name in the certificate's subject alternative names."""

    BROKER = "broker.kapok.internal"
    VERIFIER = "verifier.kapok.internal"
