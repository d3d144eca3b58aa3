#!/bin/sh
# A SMART Health Card in two QR codes can be read in one order, or not at all.
#
# A card longer than 1195 characters may stand in several codes, "shc:/2/3/5676..." being the second of three
# (deprecated, but printed and in people's hands); a person may hold them out in any order. Seen with a valid card
# in two codes: PyPI healthcards 0.1.6 takes the first and then the second; given the second first it raises
# ParserError "An expected chunk required to reconstruct this SHC is missing". unpack() of npm @pathcheck/shc-sdk
# 0.0.8 knows no numbers: it makes two characters of "1/2/", "./", puts them before the first part of the card,
# and raises nothing. A card in one code both read.
# So sort the codes by their first number for healthcards, and join the digits behind the numbers for shc-sdk.
# Needs node. Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @pathcheck/shc-sdk@0.0.8 >/dev/null
python3 -m venv env
env/bin/pip -q --disable-pip-version-check install healthcards==0.1.6 jwcrypto==1.6.1 cryptography==50.0.2
cat >make.py <<'PY'
import hashlib
import json
import zlib
from pathlib import Path

from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS


def codes(card: str, count: int) -> list[str]:
    size = -(-len(card) // count)
    parts = [card[start : start + size] for start in range(0, len(card), size)]
    digits = ["".join(f"{ord(character) - 45:02}" for character in part) for part in parts]
    if count == 1:
        return [f"shc:/{digits[0]}"]
    return [f"shc:/{number}/{count}/{part}" for number, part in enumerate(digits, 1)]


def card(entries: int) -> str:
    names = [hashlib.sha256(bytes([number])).hexdigest() for number in range(entries)]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": name} for name in names]}
    subject = {"fhirVersion": "4.0.1", "fhirBundle": bundle}
    vc = {"type": ["https://smarthealth.cards#health-card"], "credentialSubject": subject}
    claims = {"iss": "https://issuer.example.org", "nbf": 1620992383, "vc": vc}
    packer = zlib.compressobj(9, wbits=-15)
    it = JWS(packer.compress(json.dumps(claims, separators=(",", ":")).encode()) + packer.flush())
    header = {"alg": "ES256", "zip": "DEF", "kid": key.thumbprint()}
    it.add_signature(key, protected=json.dumps(header))
    return it.serialize(compact=True)


key = JWK.generate(kty="EC", crv="P-256", use="sig", alg="ES256")
short, long = card(1), card(24)
assert len(short) <= 1195 < len(long) <= 2 * 1191
made = {"cards": [short, long], "codes": [codes(short, 1), codes(long, 2)]}
Path("made.json").write_text(json.dumps(made))
PY
cat >look.py <<'PY'
import json
from pathlib import Path

from healthcards.parser import ParserError, decode_qr_to_jws

made = json.loads(Path("made.json").read_text())
(one,), two = made["codes"]
for name, card, codes in (
    ("one code", made["cards"][0], [one]),
    ("1, 2", made["cards"][1], two),
    ("2, 1", made["cards"][1], two[::-1]),
):
    try:
        print(f"healthcards, {name}: {'the card' if decode_qr_to_jws(codes) == card else 'another text'}")
    except ParserError as error:
        print(f"healthcards, {name}: {error}")
PY
cat >look.cjs <<'JS'
const { unpack } = require('@pathcheck/shc-sdk')

const { cards: [short, long], codes: [one, two] } = require('./made.json')
const look = async () => {
  const name = (text, card) => (text === card ? 'the card' : 'another text')
  console.log(`shc-sdk, one code: ${name(await unpack(one[0]), short)}`)
  const parts = await Promise.all(two.map(unpack))
  console.log(`shc-sdk, 1, 2: ${name(parts.join(''), long)}, the first begins with ${parts[0].slice(0, 5)}`)
  const digits = two.map((code) => code.split('/')[3]).join('')
  console.log(`shc-sdk, digits joined: ${name(await unpack(`shc:/${digits}`), long)}`)
}
look()
JS
env/bin/python make.py
{ env/bin/python look.py; node look.cjs; } >seen
cat seen
cat >expected <<'TEXT'
healthcards, one code: the card
healthcards, 1, 2: the card
healthcards, 2, 1: An expected chunk required to reconstruct this SHC is missing
shc-sdk, one code: the card
shc-sdk, 1, 2: another text, the first begins with ./eyJ
shc-sdk, digits joined: the card
TEXT
cmp -s seen expected
