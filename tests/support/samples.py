"""The samples of the README's `verify` line: keys and codes that pass until the year 2099.

`python -m tests.support.samples` writes them again. Their keys are public by design, as those of
the vectors: nobody may ever trust them where codes count.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.support.city import City
from tests.support.health import CARDS, COUNTRY, card_text, chunks, claims, health_text
from tests.support.keys import ISSUER
from tests.support.signers import pem, web_key
from verifier.barcode.render import symbol, to_png

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "samples"
ENDS: Final = int(datetime(2099, 12, 31, tzinfo=UTC).timestamp())


def sample_files() -> Iterator[tuple[str, bytes]]:
    """Yield the name of each file in the folder of samples, and what is in it."""
    yield "keys/city.pem", pem(ISSUER.spki, "PUBLIC KEY")
    yield "keys/country.pem", pem(COUNTRY.spki, "PUBLIC KEY")
    yield "keys/cards.json", json.dumps({"keys": [web_key(CARDS)]}, indent=1).encode() + b"\n"
    paper = City(phone=None, expires=ENDS).text()
    certificate = health_text(claims({4: ENDS}))
    yield "codes/city-paper.txt", paper.encode() + b"\n"
    yield "codes/certificate.png", to_png(symbol(certificate), scale=4)
    yield "codes/health-card.txt", card_text().encode() + b"\n"
    yield "codes/health-card-in-three.txt", "\n".join((*chunks(3), "")).encode()
    yield "codes/typed-by-a-scanner.txt", f"]Q1{paper}\t\r\n".encode()


if __name__ == "__main__":
    for name, data in sample_files():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
