#!/bin/sh
# msgspec 0.22.0 copies a Python pattern into JSON Schema, where validators read another language.
#
# JSON Schema patterns are ECMA-262. `Meta(pattern=r"\A[a-z]+\Z")` is the strict form in Python, since
# `$` also matches before a last line feed. Seen: json.schema() gives the pattern as it stands; ajv 8.20.0
# refuses to compile the schema ("Invalid escape"), and without its Unicode mode it takes "AhallZ" and
# refuses "hall". Whoever makes OpenAPI documents with msgspec must translate the anchors to ^ and $.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install msgspec==0.22.0
env/bin/python - >schema.json <<'PY'
from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z]+\Z")]
assert msgspec.json.decode(b'"hall"', type=Name) == "hall"
print(msgspec.json.encode(msgspec.json.schema(Name)).decode())
PY
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts ajv@8.20.0 >/dev/null
cat >look.cjs <<'JS'
const Ajv = require('ajv')
const schema = require('./schema.json')
let refused = ''
try { new Ajv().compile(schema) } catch (error) { refused = error.message }
const loose = new Ajv({ unicodeRegExp: false }).compile(schema)
const found = [refused.includes('Invalid escape'), loose('hall'), loose('AhallZ')].join(' ')
console.log(JSON.stringify(schema), found)
process.exit(found === 'true false true' ? 0 : 1)
JS
node look.cjs
