import msgspec
import pytest

from runtime.http.bodies import decode
from runtime.http.problems import Problem
from verifier.contract.scan import ScanRequest, UploadRequest

SCAN = msgspec.json.Decoder(ScanRequest)
UPLOAD = msgspec.json.Decoder(UploadRequest)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b"", "body.json", None),
        (b"{", "body.json", None),
        (b"nonsense", "body.json", None),
        (b'{"scan_id":"a","text":"b"}}', "body.json", None),
        (b'{"scan_id":"a","text":"\xff"}', "body.json", None),
        (b'{"scan_id":"a","text":NaN}', "body.json", None),
        (b"[" * 30_000, "body.json", None),
        (b'{"other":' + b"[" * 30_000, "body.json", None),
        (b"[]", "body.field", "$"),
        (b"null", "body.field", "$"),
        (b"{}", "body.field", "$.scan_id"),
        (b'{"scan_id":"a"}', "body.field", "$"),
        (b'{"scan_id":1,"text":"b"}', "body.field", "$.scan_id"),
        (b'{"scan_id":"a","text":null}', "body.field", "$.text"),
        (b'{"scan_id":"a","text":""}', "body.field", "$.text"),
        (b'{"scan_id":"a","text":"%b"}' % (b"x" * 20_001), "body.field", "$.text"),
        (b'{"scan_id":"a","text":"b","place":7}', "body.field", "$.place"),
        (b'{"scan_id":"a","text":"b","secret-name":1}', "body.field", "$"),
    ],
)
def test_a_wrong_body_is_named_by_its_path(body: bytes, code: str, field: str | None) -> None:
    """A code and a path of our own names; nothing of the input."""
    with pytest.raises(Problem) as found:
        decode(body, SCAN, 65_536)
    assert found.value.code == code
    assert found.value.field == field


def test_a_path_leads_into_lists() -> None:
    """Which record of an upload is wrong."""
    good = b'{"scan_id":"a","text":"b","at":1,"decision":"pass"}'
    with pytest.raises(Problem) as found:
        decode(b'{"records":[%b,{"scan_id":"a","text":"b","at":"x"}]}' % good, UPLOAD, 65_536)
    assert found.value.field is not None
    assert found.value.field.startswith("$.records[")


def test_too_long_a_body_is_not_read() -> None:
    """It is refused by its length alone."""
    with pytest.raises(Problem) as found:
        decode(b"x" * 101, SCAN, 100)
    assert found.value.code == "body.large"
