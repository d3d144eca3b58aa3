"""Signing keys, the root document and the trust source of a first start (docs/bundles.md).

On one machine the root key lies in the data folder, so that a demo is whole; where it matters it is
made and kept elsewhere, and only the root file is copied here. The trust source says what the
issuing process signs into the trust bundle.
"""

import time
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.data import write_file
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.vocabulary import Sector
from verifier.issuing import signing_key
from verifier.issuing.publisher import TrustSource, key_entry, seal_root
from verifier.issuing.signing_key import SigningKey

ISSUER: Final = "440100"
"""Guangzhou's division code (GB/T 2260): the demo city."""
LIST: Final = 1
"""The one status list of the demo city."""
LIST_URI: Final = "urn:kapok:440100:status:1"
KEYS: Final = ("root", "issuer", "status", "bundle", "grant", "operator", "export")
_DAY: Final = 86_400
ROOT_DAYS: Final = 3650
"""As long as a CA: terminals hold the root from their first day."""
KEY_DAYS: Final = 730
"""Two years; rotation overlaps by one."""
_BACKDATE: Final = 300
"""Seconds: a terminal's clock may be behind at a first start."""


def make_signing_keys(data: Path) -> None:
    """Make the keys that are not there yet."""
    for name in KEYS:
        path = data / "keys" / f"{name}.pem"
        if not path.exists():
            write_file(path, signing_key.generate().to_pem())


def make_root(data: Path) -> None:
    """Sign the root document with the root key."""
    path = data / "trust" / "root.cbor"
    if path.exists():
        return
    root, bundle = _load(data, "root"), _load(data, "bundle")
    now = int(time.time()) - _BACKDATE
    document = RootDocument(
        type="root",
        version=1,
        iat=now,
        exp=now + ROOT_DAYS * _DAY,
        root_keys=(RootKey(spki=root.spki),),
        threshold=1,
        bundle_keys=(RootKey(spki=bundle.spki),),
    )
    write_file(path, seal_root(document, [root]))


def make_trust_source(data: Path) -> None:
    """Write down which key may sign what."""
    path = data / "trust" / "trust.json"
    if path.exists():
        return
    start = int(time.time()) - _BACKDATE
    end = start + KEY_DAYS * _DAY
    issuer, status = _load(data, "issuer"), _load(data, "status")
    source = TrustSource(
        keys=(
            key_entry(
                issuer.spki,
                algorithm=issuer.algorithm,
                uses=("credential", "roster"),
                not_before=start,
                expires=end,
                issuer=ISSUER,
                lists=(LIST,),
                sectors=tuple(Sector),
            ),
            key_entry(
                status.spki,
                algorithm=status.algorithm,
                uses=("status",),
                not_before=start,
                expires=end,
                lists=(LIST,),
            ),
            *(
                key_entry(
                    key.spki,
                    algorithm=key.algorithm,
                    uses=(use,),
                    not_before=start,
                    expires=end,
                )
                for use, key in ((use, _load(data, use)) for use in ("grant", "operator", "export"))
            ),
        ),
        lists={LIST: LIST_URI},
        sectors_enabled=tuple(Sector),
    )
    write_file(path, msgspec.json.format(msgspec.json.encode(source)))


def _load(data: Path, name: str) -> SigningKey:
    return signing_key.load((data / "keys" / f"{name}.pem").read_bytes())
