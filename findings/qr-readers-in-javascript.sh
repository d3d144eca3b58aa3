#!/bin/sh
# npm qrcode-reader 1.0.4 reads most large QR codes only when they lie on their side.
#
# Sixteen flawless pictures of QR codes as EU DCCs have them (450 to 750 characters, correction Q, 4 dots a
# module, white rim), drawn upright and turned by 90 degrees. Seen: jsqr 1.4.0 and qr 0.7.0 read all 32.
# qrcode-reader reads 6 upright and 15 turned; of the others it says that there is nothing. @zxing/library
# 0.23.0 reads 14 and 15. Nothing is wrong with those pictures, so no better camera helps: use another
# reader, or try each picture again turned. A test with one short text shows none of this.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts jsqr@1.4.0 qr@0.7.0 qrcode-reader@1.0.4 \
    @zxing/library@0.23.0 >/dev/null
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install segno==1.6.6
env/bin/python - >codes.json <<'PY'
import json
import random

import segno

SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
choose = random.Random(11)
codes = []
for _ in range(16):
    text = "HC1:" + "".join(choose.choices(SIGNS, k=choose.randint(450, 750)))
    code = segno.make(text, error="q", boost_error=False, micro=False)
    codes.append((text, [list(row) for row in code.matrix_iter(border=4)]))
print(json.dumps(codes))
PY
cat >look.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import jsqr from 'jsqr'
import qr from 'qr/decode.js'
import QrcodeReader from 'qrcode-reader'

const zxing = createRequire(import.meta.url)('@zxing/library')
const SCALE = 4
const turn = (rows) => rows.map((_, y) => rows.map((row) => row[y])).reverse()
const grey = (rows) => {
  const side = rows.length * SCALE
  const dot = (_, i) => (rows[Math.floor(i / side / SCALE)][Math.floor((i % side) / SCALE)] ? 0 : 255)
  return [Uint8ClampedArray.from({ length: side * side }, dot), side]
}
const colour = (dots) => Uint8ClampedArray.from({ length: dots.length * 4 }, (_, i) => (i % 4 === 3 ? 255 : dots[i >> 2]))
const ways = {
  jsqr: (dots, side) => jsqr(colour(dots), side, side)?.data,
  qr: (dots, side) => qr({ data: colour(dots), width: side, height: side }),
  'qrcode-reader': (dots, side) => {
    let text
    const reader = new QrcodeReader()
    reader.callback = (_error, found) => { text = found?.result }
    reader.decode({ data: colour(dots), width: side, height: side })
    return text
  },
  '@zxing/library': (dots, side) => {
    const source = new zxing.RGBLuminanceSource(dots, side, side)
    const bitmap = new zxing.BinaryBitmap(new zxing.HybridBinarizer(source))
    return new zxing.QRCodeReader().decode(bitmap, new Map([[zxing.DecodeHintType.TRY_HARDER, true]])).getText()
  },
}
const read = Object.fromEntries(Object.keys(ways).map((name) => [name, [0, 0]]))
for (const [text, rows] of JSON.parse(readFileSync('codes.json'))) {
  for (const [turned, shape] of [rows, turn(rows)].entries()) {
    const [dots, side] = grey(shape)
    for (const [name, way] of Object.entries(ways)) {
      try { read[name][turned] += way(dots, side) === text } catch { /* not read */ }
    }
  }
}
console.log('of 16 upright, of 16 turned:', JSON.stringify(read))
const expected = { jsqr: [16, 16], qr: [16, 16], 'qrcode-reader': [6, 15], '@zxing/library': [14, 15] }
process.exit(JSON.stringify(read) === JSON.stringify(expected) ? 0 : 1)
JS
node look.mjs
