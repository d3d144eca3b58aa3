import numpy as np
import pytest

from firmware_stubs.edge.lens import NO_CODE, check, look, look_at_file, typed
from tests.support.city import City
from tests.support.health import chunks, dcc
from tests.support.judgements import TYPED
from tests.verifier.codes.test_health_documents import link, signed
from verifier.barcode.bounds import PictureRefused
from verifier.barcode.decoded import Frame, read_picture
from verifier.barcode.render import symbol, to_png
from verifier.contract.reasons import Reason
from verifier.contract.scan import MAX_TEXT_CHARS


def frame_of(*texts: str) -> Frame:
    """Lay codes side by side."""
    pictures = [read_picture(to_png(symbol(text), scale=5)) for text in texts]
    height = max(picture.shape[0] for picture in pictures)
    return np.hstack(
        [
            np.pad(picture, ((0, height - picture.shape[0]), (0, 0)), constant_values=255)
            for picture in pictures
        ]
    )


@pytest.mark.parametrize(
    ("texts", "text", "reason"),
    [
        (("CC1:ONE",), "CC1:ONE", None),
        (("CC1:ONE", "https://poster.example"), "CC1:ONE", None),
        (("https://poster.example", "CC1:ONE", "weixin://pay"), "CC1:ONE", None),
        (("CC1:ONE", "CC1:TWO"), "", Reason.PICTURE_SEVERAL),
        (("CC1:ONE", "CC1:ONE"), "CC1:ONE", None),
        (("https://poster.example",), "", Reason.FORMAT_UNKNOWN),
        (("shc:/1/2/56", "shc:/1/3/57"), "", Reason.PICTURE_SEVERAL),
        (("shc:/1/2/56", "shc:/1/2/57"), "", Reason.PICTURE_SEVERAL),
        (("shc:/1/2/56", "CC1:ONE"), "", Reason.PICTURE_SEVERAL),
        (("shc:/56", "shc:/2/2/57"), "", Reason.PICTURE_SEVERAL),
    ],
)
def test_codes_in_view(texts: tuple[str, ...], text: str, reason: Reason | None) -> None:
    """One of ours is it, several are refused, others do not disturb."""
    reading = look(frame_of(*texts))
    assert ("".join(reading.texts), reading.reason) == (text, reason)


@pytest.mark.parametrize("texts", [("shc:/1/3/56", "shc:/3/3/57"), tuple(chunks(3))])
def test_symbols_of_one_card(texts: tuple[str, ...]) -> None:
    """They are one code, whole or not; a poster beside them does not disturb."""
    reading = look(frame_of(*texts, "https://poster.example"))
    assert (set(reading.texts), reading.reason) == (set(texts), None)


def test_empty_frame() -> None:
    """No code in view."""
    assert look(np.full((720, 1280), 200, np.uint8)) == NO_CODE


def test_file_that_is_no_picture() -> None:
    """Refused as one, not as a frame without a code."""
    with pytest.raises(PictureRefused):
        look_at_file(b"GIF89a")


@pytest.mark.parametrize("end", [b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\t", b"\x03", b"\x1d"])
def test_wedge_ends(end: bytes) -> None:
    """Controls at the end are cut, whatever the scanner sends."""
    assert typed(b"CC1:ONE" + end).texts == ("CC1:ONE",)


@pytest.mark.parametrize("name", TYPED)
def test_what_scanners_add_is_taken_off(name: str) -> None:
    """Before, behind, and the case of the letters."""
    code = City().text()
    assert typed(TYPED[name].encode()).texts == (code,)


def test_symbols_of_a_card_are_cleaned_each() -> None:
    """With another prefix and a TAB."""
    for symbol_text in chunks(3):
        assert typed(b"SHC" + symbol_text[3:].encode() + b"\t").texts == (symbol_text,)


@pytest.mark.parametrize(
    ("data", "text", "reason"),
    [
        (b"", "", Reason.PICTURE_NONE),
        (b"\r\n", "", Reason.PICTURE_NONE),
        (b" CC1:ONE ", "CC1:ONE ", None),
        (b"CC1:O\tNE", "CC1:O\tNE", None),
        (b"]Q1https://poster.example\r", "]Q1https://poster.example\r", None),
        ("CC1Ö".encode("latin-1") + b"A" * 60, "", Reason.SCANNER_LAYOUT),
        (b"\t\r\n", "", Reason.PICTURE_NONE),
        (b"\xff\xfe", "", Reason.FORMAT_UNKNOWN),
        (b"A" * (MAX_TEXT_CHARS + 1), "", Reason.FORMAT_TOO_LONG),
    ],
)
def test_wedge(data: bytes, text: str, reason: Reason | None) -> None:
    """The inside is never touched, nor a text of another kind; a space is a digit of base45."""
    reading = typed(data)
    assert ("".join(reading.texts), reading.reason) == (text, reason)


def test_reading_prints_no_text() -> None:
    """Codes do not get into logs."""
    assert "SECRET" not in repr(check("CC1:SECRET"))


@pytest.mark.parametrize("scheme", ["vhlink:/", "shlink:/"])
def test_a_link_is_let_go_where_it_is_read(scheme: str) -> None:
    """Its key opens somebody's documents, and every scan is written down."""
    for text in (signed(5, link(scheme)), signed(5, [{"u": link(scheme)}]), link(scheme)):
        found = typed(text.encode())
        assert (found.texts, str(found.reason)) == ((), "place.link")
    whole = signed(1, dcc())
    assert typed(whole.encode()).texts == (whole,)
