#!/bin/sh
# pycose 1.1.0 cannot read its own messages with cbor2 6.3.0, which its requirements allow.
#
# Seen: Sign1Message.encode() writes a valid COSE_Sign1 (tag 18). CoseMessage.decode() of those bytes
# raises TypeError "Bytes cannot be decoded as COSE message". With cbor2 5.8.0 the same bytes verify.
# Cause: from version 6 on, cbor2 returns what stands under a tag as a tuple or as
# cbor2.frozendict, which is no dict; pycose asks for a list.
# Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" -q --disable-pip-version-check install pycose==1.1.0 cbor2==6.3.0
cat >"$dir/look.py" <<'PY'
import sys
from importlib.metadata import version

import cbor2
from pycose.algorithms import Es256
from pycose.headers import KID, Algorithm
from pycose.keys import EC2Key
from pycose.messages import CoseMessage, Sign1Message

key = EC2Key.generate_key(crv="P_256")
message = Sign1Message(phdr={Algorithm: Es256, KID: b"k"}, payload=b"a payload")
message.key = key
data = message.encode()
value = cbor2.loads(data)
inner = getattr(value, "value", value)
plain = cbor2.loads(data[1:])
try:
    found = CoseMessage.decode(data)
    found.key = key
    outcome = "verified" if found.verify_signature() else "not verified"
except TypeError as error:
    outcome = f"TypeError: {error}"
line = f"cbor2 {version('cbor2')}: tagged {type(inner).__name__}, untagged {type(plain).__name__}, {outcome}"
print(line)
sys.exit(line != sys.argv[1])
PY
"$dir/env/bin/python" "$dir/look.py" \
    "cbor2 6.3.0: tagged tuple, untagged list, TypeError: Bytes cannot be decoded as COSE message"
"$dir/env/bin/pip" -q --disable-pip-version-check install cbor2==5.8.0
"$dir/env/bin/python" "$dir/look.py" "cbor2 5.8.0: tagged list, untagged list, verified"
