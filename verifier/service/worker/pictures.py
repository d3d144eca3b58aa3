"""What a picture shows: the text of its one code, or the Reason why there is none. No waiting here.

The symbols of one SMART Health Card are one code. Symbols of other kinds (posters, payment codes)
do not disturb beside exactly one code of ours, and what they say is dropped at once.
"""

from verifier.barcode.scan import read_picture, scan
from verifier.codes.formats import looks_like_code
from verifier.codes.shc import gather, of_one_card
from verifier.contract.reasons import Reason


def code_in(picture: bytes) -> str | Reason:
    """Read a PNG or JPEG file.

    Raises:
        verifier.barcode.scan.PictureRefused: it cannot be looked at.
    """
    texts = scan(read_picture(picture))
    codes = [text for text in texts if looks_like_code(text)]
    if len(codes) > 1 and not of_one_card(codes):
        return Reason.PICTURE_SEVERAL
    if codes:
        return gather(codes)
    return Reason.FORMAT_UNKNOWN if texts else Reason.PICTURE_NONE
