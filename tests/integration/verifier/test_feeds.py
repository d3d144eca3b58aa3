"""Batches against a real store: applied whole or not at all, once, newest observation first."""

import base64
import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.feeds_house import (
    GIVEN,
    KEY,
    PEOPLE,
    STRANGER_KEY,
    FeedsHouse,
    Sender,
    eventually,
    feeds_house,
    lines,
)
from verifier.contract.feed import BatchForm, digest_of
from verifier.contract.vocabulary import Plane
from verifier.issuing import signing_key

HEALTH, TEST = Plane.HEALTH, Plane.TEST
OTHER = base64.b64encode(signing_key.generate().spki).decode()


@pytest.fixture(scope="module")
def house() -> Iterator[FeedsHouse]:
    """One process for the file; each test has a source and persons of its own."""
    with feeds_house() as it:
        yield it


def refused(house: FeedsHouse, sender: Sender, text: bytes, **changes: object) -> str:
    """Send what is not taken; returns the code, and sees that no plane has changed."""
    before = house.plane(HEALTH), house.plane(TEST)
    answer = sender.send(text, **changes)
    assert answer.status >= 400
    assert (house.plane(HEALTH), house.plane(TEST)) == before
    code: str = answer.body.get("code") or answer.body["cause"]
    return code


def test_a_batch_sets_values_by_reference_and_by_index(house: FeedsHouse) -> None:
    """NDJSON and CSV, plain and gzip."""
    sender = house.sender("forms")
    assert sender.send(lines([("R-0001", "red", 0), (200, "yellow", -9)])).status == 200
    now = int(time.time())
    rows = f"ref,plane,value,at\nr-0002 ,health,green,{now}\nR-0003,test,77,{now}".encode()
    answer = sender.send(rows, packed=True, form=BatchForm.CSV, planes=(HEALTH, TEST))
    assert (answer.status, answer.body["applied"]) == (200, 2)
    assert answer.body["counts"] == {"health": {"green": 1}, "test": {"77": 1}}
    assert [house.value(HEALTH, index) for index in (1, 200, 2)] == [3, 2, 1]
    assert house.value(TEST, 3) == 77


def test_nothing_is_said_of_who_was_erased(house: FeedsHouse) -> None:
    """Neither by index nor by a reference that still leads there: nobody is known by it."""
    sender = house.sender("erased", more='unknown_persons = "skipped"')
    with house.redis.client() as client:
        for person in (40, 240):
            client.setbit("v:{status}:erased:1", person, 1)
    answer = sender.send(lines([("R-0040", "red", 0), (240, "red", 0), (241, "red", 0)]))
    assert (answer.status, answer.body["applied"], answer.body["skipped"]) == (200, 1, 2)
    assert [house.value(HEALTH, index) for index in (40, 240, 241)] == [0, 0, 3]


def test_no_reference_is_kept_anywhere(house: FeedsHouse) -> None:
    """Not in the store, not in its file, not in the spool or the log."""
    sender = house.sender("references")
    with house.redis.client() as client:
        client.hset("v:person:1:00000", "x", "1")
    half = lines([("R-0004", "red", 0), ("R-0005-UNKNOWN", "red", 0)])
    described = sender.manifest(half + half)
    assert sender.post(described, half).status == 202
    spooled = b"".join(p.read_bytes() for p in house.folder.rglob("*") if p.is_file())
    kept = b"".join(p.read_bytes() for p in house.redis.directory.rglob("*") if p.is_file())
    assert b"R-0004" not in spooled + kept
    assert b"UNKNOWN" not in spooled + kept


def test_the_same_batch_again_is_answered_as_it_was(house: FeedsHouse) -> None:
    """Also signed again later, and after its successors; nothing is applied twice."""
    sender = house.sender("again")
    text = lines([(300, "red", -60)])
    described = sender.manifest(text)
    first = sender.post(described, text)
    sender.sequence = 1
    assert sender.send(lines([(300, "green", 0)])).status == 200
    for again in (described, sender.manifest(text, batch=described.batch, sequence=1)):
        answer = sender.post(again, text)
        assert (answer.status, answer.body) == (200, first.body)
    assert house.value(HEALTH, 300) == 1


def test_numbers_have_no_gaps_and_are_used_once(house: FeedsHouse) -> None:
    """Early, late and out of order: refused, and the number that is expected is said."""
    sender = house.sender("numbers")
    assert refused(house, sender, lines([(301, "red", 0)]), sequence=2) == "batch.gap"
    assert sender.send(lines([(301, "green", 0)])).status == 200
    assert refused(house, sender, lines([(301, "red", 0)]), sequence=1) == "batch.conflict"
    answer = sender.send(lines([(301, "red", 0)]), sequence=7)
    assert (answer.body["code"], answer.body["expected"]) == ("batch.gap", 2)
    assert sender.send(b"").status == 200


def test_forged_manifests_change_nothing(house: FeedsHouse) -> None:
    """A stranger's signature, another source's, an altered one, none, another's API key."""
    sender, text = house.sender("forged"), lines([(302, "red", 0)])
    described = sender.manifest(text)
    whole = sender.seal(described)
    for header, code in (
        (sender.seal(described, signing_key.generate()), "manifest.signature"),
        (sender.seal(sender.manifest(text, source="another")), "manifest.source"),
        (whole[:-2] + ("AA" if whole[-2:] != "AA" else "BB"), "manifest.signature"),
        (whole[:40], "manifest.malformed"),
        ("", "header.bad"),
    ):
        answer = sender.post(described, text, header=header)
        assert answer.body["code"] == code
    assert sender.post(described, text, api_key=STRANGER_KEY).status == 404
    assert house.value(HEALTH, 302) == 0
    assert sender.state()["refused"]["manifest.signature"] == 2


def test_a_clock_an_hour_off_is_refused_told_and_counted(house: FeedsHouse) -> None:
    """Ahead or behind; the source goes on once it is set right."""
    sender, now = house.sender("clock"), int(time.time())
    for offset in (-3600, 3600):
        answer = sender.send(lines([(303, "red", 0)]), iat=now + offset)
        assert (answer.status, answer.body["code"]) == (403, "manifest.clock")
        assert abs(answer.body["ours"] - answer.body["yours"] + offset) < 60
    assert sender.state()["refused"] == {"manifest.clock": 2}
    assert sender.send(lines([(303, "red", 0)])).status == 200


def test_wrong_lines_refuse_the_whole_batch_and_are_named(house: FeedsHouse) -> None:
    """No JSON, nobody, an index never given out, outside the list, outside the scope."""
    sender = house.sender("wrong")
    text = (
        lines([(304, "red", 0)])
        + b"not JSON\n"
        + lines([("R-9999", "red", 0), (GIVEN + 10, "red", 0), (PEOPLE, "red", 0)])
        + lines([(305, "none", 0), (306, "red", -100_000), ("R", "red", 0)])
        + lines([(307, "red", 0)], plane="doses")
    )
    described = sender.manifest(text)
    answer = sender.post(described, text)
    assert (answer.status, answer.body["cause"]) == (422, "body.errors")
    assert answer.body["wrong_lines"] == [
        [2, "", "line.form"],
        [3, "ref", "line.person"],
        [4, "person", "line.person"],
        [5, "person", "line.person"],
        [6, "value", "line.value"],
        [7, "at", "line.time"],
        [8, "ref", "line.reference"],
        [9, "plane", "line.plane"],
    ]
    assert house.value(HEALTH, 304) == 0
    again = sender.post(described, text)
    assert (again.status, again.body) == (answer.status, answer.body)
    # The number was not used up: a repaired batch takes it.
    assert sender.send(lines([(304, "red", 0)])).status == 200


def test_a_source_may_be_allowed_some_wrong_lines(house: FeedsHouse) -> None:
    """Up to so many in a thousand the others are applied; one more and none is."""
    sender = house.sender("some", tables="[limits]\nwrong_lines = 100")
    text = lines([(310 + n, "red", 0) for n in range(9)]) + b"{}\n"
    answer = sender.send(text)
    assert (answer.status, answer.body["applied"], answer.body["wrong"]) == (200, 9, 1)
    assert refused(house, sender, lines([(310, "green", 0)]) + b"{}\n") == "body.errors"


def test_a_source_may_know_more_people_than_we_do(house: FeedsHouse) -> None:
    """Where its file says so, strangers are passed over and counted."""
    sender = house.sender("strangers", more='unknown_persons = "skipped"')
    answer = sender.send(lines([("R-9999", "red", 0), (320, "red", 0), (GIVEN + 1, "red", 0)]))
    assert (answer.status, answer.body["applied"], answer.body["skipped"]) == (200, 1, 2)


def test_an_older_observation_does_not_undo_a_newer_one(house: FeedsHouse) -> None:
    """Within a batch, across batches, across sources; as new as the newest counts."""
    one, two = house.sender("one"), house.sender("two")
    one.send(lines([(330, "red", -100), (330, "green", -200), (331, "red", -300)]))
    assert house.value(HEALTH, 330) == 3
    answer = two.send(lines([(330, "green", -120), (331, "green", -200), (332, "red", -80_000)]))
    assert (answer.body["applied"], answer.body["older"]) == (2, 1)
    assert [house.value(HEALTH, index) for index in (330, 331, 332)] == [3, 1, 3]
    now = int(time.time())
    assert two.send(lines([(330, "yellow", 0)], at=now)).body["applied"] == 1
    assert one.send(lines([(330, "green", 0)], at=now)).body["applied"] == 1
    assert house.value(HEALTH, 330) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"digest": bytes(32)}, "body.digest"),
        ({"lines": 3}, "body.lines"),
        ({"octets": 10}, "part.large"),
    ],
)
def test_another_text_than_the_manifests_changes_nothing(
    house: FeedsHouse, changes: dict[str, object], code: str
) -> None:
    """Altered, shorter in lines, longer in bytes; the right text is then taken."""
    sender = house.sender(f"text-{code[5:]}")
    text = lines([(340, "red", 0), (341, "red", 0)])
    assert refused(house, sender, text, **changes) == code
    assert sender.send(text).status == 200


def test_what_is_no_gzip_or_too_much_of_it_is_refused(house: FeedsHouse) -> None:
    """Garbage, and 20 KB that would be 20 MB."""
    sender = house.sender("gzip")
    described = sender.manifest(lines([(342, "red", 0)]))
    answer = sender.post(described, b"x" * 100, headers={"Content-Encoding": "gzip"})
    assert answer.body["code"] == "part.encoding"
    answer = sender.post(described, bytes(20_000_000), packed=True)
    assert answer.body["code"] == "part.large"
    assert house.value(HEALTH, 342) == 0


def test_a_cut_upload_goes_on_at_its_offset(house: FeedsHouse) -> None:
    """A sender that vanishes in the middle; a part at a wrong offset; parts of any size."""
    sender = house.sender("parts")
    text = lines([(400 + n, "red", 0) for n in range(3000)])
    described = sender.manifest(text)
    head = (
        f"POST /v1/feeds/parts/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Kapok-Manifest: {sender.seal(described)}\r\nContent-Type: application/x-ndjson\r\n"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", house.process.port)) as connection:
        connection.sendall(head.encode() + text[:100_000])
        eventually(
            "some of it was read",
            lambda: (
                house.ask("GET", f"/v1/feeds/parts/batches/{described.batch.hex()}").status == 202
            ),
        )

    def offset() -> int:
        found = sender.batch(described).body
        assert found["state"] == "receiving"
        return int(found.get("octets", 0))

    eventually("what came is kept", lambda: offset() > 60_000)
    assert house.value(HEALTH, 400) == 0
    wrong = sender.patch(described, offset() + 1, b"x")
    assert (wrong.status, wrong.body["code"]) == (409, "part.offset")
    assert wrong.body["expected"] == offset()
    at = offset()
    assert sender.patch(described, at, text[at : at + 50_001]).status == 202
    answer = sender.patch(described, offset(), text[offset() :])
    assert (answer.status, answer.body["applied"]) == (200, 3000)
    assert sender.patch(described, 0, text).status == 404
    assert house.value(HEALTH, 3399) == 3


def test_a_failing_source_is_given_a_pause_and_a_trial(house: FeedsHouse) -> None:
    """Two failures open it, with Retry-After; another source is taken meanwhile."""
    tables = "[breaker]\nfailures = 2\npause = 1"
    bad, good = house.sender("bad", tables=tables), house.sender("good")
    for _ in range(2):
        assert refused(house, bad, b"{}\n") == "body.errors"
    answer = bad.send(lines([(350, "red", 0)]))
    assert (answer.status, answer.body["code"]) == (503, "source.open")
    assert int(answer.headers["Retry-After"]) >= 1
    assert bad.state()["breaker"] == "open"
    assert good.send(lines([(351, "red", 0)])).status == 200
    eventually("the trial succeeds", lambda: bad.send(lines([(350, "red", 0)])).status == 200)
    assert bad.state()["breaker"] == "closed"


def test_a_sender_that_does_not_send_keeps_only_itself_waiting(house: FeedsHouse) -> None:
    """Its connection is ended, that is a failure, and others are taken all the while."""
    slow = house.sender("slow", tables="[breaker]\nslow = 1\nfailures = 1\npause = 60")
    quick = house.sender("quick")
    text = lines([(360, "red", 0)])
    described = slow.manifest(text)
    head = (
        f"POST /v1/feeds/slow/batches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Kapok-Manifest: {slow.seal(described)}\r\nContent-Type: application/x-ndjson\r\n"
        f"Content-Length: {len(text)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", house.process.port), timeout=20) as connection:
        connection.sendall(head.encode() + text[:5])
        started = time.monotonic()
        assert quick.send(lines([(361, "red", 0)])).status == 200
        assert time.monotonic() - started < 1
        assert b"408" in connection.recv(4096)
    assert slow.state()["breaker"] == "open"
    assert slow.send(text).body["code"] == "source.open"


def test_a_sender_that_we_keep_waiting_is_not_slow(house: FeedsHouse) -> None:
    """The limit of lines per second is ours; the time that it takes is not the sender's."""
    tables = "[limits]\nlines_per_second = 400\n[breaker]\nslow = 1\nfailures = 1"
    sender = house.sender("held-back", tables=tables)
    text = lines([(5000 + n, "red", 0) for n in range(600)])
    started = time.monotonic()
    assert sender.send(text).body["applied"] == 600
    assert time.monotonic() - started > 1.2


def test_a_suspended_source_and_one_whose_file_is_gone(house: FeedsHouse) -> None:
    """Read again on SIGHUP; a wrong file leaves the source as it was, and is named."""
    sender, text = house.sender("going"), lines([(370, "red", 0)])
    house.write_source("going", more='state = "suspended"')
    house.reread()
    eventually("it is suspended", lambda: sender.state()["state"] == "suspended")
    assert refused(house, sender, text) == "source.suspended"
    house.write_source("going", more='state = "asleep"')
    house.reread()
    eventually("the file is refused", lambda: house.process.readiness().status == 503)
    assert sender.state()["state"] == "suspended"
    (house.folder / "sources" / "going.toml").unlink()
    house.reread()
    eventually("it is gone", lambda: sender.send(text).status == 404)
    assert house.process.readiness().status == 200


@pytest.mark.parametrize(
    ("name", "line", "instead", "code"),
    [
        ("stolen", 'spki = ".*"', f'spki = "{OTHER}"', "manifest.signature"),
        ("narrowed", r'test = \["any"\]', "", "manifest.scope"),
    ],
)
def test_what_was_begun_under_a_file_that_no_longer_counts_ends(
    house: FeedsHouse, name: str, line: str, instead: str, code: str
) -> None:
    """A stolen key is taken out, or a plane out of the scope: no part goes on with it."""
    sender = house.sender(name)
    text = lines([(375, "red", 0), (376, "red", 0)])
    described = sender.manifest(text, planes=(HEALTH, TEST))
    assert sender.post(described, text[:-5]).status == 202
    path = house.folder / "sources" / f"{name}.toml"
    path.write_text(re.sub(line, instead, path.read_text()))
    house.reread()
    asked = {"planes": (TEST,), "sequence": 9}  # before: a gap
    eventually("it is read", lambda: sender.send(text, **asked).body["code"] == code)
    at: int = sender.batch(described).body["octets"]
    answer = sender.patch(described, at, text[at:])
    assert (answer.status, answer.body.get("code")) == (403, code)
    assert [house.value(HEALTH, index) for index in (375, 376)] == [0, 0]


def test_both_sides_compare_what_they_hold(house: FeedsHouse) -> None:
    """Equal by chain and by count; behind by one; a source that has lost its log."""
    sender = house.sender("compared")
    for colour in ("red", "red", "green"):
        assert sender.send(lines([(380, colour, 0)])).status == 200
    state = sender.state()
    asked = {
        "sequence": 3,
        "chain": state["chain"],
        "counts": {"health": {"red": 2, "green": 1}},
    }
    path = "/v1/feeds/compared/reconcile"
    assert house.ask("POST", path, asked).body["standing"] == "equal"
    behind = house.ask("POST", path, {"sequence": 5}).body
    assert (behind["standing"], behind["resend"]) == ("behind", [4, 5])
    assert house.ask("POST", path, {"sequence": 1}).body["standing"] == "ahead"
    digests = [
        {"sequence": n + 1, "digest": digest_of(b"x").hex() if n == 1 else it.digest.hex()}
        for n, it in enumerate(sender.sent)
    ]
    different = house.ask("POST", path, {"sequence": 3, "batches": digests}).body
    assert (different["standing"], different["differs"]) == ("different", [2])


def test_metrics_name_sources_and_causes(house: FeedsHouse) -> None:
    """What operators watch; no line of any batch."""
    house.sender("measured").send(lines([(390, "red", 0)]))
    for name in (
        b'verifier_feed_batches_total{source="measured",state="applied"} 1.0',
        b'verifier_feed_lines_total{fate="applied",source="measured"} 1.0',
        b'verifier_feed_age_seconds{source="measured"}',
    ):
        eventually(str(name), lambda name=name: name in house.fetch("/metrics", KEY)[1])
