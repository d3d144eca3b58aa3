"""The public revocation hashes of EU certificates: our reading of a code gives the same hashes.

Only the hashes are ours to compare: holders are not matched here, and lists of revoked hashes are
not followed.
"""

import hashlib
import json

from tests.support.public_vectors import agree, public_file
from verifier.codes.hcert import decode, read_claims
from verifier.contract.envelope import Algorithm


def first_half(data: bytes) -> str:
    """Return the first 128 bits of SHA-256, hex."""
    return hashlib.sha256(data).digest()[:16].hex()


def test_hashes_of_identifier_and_signature() -> None:
    """UCI, country and UCI, and the signature: of ES256 its r alone, which malleability keeps."""
    path = public_file("dcc-revocation/RevocationCalculationSampleData.json")
    for sample in json.loads(path.read_bytes()):
        code = decode(sample["barcodeData"])
        claims = read_claims(code.payload)
        document = claims.document["hcert"]
        entry = next(document[name][0] for name in ("v", "t", "r") if document.get(name))
        half = 32 if code.algorithm == Algorithm.ES256 else None
        found = {
            "expUCI": first_half(entry["ci"].encode()),
            "expCOUNTRYCODEUCI": first_half((str(claims.issuer) + entry["ci"]).encode()),
            "expSIGNATURE": first_half(code.signature[:half]),
        }
        for name, value in found.items():
            agree("dcc-revocation", f"{sample['description']} {name}", value, sample[name])
