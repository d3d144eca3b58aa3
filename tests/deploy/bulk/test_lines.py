"""Lines of CSV and NDJSON: what is sent, and what is refused before, by number and member."""

import io
from typing import Any

import msgspec
import pytest

from deploy.bulk.lines import MAX_LINE_BYTES, FileKind, FileLine, LineFile
from deploy.local.errors import UsageError

HEADER = b"reference,kind,colour,hours,sectors\n"


def lines(text: bytes, kind: FileKind) -> list[FileLine]:
    """Read a text."""
    return list(LineFile(io.BytesIO(text), kind).lines())


def sent(text: bytes, kind: FileKind) -> list[Any]:
    """Return what is sent."""
    return [msgspec.json.decode(line.body) for line in lines(text, kind)]


def refused(text: bytes, kind: FileKind) -> list[tuple[int, str, str | None]]:
    """Return what is refused."""
    found = [line.refused for line in lines(text, kind)]
    return [(row.line or 0, row.code, row.field) for row in found if row is not None]


def test_csv_becomes_lines() -> None:
    """A byte order mark, quotes, empty cells and lines, sectors with and without a class."""
    text = (
        b"\xef\xbb\xbf" + HEADER + b'"A-1",paper,red,24,hall=0;transit=2\r\n'
        b"\r\n" + b"B-1,,,48,hall;culture\n" + "C-甲,phone,green,,".encode()
    )
    assert sent(text, FileKind.CSV) == [
        {"line": 2, "kind": "paper", "reference": "A-1", "colour": "red", "hours": 24,
         "sectors": {"hall": 0, "transit": 2}},
        {"line": 4, "kind": "paper", "reference": "B-1", "hours": 48,
         "sectors": {"hall": 0, "culture": 0}},
        {"line": 5, "kind": "phone", "reference": "C-甲", "colour": "green"},
    ]  # fmt: skip


def test_ndjson_becomes_lines() -> None:
    """As they are, with their number; empty lines count."""
    text = b'{"reference":"A-1","kind":"paper","hours":1}\n\n{"reference":"B-1"}'
    assert sent(text, FileKind.NDJSON) == [
        {"line": 1, "reference": "A-1", "kind": "paper", "hours": 1},
        {"line": 3, "reference": "B-1"},
    ]


def test_a_line_begins_with_its_number() -> None:
    """So that the far side can name it whatever follows."""
    (line,) = lines(b'{"reference":"A-1"}', FileKind.NDJSON)
    assert line.body.startswith(b'{"line":1,')


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        (b"A-1,paper,green,1", "line.columns", None),
        (b"A-1,paper,green,1,hall,more", "line.columns", None),
        (b"A-1,paper,green,one,hall", "line.field", "hours"),
        (b"A-1,paper,green,-1,hall", "line.field", "hours"),
        (b"A-1,paper,green,1,hall=x", "line.field", "sectors"),
        (b"A-1,paper,green,1,hall;hall", "line.field", "sectors"),
        (b"A-1,paper,green,1,;", "line.field", "sectors"),
        (b'"A-1,paper,green,1,hall', "line.csv", None),
        (b'"A"-1,paper,green,1,hall', "line.csv", None),
        (b"\xff,paper,green,1,hall", "line.encoding", None),
        ("粤A-1,paper,green,1,hall".encode("gbk"), "line.encoding", None),
        (b"x" * (MAX_LINE_BYTES + 9), "line.large", None),
        (b"x" * (3 * MAX_LINE_BYTES), "line.large", None),
    ],
)
def test_a_bad_row_spoils_only_itself(row: bytes, code: str, field: str | None) -> None:
    """An unclosed quotation too: the next line is another person's."""
    text = HEADER + b"B-1,,,1,\n" + row + b"\nC-1,,,1,\n"
    assert refused(text, FileKind.CSV) == [(3, code, field)]
    assert [line.number for line in lines(text, FileKind.CSV)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        (b"nonsense", "line.json", None),
        (b"[]", "line.json", None),
        (b'{"reference":"A-1"', "line.json", None),
        (b'{"line":9,"reference":"A-1"}', "line.field", "line"),
        (b"[" * 4000, "line.json", None),
        ('{"reference":"粤A-1"}'.encode("gbk"), "line.encoding", None),
        (('{"reference":"' + "粤" * MAX_LINE_BYTES + '"}').encode(), "line.large", None),
        (b'{"reference":"' + b"x" * MAX_LINE_BYTES + b'"}', "line.large", None),
    ],
)
def test_a_bad_object_spoils_only_itself(row: bytes, code: str, field: str | None) -> None:
    """By number and member."""
    text = b'{"reference":"B-1"}\n' + row + b'\n{"reference":"C-1"}\n'
    assert refused(text, FileKind.NDJSON) == [(2, code, field)]
    assert [line.number for line in lines(text, FileKind.NDJSON)] == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [b"", b"\n", b"440101199001011234,paper\n", b"name,kind\n", b"reference,reference\n",
     b"kind,hours\n", b"\xff\xfe\n", b'"reference\n'],
)  # fmt: skip
def test_a_file_without_a_header_is_refused(text: bytes) -> None:
    """Without quoting what stands in its place."""
    with pytest.raises(UsageError) as error:
        lines(text, FileKind.CSV)
    assert "4401" not in str(error.value)


@pytest.mark.parametrize("encoding", ["gbk", "gb18030"])
def test_a_header_in_gbk_is_named_so(encoding: str) -> None:
    """A spreadsheet's CSV, with what to do; nothing of it is quoted."""
    with pytest.raises(UsageError, match=r"GBK.*UTF-8") as error:
        lines("编号,类别\n粤A-1,paper\n".encode(encoding), FileKind.CSV)
    assert "粤" not in str(error.value)


def test_what_was_read_is_hashed() -> None:
    """Up to the line that came last, so that going on later can be checked."""
    text = b'{"reference":"A-1"}\n\n{"reference":"B-1"}\n{"reference":"C-1"}\n'
    first, second = (
        LineFile(io.BytesIO(each), FileKind.NDJSON) for each in (text, text[:-3] + b"x")
    )
    for source in (first, second):
        reading = source.lines()
        next(reading), next(reading)
    assert (first.octets, first.digest) == (second.octets, second.digest)
    assert first.octets == text.index(b"\n", text.index(b"B-1")) + 1
