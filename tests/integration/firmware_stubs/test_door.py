"""The unix-socket door: frames, wedge, switch, state, and what is not one of them."""

import io
import time
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from firmware_stubs.edge.scene import Scene, photograph
from tests.support.centre import paper, shown
from tests.support.command_line import kapok
from tests.support.terminal_process import TerminalProcess
from verifier.barcode.decoded import read_picture
from verifier.barcode.render import symbol, to_png
from verifier.barcode.scan import scan


def png_of(frame: np.ndarray) -> bytes:  # type: ignore[type-arg]
    """Write a frame as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG", compress_level=1)
    return file.getvalue()


def test_photograph_of_a_phone(terminal: TerminalProcess) -> None:
    """Decoded from pixels with perspective, blur and noise."""
    frame = photograph(to_png(symbol(shown(7))), Scene(), seed=3)
    answer = terminal.ask("POST", "/frame", png_of(frame))
    assert answer.status == 200
    assert (answer.body["decision"], answer.body["online"]) == ("pass", True)
    assert answer.body["ms"] > 0


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((), "picture.none"),
        (("CC1:A", "CC1:B"), "picture.several"),
        (("https://poster.example",), "format.unknown"),
        (("CC1:A", "https://poster.example"), "code.malformed"),
    ],
)
def test_frames_without_one_good_code(
    terminal: TerminalProcess, texts: tuple[str, ...], reason: str
) -> None:
    """Each is a denial that says what to do; the gate stays closed."""
    terminal.cut()
    blank = np.full((400, 400), 255, np.uint8)
    parts = [
        np.asarray(Image.open(io.BytesIO(to_png(symbol(text)))).convert("L")) for text in texts
    ]
    height = max([part.shape[0] for part in parts], default=400)
    padded = [
        np.pad(part, ((0, height - part.shape[0]), (0, 0)), constant_values=255) for part in parts
    ]
    answer = terminal.ask("POST", "/frame", png_of(np.hstack(padded or [blank])))
    assert answer.status == 200
    assert (answer.body["decision"], answer.body["reason"]) == ("deny", reason)
    assert terminal.state()["gate_openings"] == 0


def fifty_megapixels() -> bytes:
    """Write a small file of a huge picture."""
    return png_of(np.zeros((7000, 7200), np.uint8))


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "picture.truncated"),
        (b"not a picture", 422, "picture.unsupported"),
        (to_png(symbol("CC1:A"))[:200], 422, "picture.truncated"),
        (fifty_megapixels(), 413, "picture.too_many_pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(17 * 1024 * 1024), 413, "body.large"),
    ],
)
def test_bad_pictures(terminal: TerminalProcess, data: bytes, status: int, code: str) -> None:
    """Refused with a stable code; the terminal goes on."""
    answer = terminal.ask("POST", "/frame", data)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert terminal.wedge(shown(1))["decision"] == "pass"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "picture.none"),
        (b"\xff\xff", "format.unknown"),
        (b"X" * 20_001, "format.too_long"),
        (b"CC1:" + b"A" * 19_000, "format.too_long"),
        (b"weixin://pay", "format.unknown"),
    ],
)
def test_bad_wedge_lines(terminal: TerminalProcess, line: bytes, reason: str) -> None:
    """Each is a denial with its reason."""
    terminal.cut()
    answer = terminal.ask("POST", "/wedge", line + b"\r\n")
    assert (answer.body["decision"], answer.body["reason"]) == ("deny", reason)


def test_wedge_line_longer_than_any(terminal: TerminalProcess) -> None:
    """Refused unread."""
    answer = terminal.ask("POST", "/wedge", b"A" * 200_000)
    assert (answer.status, answer.body["code"]) == (413, "body.large")


@pytest.mark.parametrize("end", [b"", b"\r", b"\n", b"\r\n"])
def test_wedge_line_end_is_cut(terminal: TerminalProcess, end: bytes) -> None:
    """Whatever the scanner is set to."""
    answer = terminal.ask("POST", "/wedge", paper(9).encode() + end)
    assert answer.body["decision"] == "pass"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "body.json"),
        (b"[", "body.field"),
        (b"{}", "body.field"),
        (b'{"cut": 1}', "body.field"),
        (b'{"cut": true, "x": 1}', "body.field"),
    ],
)
def test_bad_switch(terminal: TerminalProcess, body: bytes, code: str) -> None:
    """Nothing is cut by what cannot be read."""
    answer = terminal.ask("POST", "/network", body)
    assert (answer.status, answer.body["code"]) == (400, code)
    assert not terminal.state()["cut"]


def test_unknown_paths_and_methods(terminal: TerminalProcess) -> None:
    """Problems too."""
    assert terminal.ask("GET", "/nothing").body["code"] == "path.unknown"
    assert terminal.ask("GET", "/frame").body["code"] == "method.unknown"


def test_state_names_what_matters(terminal: TerminalProcess) -> None:
    """A list of its members, so that none gets lost."""
    state = terminal.state()
    assert set(state) == {
        "terminal", "place", "gate", "state", "cut", "connectivity", "outbox", "bundles",
        "equipped", "gate_openings", "gate_open", "clock", "broker", "counters",
    }  # fmt: skip
    assert set(state["outbox"]) == {
        "waiting", "entries", "octets", "full", "lost", "dropped", "missing", "refused",
    }  # fmt: skip


def test_door_stays_responsive_while_pictures_are_looked_at(terminal: TerminalProcess) -> None:
    """Slow pictures are decoded beside the loop; the state is answered meanwhile."""
    noise = np.random.default_rng(1).integers(0, 256, (2000, 2000), dtype=np.uint8)
    data = png_of(noise)
    lookers = [
        Thread(target=terminal.ask, args=("POST", "/frame", data), daemon=True) for _ in range(3)
    ]
    for looker in lookers:
        looker.start()
    slowest = 0.0
    while any(looker.is_alive() for looker in lookers):
        started = time.monotonic()
        terminal.state()
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 2.0


def test_a_commissioning_code_says_what_the_scanner_does(
    terminal: TerminalProcess, tmp_path: Path
) -> None:
    """Printed by a command, typed by a scanner; it decides nothing and opens nothing."""
    out = tmp_path / "scanner.png"
    assert kapok("scanner", "--out", out).code == 0
    (text,) = scan(read_picture(out.read_bytes()))
    before = terminal.state()

    def said(typed: str) -> Any:
        answer = terminal.ask("POST", "/wedge", typed.encode())
        assert (answer.status, "decision" in answer.body) == (200, False)
        assert answer.body["sentence"]
        return answer.body["scanner"]

    assert said(text) == {"verdict": "good", "before": "", "after": "", "changed": {}}
    assert said(f"]Q1{text}\r\n")["verdict"] == "cleaned"
    assert said(text.lower())["verdict"] == "cleaned"
    german = said(text.translate(str.maketrans("YZ:/-+*", "ZYÖ-ß`(")))
    assert (german["verdict"], german["changed"][":"]) == ("layout", "Ö")
    assert said(f"P01{text}")["verdict"] == "extra"
    assert said(text[:100] + text[101:])["verdict"] == "lossy"
    after = terminal.state()
    assert (after["gate_openings"], after["outbox"]) == (before["gate_openings"], before["outbox"])


@pytest.mark.parametrize(("before", "after"), [("]Q1", "\t"), ("\\000026", "\r"), ("\x02", "\x03")])
def test_a_code_as_a_scanner_types_it(terminal: TerminalProcess, before: str, after: str) -> None:
    """What it adds is taken off, alone as with the centre."""
    assert terminal.wedge(before + shown(12) + after)["decision"] == "pass"
    terminal.cut()
    assert terminal.wedge(before + shown(13) + after)["decision"] == "pass"
