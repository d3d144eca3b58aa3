#!/bin/sh
# npm cbor-x 1.6.9 turns the integer keys of a CWT into text: two claims become one, and what is
# encoded again is another document.
#
# Seen with the default decode(): {1: "XX", 4: 1700000000, -260: {1: {}}} becomes an object with the
# names "1", "4", "-260"; encode() of it writes text keys. {1: 1, "1": 2}, two entries in CBOR, becomes
# one. npm cbor 10.0.12 returns a Map and keeps both; cborg 6.1.5 refuses such keys unless asked for
# Maps. With `new Decoder({mapsAsObjects: false})` cbor-x returns a Map too.
# Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts cbor-x@1.6.9 cbor@10.0.12 cborg@6.1.5 >/dev/null
cat >look.cjs <<'JS'
const cbor = require('cbor')
const cborx = require('cbor-x')
const cwt = Buffer.from('a301625858041a6553f100390103a101a0', 'hex')
const two = Buffer.from('a20101613102', 'hex')
const maps = new cborx.Decoder({ mapsAsObjects: false })
import('cborg').then((cborg) => {
  let refused = ''
  try { cborg.decode(cwt) } catch (error) { refused = error.message }
  const found = [
    Object.keys(cborx.decode(cwt)).join(),
    Buffer.from(cborx.encode(cborx.decode(cwt))).equals(cwt),
    Object.keys(cborx.decode(two)).length,
    cbor.decodeFirstSync(two).size,
    cborg.decode(two, { useMaps: true }).size,
    maps.decode(two).size,
    refused.includes('non-string keys'),
  ].join(' ')
  console.log(found)
  process.exit(found === '1,4,-260 false 1 2 2 2 true' ? 0 : 1)
})
JS
node look.cjs
