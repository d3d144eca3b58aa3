#!/bin/sh
# Three in four keys of WHO's trust list have a byte too many, and PyJWT drops them without a word.
#
# The list is DID documents (v2, all DSC, of 2026-08-22): 338 of its 425 keys on P-256 have `x` or `y` of 33 bytes,
# the first of them 0, as Java writes numbers with the highest bit set; RFC 7518 asks for 32. Seen with two
# keys from it, one with 33 bytes and one with 32: PyJWT 2.15.1's PyJWKSet holds only the second, and raises
# nothing (of the whole list, 438 keys with RSA, it holds 100); its PyJWK and PyPI cwt 3.3.0 refuse the first
# ("Coords should be 32 bytes"). joserfc 1.8.0, jwcrypto 1.6.1, npm jose 6.2.18 and node read the right key from it.
# But its thumbprint (RFC 7638) by joserfc, jwcrypto and jose is not that of the same key with 32 bytes.
# So most signers are unknown, or go by two names. Take the key of the certificate beside it, `x5c[0]`, or cut
# the byte off before anything reads the key. Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts jose@6.2.18 >/dev/null
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install PyJWT==2.15.1 joserfc==1.8.0 jwcrypto==1.6.1 cwt==3.3.0 \
    cryptography==50.0.2
cat >keys.json <<'JSON'
[{"kty": "EC", "crv": "P-256", "kid": "+IYY54QHXs0=",
  "x": "ALEY1BTUiQuUjMueS1KYL5EnBMoenisBXnElc5Jv9Q6K", "y": "ALJh6BMOv3-QmAMf5uQX7uOJXmZLE72VSx2Zs0QicBTL"},
 {"kty": "EC", "crv": "P-256", "kid": "0JzyumjttZU=",
  "x": "NlKRwpA1S14Zfx6LZuAWm9ExHy86o7O9ijCq4AmZ1dE", "y": "btndsKMHcpScwL221bEdUaMXzST88uXcLvTbJtD77BI"}]
JSON
cat >look.py <<'PY'
import json
from base64 import urlsafe_b64decode as read
from base64 import urlsafe_b64encode as write
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cwt
import jwt
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK


def cut(text: str) -> str:
    return write(read(text + "==")[-32:]).rstrip(b"=").decode()


def look(way: Callable[[dict[str, Any]], object], key: dict[str, Any]) -> object:
    try:
        return way(key)
    except (jwt.PyJWTError, ValueError) as error:
        return str(error)


keys = json.loads(Path("keys.json").read_text())
print("lengths:", *(f"{len(read(key['x'] + '=='))}/{len(read(key['y'] + '=='))}" for key in keys))
first = keys[0]
same = first | {name: cut(first[name]) for name in "xy"}
Path("same.json").write_text(json.dumps(same))
print("PyJWKSet:", *(key.key_id for key in jwt.PyJWKSet(keys).keys))
for name, way in {
    "PyJWK": lambda key: jwt.PyJWK(key).key.public_numbers(),
    "cwt": lambda key: cwt.COSEKey.from_jwk(key | {"alg": "ES256"}).to_dict()[-2],
    "joserfc": lambda key: ECKey.import_key(key).public_key.public_numbers(),
    "jwcrypto": lambda key: JWK(**key).export_to_pem(),
    "joserfc's thumbprint": lambda key: ECKey.import_key(key).thumbprint(),
    "jwcrypto's thumbprint": lambda key: JWK(**key).thumbprint(),
}.items():
    found, right = look(way, first), look(way, same)
    print(f"{name}: {'the same' if found == right else found if 'Coords' in str(found) else 'another'}")
PY
cat >look.mjs <<'JS'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { calculateJwkThumbprint, exportJWK, importJWK } from 'jose'

const [[first], same] = ['keys.json', 'same.json'].map((name) => JSON.parse(readFileSync(name, 'utf8')))
const ways = {
  node: (key) => createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }),
  jose: async (key) => JSON.stringify(await exportJWK(await importJWK(key, 'ES256'))),
  "jose's thumbprint": (key) => calculateJwkThumbprint(key),
}
for (const [name, way] of Object.entries(ways)) {
  console.log(`${name}: ${(await way(first)) === (await way(same)) ? 'the same' : 'another'}`)
}
JS
{ env/bin/python look.py; node look.mjs; } >seen
cat seen
cat >expected <<'TEXT'
lengths: 33/33 32/32
PyJWKSet: 0JzyumjttZU=
PyJWK: Coords should be 32 bytes for curve P-256
cwt: Coords should be 32 bytes for crv P-256.
joserfc: the same
jwcrypto: the same
joserfc's thumbprint: another
jwcrypto's thumbprint: another
node: the same
jose: the same
jose's thumbprint: another
TEXT
cmp -s seen expected
