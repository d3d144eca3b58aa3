#!/bin/sh
# npm @owf/token-status-list 0.3.0-alpha writes a status list CWT that other CWT readers refuse.
#
# A Status List Token in CWT may leave out the claims exp (4) and ttl (65534) and the list's
# aggregation_uri. Seen: whoever leaves them out gets all three, with the CBOR value `undefined` (f7).
# The signature is right, but PyPI cwt 3.3.0 refuses the token: "exp should be int or float."; and the
# package itself reads the token back with an end that is "Invalid Date", where a token without the
# claim has none. The package's only release on npm is this one.
# Until it changes: set exp, ttl and aggregation_uri always, or write the claims yourself.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts \
    @owf/token-status-list@0.3.0-alpha-20260508181749 >/dev/null
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install cwt==3.3.0 cbor2==5.9.0
cat >make.mjs <<'JS'
import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { StatusList, StatusListCwt } from '@owf/token-status-list'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
writeFileSync('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
const token = new StatusListCwt({
  payload: {
    statusList: new StatusList([1, 0, 1, 1, 0, 0, 1, 0], 1),
    subject: 'https://example.org/lists/1',
    issuedAt: new Date(1700000000000),
  },
  protectedHeaders: new Map([[1, -7]]),
  unprotectedHeaders: new Map([[4, Buffer.from('k')]]),
})
const bytes = await token.signAndEncode({ algorithm: -7, signingKey: {} }, {
  sign: async ({ toBeSigned }) =>
    new Uint8Array(sign('sha256', toBeSigned, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
})
writeFileSync('token', bytes)
const back = StatusListCwt.fromToken(bytes).payload
console.log(`read back by the package: exp ${back.expirationTime}, ttl ${back.timeToLive}`)
JS
cat >look.py <<'PY'
from pathlib import Path

import cbor2
import cwt
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.serialization import load_pem_public_key

token, pem = Path("token").read_bytes(), Path("key.pem").read_bytes()
protected, _unprotected, payload, signature = cbor2.loads(token).value
numbers = [int.from_bytes(half, "big") for half in (signature[:32], signature[32:])]
signed = cbor2.dumps(["Signature1", protected, b"", payload])
load_pem_public_key(pem).verify(encode_dss_signature(*numbers), signed, ECDSA(SHA256()))
claims = cbor2.loads(payload)
undefined = [key for key, value in claims.items() if value is cbor2.undefined]
undefined += [key for key, value in claims[65533].items() if value is cbor2.undefined]
print(f"signature right, undefined: {undefined}")
try:
    cwt.decode(token, cwt.COSEKey.from_pem(pem, alg="ES256", kid="k"))
    print("cwt takes it")
except ValueError as error:
    print(f"cwt: {error}")
PY
{ node make.mjs; env/bin/python look.py; } >seen
cat seen
cat >expected <<'TEXT'
read back by the package: exp Invalid Date, ttl undefined
signature right, undefined: [4, 65534, 'aggregation_uri']
cwt: exp should be int or float.
TEXT
cmp -s seen expected
