#!/bin/sh
# cbor2 6.3.0 with canonical=True sorts the keys of a map as RFC 7049 does, not as RFC 8949.
#
# RFC 8949 section 4.2.1 (deterministic encoding) sorts keys by their encoded bytes; RFC 7049 section
# 3.9 puts shorter keys first. For the claims 24, 100 and -1 the two differ: 24 is 0x1818, 100 is
# 0x1864, -1 is 0x20. Seen: -1, 24, 100, "a"; RFC 8949 asks for 24, 100, -1, "a". So a document that
# two programs encode "canonically" has two byte strings, and two digests.
# Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" -q --disable-pip-version-check install cbor2==6.3.0
"$dir/env/bin/python" - <<'PY'
import sys

import cbor2

value = {"a": 0, 100: 0, -1: 0, 24: 0}
made = cbor2.dumps(value, canonical=True)
keys = sorted(cbor2.dumps(key) for key in value)
deterministic = b"\xa4" + b"".join(key + b"\x00" for key in keys)
print("cbor2   ", made.hex())
print("RFC 8949", deterministic.hex())
sys.exit(made.hex() != "a42000181800186400616100" or deterministic.hex() != "a41818001864002000616100")
PY
