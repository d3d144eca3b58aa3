#!/bin/sh
# npm @digitalbazaar/base45 1.0.0 encodes the wrong bytes when it is given a view.
#
# A Uint8Array may be a view of a larger buffer: subarray() makes one, and most small Buffers of Node are
# one. Seen: encode() starts at the beginning of the buffer beneath, not of the view, so the text has the
# right length and decodes without an error, to other bytes. For the bytes 4 to 9 of 0, 1, ... 19 it
# writes those of 0 to 5. npm base45 3.0.0 is right, and so is encode(view.slice()).
# A code made by cutting or joining buffers is therefore sometimes good, and sometimes no code at all.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @digitalbazaar/base45@1.0.0 base45@3.0.0 >/dev/null
cat >look.mjs <<'JS'
import { decode, encode } from '@digitalbazaar/base45'
import other from 'base45'

const whole = Uint8Array.from(Array(20).keys())
const view = whole.subarray(4, 10)
const found = [
  decode(encode(view)).join(),
  decode(encode(view.slice())).join(),
  [...other.decode(other.encode(view))].join(),
].join(' ')
console.log(found)
process.exit(found === '0,1,2,3,4,5 4,5,6,7,8,9 4,5,6,7,8,9' ? 0 : 1)
JS
node look.mjs
