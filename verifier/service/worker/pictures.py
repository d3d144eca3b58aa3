"""What a picture shows: the text of its one code, or the Reason why there is none.

Nothing here waits for anything.
"""

from runtime.clock import time_left
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import LOOK_S, find
from verifier.codes.shc import gather
from verifier.codes.shown import code_in_sight, opens
from verifier.contract.reasons import Reason


def code_in(picture: bytes) -> str | Reason:
    """Read a picture file.

    Raises:
        verifier.barcode.bounds.PictureRefused: it cannot be looked at.
    """
    found = code_in_sight(find(read_picture(picture), opens, time_left(LOOK_S)))
    return found if isinstance(found, Reason) else gather(found)
