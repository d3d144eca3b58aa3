#!/bin/sh
# Four of six QR writers make a SMART Health Card one byte segment: a symbol too large for the format.
#
# A card is `shc:/` and digits. Written as two segments (bytes, then numeric) 1,105 characters fit in
# version 17 at error correction M; the framework allows up to version 22 for one symbol. Seen:
# qrcode 8.2 and zxing-cpp 3.1.1 cut the text into segments; segno 1.6.6, qrcodegen 1.8.0,
# PyQRCodeNG 1.3.6 and reportlab 5.1.0 choose one mode for the whole text and make version 27.
# Whoever prints cards with those four must cut the text into segments first, where the API has them.
# Exits 1 when this changes.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" -q --disable-pip-version-check install qrcode==8.2 segno==1.6.6 zxing-cpp==3.1.1 \
    qrcodegen==1.8.0 PyQRCodeNG==1.3.6 reportlab==5.1.0 numpy==2.3.5
"$dir/env/bin/python" - <<'PY'
import sys

import numpy as np
import pyqrcodeng
import qrcode
import qrcodegen
import segno
import zxingcpp
from reportlab.graphics.barcode.qr import QrCodeWidget

text = "shc:/" + "0123456789" * 110
made = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_M)
made.add_data(text)
made.make(fit=True)
image = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M").to_image(
    scale=1, add_quiet_zones=False
)
widget = QrCodeWidget(text, barLevel="M")
widget.qr.make()
found = {
    "qrcode": made.version,
    "zxing-cpp": (np.array(image).shape[0] - 17) // 4,
    "segno": segno.make(text, error="m", boost_error=False, micro=False).version,
    "qrcodegen": qrcodegen.QrCode.encode_text(text, qrcodegen.QrCode.Ecc.MEDIUM).get_version(),
    "PyQRCodeNG": pyqrcodeng.create(text, error="M").version,
    "reportlab": widget.qr.version,
}
print(found)
expected = {"qrcode": 17, "zxing-cpp": 17, "segno": 27, "qrcodegen": 27, "PyQRCodeNG": 27, "reportlab": 27}
sys.exit(found != expected)
PY
