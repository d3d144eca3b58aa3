#!/bin/sh
# npm cose-js 0.9.0 checks a signature over bytes of its own, not over those that were signed.
#
# RFC 9052 section 4.4: the protected header enters the signature as the byte string that stands in the
# message. Seen: cose-js decodes it, encodes it again and takes that. A header in another valid encoding
# (a map of indefinite length, or a length in one byte more than it needs) then ends in "Signature
# missmatch" although the signature is right. So does cose-js 0.7.0, with which npm
# dcc-utils 0.4.0 checks EU DCCs. PyPI cwt 3.3.0 and npm @auth0/cose 1.0.2 find all three right.
# A reader must keep the bytes of the header; an issuer is safest with the shortest encoding.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts cose-js@0.9.0 old@npm:cose-js@0.7.0 \
    @auth0/cose@1.0.2 >/dev/null
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install cwt==3.3.0 cbor2==5.9.0
cat >make.cjs <<'JS'
const crypto = require('node:crypto')
const { writeFileSync } = require('node:fs')

const { publicKey, privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
const bytes = (data) => Buffer.concat([Buffer.from(data.length < 24 ? [0x40 + data.length] : [0x58, data.length]), data])
// {4: 2000000000, -260: {1: {"dob": "1980-01-01"}}}
const payload = bytes(Buffer.from('a2041a77359400390103a101a163646f626a313938302d30312d3031', 'hex'))
const kid = Buffer.from('key-in-8').toString('hex')
const headers = {
  'shortest form': `a201260448${kid}`,
  'indefinite length': `bf01260448${kid}ff`,
  'kid with a long length': `a20126045808${kid}`,
}
const made = {}
for (const [name, header] of Object.entries(headers)) {
  const kept = bytes(Buffer.from(header, 'hex'))
  const signed = Buffer.concat([Buffer.from('\x84\x6aSignature1', 'latin1'), kept, Buffer.from([0x40]), payload])
  const signature = crypto.sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  made[name] = Buffer.concat([Buffer.from([0xd2, 0x84]), kept, Buffer.from([0xa0]), payload, bytes(signature)]).toString('hex')
}
writeFileSync('made.json', JSON.stringify(made))
writeFileSync('key.pem', publicKey.export({ type: 'spki', format: 'pem' }))
JS
cat >look.mjs <<'JS'
import { createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Sign1 } from '@auth0/cose'
import cose from 'cose-js'
import old from 'old'

const key = createPublicKey(readFileSync('key.pem'))
const jwk = key.export({ format: 'jwk' })
const point = { x: Buffer.from(jwk.x, 'base64url'), y: Buffer.from(jwk.y, 'base64url') }
const ways = {
  'cose-js': (message) => cose.sign.verify(message, { key: point }),
  'cose-js 0.7.0': (message) => old.sign.verify(message, { key: point }),
  '@auth0/cose': (message) => Sign1.decode(message).verify(key),
}
for (const [header, message] of Object.entries(JSON.parse(readFileSync('made.json')))) {
  for (const [name, way] of Object.entries(ways)) {
    const outcome = await way(Buffer.from(message, 'hex')).then(() => 'right', (error) => error.message)
    console.log(`${header}: ${name}: ${outcome}`)
  }
}
JS
cat >look.py <<'PY'
import json
from pathlib import Path

import cwt

key = cwt.COSEKey.from_pem(Path("key.pem").read_text(), alg="ES256", kid=b"key-in-8")
for header, message in json.loads(Path("made.json").read_text()).items():
    print(f"{header}: cwt: {'right' if cwt.decode(bytes.fromhex(message), key)[-260] else ''}")
PY
node make.cjs
{ node look.mjs; env/bin/python look.py; } >seen
cat seen
cat >expected <<'TEXT'
shortest form: cose-js: right
shortest form: cose-js 0.7.0: right
shortest form: @auth0/cose: right
indefinite length: cose-js: Signature missmatch
indefinite length: cose-js 0.7.0: Signature missmatch
indefinite length: @auth0/cose: right
kid with a long length: cose-js: Signature missmatch
kid with a long length: cose-js 0.7.0: Signature missmatch
kid with a long length: @auth0/cose: right
shortest form: cwt: right
indefinite length: cwt: right
kid with a long length: cwt: right
TEXT
cmp -s seen expected
