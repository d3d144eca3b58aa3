"""Lines: however they are cut, the same lines; wrong ones spoil only themselves."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.feed_sources import NOW, manifest, source
from verifier.contract.feed import MAX_LINE_BYTES, BatchForm, digest_of
from verifier.contract.vocabulary import Plane
from verifier.errors import FeedCause, FeedRefused
from verifier.feeds.lines import (
    AHEAD_S,
    HORIZON_S,
    BodyLines,
    LineReader,
    Observation,
    Position,
    complete,
)
from verifier.feeds.reports import LineFault, WrongLine


def line(**changes: object) -> bytes:
    """Write a right line, changed as asked; None leaves a member out."""
    row = {"ref": "R-1", "plane": "health", "value": "red", "at": NOW} | changes
    return json.dumps({k: v for k, v in row.items() if v is not None}).encode() + b"\n"


def read(text: bytes, form: BatchForm = BatchForm.NDJSON) -> list[Observation | WrongLine]:
    """Read a whole text."""
    reader = LineReader(manifest(text, form=form), source(), Position())
    return list(reader.take(text, NOW))


def fault(text: bytes, form: BatchForm = BatchForm.NDJSON) -> tuple[str, LineFault]:
    """Return field and fault of the one line of a text."""
    (found,) = read(text, form)
    assert isinstance(found, WrongLine)
    return found.field, found.fault


def test_right_lines_of_both_forms() -> None:
    """By reference and by index, words and numbers."""
    assert read(line() + line(ref=None, person=7, value=1, plane="test")) == [
        Observation(1, "R-1", None, Plane.HEALTH, 3, NOW),
        Observation(2, None, 7, Plane.TEST, 1, NOW),
    ]
    rows = f"ref,plane,value,at\nR-1,health,red,{NOW}\r\nR-2,test,9,{NOW}".encode()
    assert read(rows, BatchForm.CSV) == [
        Observation(2, "R-1", None, Plane.HEALTH, 3, NOW),
        Observation(3, "R-2", None, Plane.TEST, 9, NOW),
    ]
    assert read(f"person,plane,value,at\n5,health,2,{NOW}\n".encode(), BatchForm.CSV) == [
        Observation(2, None, 5, Plane.HEALTH, 2, NOW)
    ]


@pytest.mark.parametrize(
    ("text", "field", "reason"),
    [
        (b"\n", "", LineFault.FORM),
        (b"red\n", "", LineFault.FORM),
        (b"[1]\n", "", LineFault.FORM),
        (b"\xff\n", "", LineFault.FORM),
        (b"[" * 400 + b"\n", "", LineFault.FORM),
        (line(name="Li"), "", LineFault.FORM),
        (line(at="now"), "", LineFault.FORM),
        (line(at=1.5), "", LineFault.FORM),
        (line(ref=None), "ref", LineFault.FORM),
        (line(person=1), "ref", LineFault.FORM),
        (line(plane="revocation"), "plane", LineFault.PLANE),
        (line(plane="doses"), "plane", LineFault.PLANE),
        (line(value="none"), "value", LineFault.VALUE),
        (line(value="blue"), "value", LineFault.VALUE),
        (line(value=4), "value", LineFault.VALUE),
        (line(value=-1), "value", LineFault.VALUE),
        (line(at=NOW - HORIZON_S - 1), "at", LineFault.TIME),
        (line(at=NOW + AHEAD_S + 1), "at", LineFault.TIME),
        (line(ref="R" * MAX_LINE_BYTES), "", LineFault.LONG),
    ],
)
def test_a_wrong_line_is_named(text: bytes, field: str, reason: LineFault) -> None:
    """Number, field and fault; the next line is read all the same."""
    assert fault(text) == (field, reason)
    found = read(text + line())
    assert isinstance(found[1], Observation)


@pytest.mark.parametrize(
    "row", ["R-1,health,red", "R-1,health,red,1,2", '"R-1",health,red,1', "R-1,health,red,x", ""]
)
def test_a_wrong_row_is_named(row: str) -> None:
    """Four plain fields, or it is none."""
    (found,) = read(f"ref,plane,value,at\n{row}\n".encode(), BatchForm.CSV)
    assert isinstance(found, WrongLine)
    assert (found.line, found.fault) == (2, LineFault.FORM)


@pytest.mark.parametrize("header", [b"plane,ref,value,at\n", b"\n", b"R-1,health,red,1\n"])
def test_a_csv_begins_with_its_columns(header: bytes) -> None:
    """Without them nobody knows what stands where."""
    with pytest.raises(FeedRefused) as caught:
        read(header + b"R-1,health,red,1\n", BatchForm.CSV)
    assert caught.value.cause is FeedCause.BODY_HEADER


def test_more_text_than_the_manifest_says() -> None:
    """The first byte past it is refused."""
    reader = LineReader(manifest(line()), source(), Position())
    assert list(reader.take(line(), NOW))
    with pytest.raises(FeedRefused) as caught:
        list(reader.take(b"x", NOW))
    assert caught.value.cause is FeedCause.PART_LARGE


@given(st.lists(st.binary(max_size=700), max_size=12), st.integers(min_value=1, max_value=900))
def test_however_it_is_cut_the_lines_are_the_same(pieces: list[bytes], size: int) -> None:
    """Digest, count and bytes do not hang on how a text arrives; memory is one line."""
    text = b"\n".join(pieces)
    body, seen = BodyLines(Position()), 0
    for at in range(0, len(text), size):
        seen += sum(1 for _ in body.take(text[at : at + size]))
        assert len(body._held) <= MAX_LINE_BYTES + size
    seen += sum(1 for _ in body.last())
    assert (body.digest, body.octets, body.lines) == (digest_of(text), len(text), seen)


@given(st.data())
def test_reading_goes_on_at_any_line(data: st.DataObject) -> None:
    """A reader begun at another's position reads what is left, to the same digest."""
    text = line() + line(value="blue") + b"x" * 600 + b"\n" + line(person=3, ref=None)
    described = manifest(text)
    whole = LineReader(described, source(), Position())
    expected = list(whole.take(text, NOW))
    cut = data.draw(st.integers(min_value=0, max_value=len(text) - 1))
    first = LineReader(described, source(), Position())
    before = list(first.take(text[:cut], NOW))
    after = LineReader(described, source(), first.position)
    rest = list(after.take(text[first.position.octets :], NOW))
    assert before + rest == expected
    complete(described, after.position)


def test_another_text_than_described() -> None:
    """As many lines with another byte; one line fewer."""
    text = line() + line()
    reader = LineReader(manifest(text), source(), Position())
    list(reader.take(text, NOW))
    complete(manifest(text), reader.position)
    for described, cause in (
        (manifest(text, digest=bytes(32)), FeedCause.BODY_DIGEST),
        (manifest(text, lines=3), FeedCause.BODY_LINES),
    ):
        with pytest.raises(FeedRefused) as caught:
            complete(described, reader.position)
        assert caught.value.cause is cause


@given(st.binary(max_size=900))
def test_nothing_but_an_answer_comes_of_any_text(text: bytes) -> None:
    """Observations and wrong lines, of either form."""
    assert all(isinstance(item, Observation | WrongLine) for item in read(text))
    rows = b"ref,plane,value,at\n" + text
    assert all(isinstance(item, Observation | WrongLine) for item in read(rows, BatchForm.CSV))
