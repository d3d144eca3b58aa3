#!/bin/sh
# From npm sm-crypto 0.4.0 on, SM2 signatures of mini-programs and of older versions no longer hold.
#
# doSignature(message, key) and doVerifySignature(message, signature, key), with no options. Seen: sm-crypto
# 0.3.13, its twin for mini-programs miniprogram-sm-crypto 0.3.13, and sm-crypto-v2 1.15.1 sign the bytes
# of the message as they are; sm-crypto 0.4.0 and 0.5.8 sign its SM3 hash with the user id before it, as
# GB/T 32918 says. Each group returns false for the other's signatures, and no error. With {hash: true},
# or {hash: false}, on both sides all five agree.
# A phone that signs in a mini-program and a server with a newer sm-crypto thus part at an update.
# Give `hash: true` always, when signing and when verifying. Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts old@npm:sm-crypto@0.3.13 \
    miniprogram-sm-crypto@0.3.13 sm-crypto-v2@1.15.1 next@npm:sm-crypto@0.4.0 sm-crypto@0.5.8 >/dev/null
cat >look.cjs <<'JS'
const names = ['old', 'miniprogram-sm-crypto', 'sm-crypto-v2', 'next', 'sm-crypto']
const packages = names.map((name) => require(name).sm2)
const { privateKey, publicKey } = packages[0].generateKeyPairHex()
const table = (options) => packages.map((signer) => {
  const signature = signer.doSignature('a message', privateKey, options)
  const holds = (reader) => reader.doVerifySignature('a message', signature, publicKey, options)
  return packages.map((reader) => (holds(reader) ? 'y' : 'n')).join('')
}).join(' ')
const found = [undefined, { hash: true }, { hash: false }].map(table)
console.log('each signer, read by', names.join(', '))
console.log(`no options:  ${found[0]}\nhash: true:  ${found[1]}\nhash: false: ${found[2]}`)
const agreed = Array(5).fill('yyyyy').join(' ')
const parted = 'yyynn yyynn yyynn nnnyy nnnyy'
process.exit(found.join() === [parted, agreed, agreed].join() ? 0 : 1)
JS
node look.cjs
