#!/bin/sh
# Three npm packages for COSE break one another: the one that was imported first stops reading.
#
# @auth0/cose 1.0.2, cose-kit 1.7.1 and @owf/cose 0.3.0-alpha (beneath @owf/token-status-list) all read
# with cbor-x, and npm installs one cbor-x for all. Each tells it with addExtension() to make its own
# class of CBOR tag 18. That list belongs to the whole process, and the last one counts. Seen: each
# package alone reads a valid COSE_Sign1. With two of them, by the order of the imports alone, @auth0/cose
# says "Expected tag 18 (Sign1) but got undefined" and @owf/cose "Error decoding Sign1".
# So a program that reads passes fails on every one, once another part of it imports a status list reader.
# Ways round: one process (or worker) for each package, or a cbor-x of its own for each.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @auth0/cose@1.0.2 cose-kit@1.7.1 \
    @owf/cose@0.3.0-alpha-20260508181749 cbor-x@1.6.9 >/dev/null
cat >look.mjs <<'JS'
import { generateKeyPairSync, sign } from 'node:crypto'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const body = '43a1012640' // the protected header {1: -7} as bytes; then nothing added
const signed = Buffer.from('846a5369676e617475726531' + body + '4161', 'hex')
const signature = sign('sha256', signed, { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('hex')
const message = Buffer.from('d28443a10126a041615840' + signature, 'hex')
const found = []
const packages = {}
for (const name of process.argv.slice(2)) packages[name] = await import(name)
for (const name of process.argv.slice(2).sort()) {
  if (name === 'cose-kit') continue // it only stands in the way of others here
  try {
    const read = packages[name].Sign1.decode(message)
    if (name === '@auth0/cose') await read.verify(publicKey)
    found.push(`${name} reads`)
  } catch (error) {
    found.push(`${name}: ${error.message.split('\n')[0]}`)
  }
}
console.log(`${process.argv.slice(2).join(', then ')} -> ${found.join('; ')}`)
JS
{
    node look.mjs @auth0/cose
    node look.mjs @owf/cose
    node look.mjs @auth0/cose @owf/cose
    node look.mjs @owf/cose @auth0/cose
    node look.mjs @auth0/cose cose-kit
    node look.mjs cose-kit @auth0/cose
} >seen
cat seen
cat >expected <<'TEXT'
@auth0/cose -> @auth0/cose reads
@owf/cose -> @owf/cose reads
@auth0/cose, then @owf/cose -> @auth0/cose: Unexpected CBOR tag. Expected tag 18 (Sign1) but got undefined; @owf/cose reads
@owf/cose, then @auth0/cose -> @auth0/cose reads; @owf/cose: Error decoding Sign1
@auth0/cose, then cose-kit -> @auth0/cose: Unexpected CBOR tag. Expected tag 18 (Sign1) but got undefined
cose-kit, then @auth0/cose -> @auth0/cose reads
TEXT
cmp -s seen expected
