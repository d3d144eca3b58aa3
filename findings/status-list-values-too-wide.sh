#!/bin/sh
# Two npm status list packages let a value through that is too wide, and it falls on the next person.
#
# With one bit per person the values are 0 (valid) and 1 (invalid); 2 (suspended) needs two bits. Seen
# with @sd-jwt/jwt-status-list 0.19.0 and @owf/token-status-list 0.3.0-alpha: the constructor tests each
# value, but `> 2 ** bits`, so that 2 passes with one bit (and 4 with two); setStatus() tests nothing.
# What is written then: whoever was suspended is valid, and the person after is invalid, without a word.
# A value further beyond (3 with one bit) is refused, so a hasty test looks good.
# Test values yourself against `2 ** bits - 1`, or give lists two bits from the start.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @sd-jwt/jwt-status-list@0.19.0 \
    @owf/token-status-list@0.3.0-alpha-20260508181749 >/dev/null
cat >look.mjs <<'JS'
import * as owf from '@owf/token-status-list'
import * as sdjwt from '@sd-jwt/jwt-status-list'

const suspended = 2
const ways = {
  sdjwt: [sdjwt.StatusList, (list) => sdjwt.StatusList.decompressStatusList(list.compressStatusList(), 1)],
  owf: [
    owf.StatusList,
    (list) => owf.StatusList.decompressStatusListFromBytes(list.compressStatusListToBytes(), 1),
  ],
}
const found = []
for (const [name, [List, again]] of Object.entries(ways)) {
  const made = new List([0, 0, suspended, 0, 0, 0, 0, 0], 1)
  const set = new List([0, 0, 0, 0, 0, 0, 0, 0], 1)
  set.setStatus(2, suspended)
  let refused = ''
  try { new List([3], 1) } catch (error) { refused = error.message }
  found.push(`${name}: ${[again(made), again(set)].map((list) => list.statusList.join('')).join(' ')}, 3: ${refused}`)
}
console.log(found.join('\n'))
const expected = '00010000 00010000, 3: Status value out of range at index 0 with value 3'
process.exit(found.join('\n') === `sdjwt: ${expected}\nowf: ${expected}` ? 0 : 1)
JS
node look.mjs
