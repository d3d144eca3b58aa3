#!/bin/sh
# Rules cannot be asked of an EU DCC whose times stand under CBOR tag 0, as in two countries' test data.
#
# In the public EU test data (HU and SE, 2DCode/raw/2.json) a test's sample time `sc` is text under tag 0.
# Seen: npm cbor 10.0.12 and cbor-x 1.6.9 make a JavaScript Date of it, PyPI cbor2 5.9.0 a datetime, and
# cborg 6.1.5 refuses it. CertLogic knows text only: certlogic-js 1.2.2 ends the common rule "younger than
# 72 hours" with an error, so that a valid test counts as no test; Python's json cannot write the claims.
# With the same time untagged every one of them is content.
# Way round: JSON.parse(JSON.stringify(claims)) before the rules, or a decoder that keeps tag 0 as text.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts certlogic-js@1.2.2 cbor@10.0.12 cbor-x@1.6.9 \
    cborg@6.1.5 >/dev/null
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install cbor2==5.9.0
cat >look.mjs <<'JS'
import { evaluate } from 'certlogic-js'
import cbor from 'cbor'
import { decode } from 'cbor-x'
import * as cborg from 'cborg'

// {"t": [{"sc": "2021-06-15T07:53:03Z"}]}: the time as text, and the same under tag 0
const time = Buffer.from('2021-06-15T07:53:03Z').toString('hex')
const claims = { plain: `a1617481a162736374${time}`, 'tag 0': `a1617481a1627363c074${time}` }
const rule = {
  'not-after': [
    { plusTime: [{ var: 'external.validationClock' }, 0, 'day'] },
    { plusTime: [{ var: 'payload.t.0.sc' }, 72, 'hour'] },
  ],
}
const external = { validationClock: '2021-06-16T00:00:00Z' }
const ways = {
  cbor: cbor.decodeFirstSync,
  'cbor-x': decode,
  cborg: cborg.decode,
  'cbor, through JSON': (bytes) => JSON.parse(JSON.stringify(cbor.decodeFirstSync(bytes))),
}
for (const [form, hex] of Object.entries(claims)) {
  const bytes = Buffer.from(hex, 'hex')
  for (const [name, way] of Object.entries(ways)) {
    let outcome
    try { outcome = evaluate(rule, { payload: way(bytes), external }) } catch (error) { outcome = error.message }
    console.log(`${form}, ${name}: ${outcome}`)
  }
}
JS
cat >look.py <<'PY'
import json

import cbor2

text = "2021-06-15T07:53:03Z"
for form, value in (("plain", text), ("tag 0", cbor2.CBORTag(0, text))):
    claims = cbor2.loads(cbor2.dumps({"t": [{"sc": value}]}))
    try:
        print(f"{form}, cbor2: {json.dumps(claims)}")
    except TypeError as error:
        print(f"{form}, cbor2: {error}")
PY
{ node look.mjs; env/bin/python look.py; } >seen
cat seen
cat >expected <<'TEXT'
plain, cbor: true
plain, cbor-x: true
plain, cborg: true
plain, cbor, through JSON: true
tag 0, cbor: date argument (#1) of "plusTime" must be a string
tag 0, cbor-x: date argument (#1) of "plusTime" must be a string
tag 0, cborg: CBOR decode error: tag not supported (0)
tag 0, cbor, through JSON: true
plain, cbor2: {"t": [{"sc": "2021-06-15T07:53:03Z"}]}
tag 0, cbor2: Object of type datetime is not JSON serializable
TEXT
cmp -s seen expected
