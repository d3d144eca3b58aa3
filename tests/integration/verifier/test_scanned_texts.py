"""What scanners add is taken off at every HTTP door alike; what they spoil is named as theirs."""

import asyncio
from itertools import count

import aiohttp
import pytest

from tests.support.centre import API_KEY, Centre, new_scan_id, paper, shown
from tests.support.uploads import decided, lines_of, upload
from tests.support.verifier_process import Answer
from verifier.barcode.render import symbol, to_png

persons = count(46_500)
ADDED = [
    ("]Q1", "\r\n"),
    ("]Q2\\000026", "\t"),
    ("\x02", "\x03"),
    ("\ufeff", "\n\r\n"),
    ("", "\x1d"),
]


def line(text: str) -> dict[str, str]:
    """Return a scan line."""
    return {"scan_id": new_scan_id(), "text": text}


def streamed(house: Centre, text: str) -> object:
    """Send a line on a stream; return its decision."""

    async def ask() -> object:
        url, headers = (
            f"http://127.0.0.1:{house.port}/v1/scans/stream",
            {"Authorization": f"Bearer {API_KEY}"},
        )
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, headers=headers) as opened,
        ):
            await opened.send_json(line(text))
            return (await opened.receive_json(timeout=20))["decision"]

    return asyncio.run(ask())


def pictured(house: Centre, text: str) -> Answer:
    """Send a picture of a text."""
    headers = {"Kapok-Scan-Id": new_scan_id(), "Content-Type": "image/png"}
    return house.ask("POST", "/v1/scans/image", to_png(symbol(text)), headers=headers)


@pytest.mark.parametrize(("before", "after"), ADDED)
def test_every_door_takes_a_code_as_scanners_type_it(
    house: Centre, before: str, after: str
) -> None:
    """A single scan, a batch, a stream, an upload."""

    def typed(text: str) -> str:
        return before + text + after

    assert house.scan(typed(shown(next(persons)))).body["decision"] == "pass"
    scans = [line(typed(shown(next(persons)))), line(typed(shown(next(persons)).lower()))]
    answers = house.ask("POST", "/v1/scans/batch", {"scans": scans}).body["answers"]
    assert [answer["decision"] for answer in answers] == ["pass", "pass"]
    assert streamed(house, typed(shown(next(persons)))) == "pass"
    (result,) = upload(house, decided(typed(paper(next(persons)))))
    assert "incident" not in result


def test_a_picture_of_a_text_with_a_line_end_is_the_code(house: Centre) -> None:
    """Many a tool draws the line end too."""
    assert pictured(house, shown(next(persons)) + "\n").body["decision"] == "pass"


def test_the_cleaned_text_is_what_a_scan_id_is_bound_to(house: Centre) -> None:
    """The same code from another scanner is the same scan, not a conflict."""
    text, scan_id = shown(next(persons)), new_scan_id()
    assert house.scan(text, scan_id=scan_id).body["decision"] == "pass"
    again = house.scan(f"]Q1{text}\t", scan_id=scan_id)
    assert (again.status, again.body["decision"]) == (200, "pass")


@pytest.mark.parametrize(
    ("layout", "reason"),
    [
        (str.maketrans("YZ:/-+*", "ZYÖ-ß`("), "scanner.layout"),
        (str.maketrans("1234567890:/.AQWZ", "&é\"'(-è_çàM!:QAZW"), "scanner.layout"),
        (str.maketrans(":/", "Ñ-"), "scanner.layout"),
        ({}, "scanner.extra"),
    ],
)
def test_what_a_scanner_spoils_names_the_scanner(
    house: Centre, layout: dict[int, str], reason: str
) -> None:
    """The visitor is not told to open the code again; the record says it too."""
    text = shown(next(persons)).translate(layout)
    asked = line(text if layout else f"P01{text}")
    answer = house.ask("POST", "/v1/scans", asked)
    assert (answer.body["decision"], answer.body["reason"]) == ("deny", reason)
    assert lines_of(house, asked["scan_id"])[0]["reason"] == reason
