#!/bin/sh
# PyPI gmssl 3.2.2 spoils one SM2 public key in eight when it is given with its usual prefix 04.
#
# An SM2 public key is mostly passed on as `04`, x, y in hex (the uncompressed point). Seen: CryptSM2
# takes the prefix off with str.lstrip("04"), which takes off every leading 0 and 4, so also the first
# digits of x. Of 96 keys made from a counter, 80 verify their own signature; with the other 16 a valid
# signature ends in an exception, mostly "Odd-length string". The same 96 keys without the prefix all
# verify. So a test with one key passes, and the codes of every eighth issuer are never accepted.
# Take the prefix off yourself and give the 128 digits of x and y. That leaves one key in 256: where x
# itself begins with 04 (key 357 here), those digits are taken for the prefix too.
# Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" -q --disable-pip-version-check install gmssl==3.2.2
"$dir/env/bin/python" - <<'PY'
import hashlib
import sys
from collections import Counter

from gmssl.sm2 import CryptSM2, default_ecc_table


def check(number: int) -> tuple[str, str, str]:
    """The first digits of x, and what comes of a valid signature without and with the prefix."""
    secret = hashlib.sha256(b"key %d of a test" % number).hexdigest()
    public = CryptSM2(private_key=secret, public_key="")._kg(int(secret, 16), default_ecc_table["g"])
    outcomes = []
    for form in (public, "04" + public):
        try:
            signature = CryptSM2(private_key=secret, public_key=public).sign_with_sm3(b"a message")
            it = CryptSM2(private_key="", public_key=form)
            outcomes.append(str(it.verify_with_sm3(signature, b"a message")))
        except Exception as error:
            outcomes.append(type(error).__name__)
    first = "04" if public.startswith("04") else "0 or 4" if public[0] in "04" else "something else"
    return first, *outcomes


found = Counter(check(number) for number in range(96))
for (first, bare, prefixed), count in sorted(found.items()):
    print(f"{count} keys, x begins with {first}: {bare} without the prefix, {prefixed} with it")
spoiled = sum(count for (_, _, prefixed), count in found.items() if prefixed != "True")
good = sum(count for (_, bare, _), count in found.items() if bare == "True")
last = check(357)
print("key 357:", last)
sys.exit((spoiled, good, last[:2]) != (16, 96, ("04", "TypeError")))
PY
