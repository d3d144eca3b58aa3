#!/bin/sh
# Of five JOSE libraries only three hand on what stands in a SMART Health Card.
#
# A card is a JWS whose header says "zip": "DEF"; its payload is deflated JSON. RFC 7515 knows no `zip`,
# and says that header parameters which are not understood must be ignored. Seen with one valid card:
# joserfc 1.8.0 refuses it ("Unsupported {'zip'} in header"). Authlib 1.9.10 reads it, but warns that
# joserfc takes the place of its module. npm jsonwebtoken 9.0.3 finds the signature right and returns
# the payload as text with U+FFFD in it: bytes are lost, and nothing can inflate it. npm jose 6.2.18
# (compactVerify) and PyJWT 2.15.1 (PyJWS, not decode()) return the bytes.
# Way round: joserfc's JWSRegistry(strict_check_header=False). With jsonwebtoken there is none.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts jose@6.2.18 jsonwebtoken@9.0.3 >/dev/null
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install joserfc==1.8.0 Authlib==1.9.10 PyJWT==2.15.1 \
    cryptography==50.0.2
cat >make.cjs <<'JS'
const crypto = require('node:crypto')
const { writeFileSync } = require('node:fs')
const { deflateRawSync } = require('node:zlib')

const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
const card = {
  iss: 'https://issuer.example.org',
  nbf: 1620992383.218,
  vc: {
    type: ['https://smarthealth.cards#health-card'],
    credentialSubject: { fhirVersion: '4.0.1', fhirBundle: { resourceType: 'Bundle', type: 'collection' } },
  },
}
const payload = deflateRawSync(JSON.stringify(card), { level: 9 })
const header = Buffer.from('{"alg":"ES256","zip":"DEF","kid":"k"}')
const signed = `${header.toString('base64url')}.${payload.toString('base64url')}`
const signature = crypto.sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
writeFileSync('card', `${signed}.${signature.toString('base64url')}`)
writeFileSync('payload', payload)
writeFileSync('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
JS
cat >look.cjs <<'JS'
const { readFileSync } = require('node:fs')
const jsonwebtoken = require('jsonwebtoken')

const [card, key] = ['card', 'key.pem'].map((name) => readFileSync(name, 'utf8'))
const payload = readFileSync('payload')
const text = jsonwebtoken.verify(card, key, { algorithms: ['ES256'] })
const same = ['utf8', 'latin1'].some((coding) => Buffer.from(text, coding).equals(payload))
console.log(`jsonwebtoken: ${typeof text}, ${same ? 'the payload' : 'bytes lost'}`)
import('jose').then(async (jose) => {
  const found = await jose.compactVerify(card, await jose.importSPKI(key, 'ES256'))
  console.log(`jose: ${payload.equals(found.payload) ? 'the payload' : 'bytes lost'}`)
})
JS
cat >look.py <<'PY'
import zlib
from pathlib import Path

import jwt
from authlib.jose import JsonWebSignature
from joserfc import jws
from joserfc.jwk import ECKey

card, key = Path("card").read_text(), Path("key.pem").read_text()
payload = Path("payload").read_bytes()
assert zlib.decompress(payload, -15).startswith(b'{"iss"')
loose = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
ways = {
    "PyJWT": lambda: jwt.PyJWS().decode(card, key, algorithms=["ES256"]),
    "Authlib": lambda: JsonWebSignature(["ES256"]).deserialize_compact(card, key)["payload"],
    "joserfc": lambda: jws.deserialize_compact(card, ECKey.import_key(key), algorithms=["ES256"]).payload,
    "joserfc, not strict": lambda: jws.deserialize_compact(card, ECKey.import_key(key), registry=loose).payload,
}
for name, way in ways.items():
    try:
        outcome = "the payload" if way() == payload else "bytes lost"
    except Exception as error:
        outcome = str(error)
    print(f"{name}: {outcome}")
PY
node make.cjs
{ node look.cjs; env/bin/python look.py; } >seen
cat seen
cat >expected <<'TEXT'
jsonwebtoken: string, bytes lost
jose: the payload
PyJWT: the payload
Authlib: the payload
joserfc: unsupported_header: Unsupported {'zip'} in header
joserfc, not strict: the payload
TEXT
cmp -s seen expected
