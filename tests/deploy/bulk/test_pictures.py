"""`kapok issue cards`: results in; pictures and a PDF out that hold the same codes."""

import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.city import PERSON, City
from tests.support.command_line import kapok
from tests.support.keys import ISSUER
from tests.support.signers import pem
from verifier.barcode.decoded import read_picture
from verifier.barcode.scan import scan

CODES = [City(phone=None, subject=replace(PERSON, person=n)).text() for n in range(12)]
PIXELS_A_POINT = 4


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write results as `issue bulk` does: twelve codes, and a phone."""
    rows = [
        {"line": n, "new": True, "text": t, "expires": 1_900_000_000}
        for n, t in enumerate(CODES, 2)
    ]
    path = tmp_path / "codes.ndjson"
    lines = [json.dumps(row) for row in [*rows, {"line": 90, "person": 7, "new": True}]]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_picture_for_each_line(results: Path, tmp_path: Path) -> None:
    """Named by the line; nobody else may read them; given again they are the same."""
    for _ in range(2):
        done = kapok("issue", "cards", results, "--out", tmp_path / "png")
        assert (done.code, "12 codes" in done.out) == (0, True)
    found = sorted((tmp_path / "png").iterdir())
    assert [path.name for path in found] == [f"{n:08}.png" for n in range(2, 14)]
    assert [scan(read_picture(path.read_bytes())) for path in found] == [(t,) for t in CODES]
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert kapok("issue", "cards", results, "--out", tmp_path / "svg", "--format", "svg").code == 0
    assert (tmp_path / "svg" / "00000002.svg").read_text().startswith("<svg ")


def pages(pdf: bytes) -> list[str]:
    """Return what is drawn on each page."""
    found = re.findall(rb"/Filter/FlateDecode>>stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(stream).decode() for stream in found]


def painted(page: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Paint the filled rectangles of a page, as a printer does."""
    height, width = 842 * PIXELS_A_POINT, 595 * PIXELS_A_POINT
    frame = np.full((height, width), 255, np.uint8)
    for block in re.findall(r"q (\S+) 0 0 \S+ (\S+) (\S+) cm\n(.*?)f Q", page, re.DOTALL):
        scale, left, bottom = (float(word) * PIXELS_A_POINT for word in block[:3])
        for x, y, w, h in re.findall(r"(\S+) (\S+) (\S+) (\S+) re", block[3]):
            top = height - round(bottom + (int(y) + int(h)) * scale)
            foot = height - round(bottom + int(y) * scale)
            frame[
                top:foot, round(left + int(x) * scale) : round(left + (int(x) + int(w)) * scale)
            ] = 0
    return frame


def test_a_pdf_of_cards(results: Path, tmp_path: Path) -> None:
    """Ten a page; each code reads back; the table of parts says where they are."""
    out = tmp_path / "cards.pdf"
    assert kapok("issue", "cards", results, "--out", out).code == 0
    pdf = out.read_bytes()
    assert out.stat().st_mode & 0o777 == 0o600
    drawn = pages(pdf)
    assert len(drawn) == 2
    read = [text for page in drawn for text in scan(painted(page))]
    assert sorted(read) == sorted(CODES)
    assert "(No. 2)Tj" in drawn[0]
    start = int(re.findall(rb"startxref\n(\d+)", pdf)[0])
    places = [int(at) for at in re.findall(rb"(\d{10}) 00000 n", pdf[start:])]
    assert [pdf[at:].split(b" ", 1)[0] for at in places] == [b"%d" % n for n in range(1, 8)]


@pytest.mark.parametrize(
    "text", ["", '{"line":2,"person":1}\n', "no json\n", '{"line":0,"text":"x"}\n']
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    """Exit 2; no file is left behind."""
    path, out = tmp_path / "codes.ndjson", tmp_path / "cards.pdf"
    path.write_text(text)
    assert kapok("issue", "cards", path, "--out", out).code == 2
    assert list(tmp_path.iterdir()) == [path]


def test_verify_reads_the_results(results: Path, tmp_path: Path) -> None:
    """A row for each code, none for the phone's line."""
    (tmp_path / "issuer.pem").write_bytes(pem(ISSUER.spki, "PUBLIC KEY"))
    at = "2026-09-21T14:13:20Z"
    done = kapok("verify", results, "--trust", tmp_path / "issuer.pem", "--at", at, "--json")
    assert [json.loads(line)["outcome"] for line in done.out.splitlines()] == ["genuine"] * 12
