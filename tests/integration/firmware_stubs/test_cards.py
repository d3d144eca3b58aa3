"""A person shows the three symbols of a health card one after the other, to a real terminal."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.support.centre import ONCE, shown
from tests.support.far_side import FarSide, far_side
from tests.support.foreign import taking
from tests.support.health import card_text, chunks, persons_card, thumbprint
from tests.support.terminal_process import Identities, TerminalProcess
from tests.support.terminal_shelf import cards, shelf
from verifier.barcode.render import symbol, to_png
from verifier.codes.shc import join
from verifier.contract.vocabulary import Outcome

CARDS = taking(dict(ONCE) | {"colours": []}, "CC1", "SHC")


@pytest.fixture
def centre(identities: Identities, root: bytes) -> Iterator[FarSide]:
    """Run a far side whose place takes health cards."""
    with far_side(identities, shelf(root, CARDS)) as running:
        yield running


@pytest.fixture
def terminal(stopped: TerminalProcess) -> TerminalProcess:
    """Start a terminal; the place asks no colours, so there are four bundles."""
    stopped.start()
    stopped.await_state(
        lambda state: state["equipped"] and len(state["bundles"]) == 4 and state["clock"]["sure"],
        "it has its bundles",
    )
    return stopped


def person(family: str) -> list[str]:
    """Return the symbols of somebody's card."""
    return chunks(3, persons_card(family))


def frame(terminal: TerminalProcess, *texts: str) -> dict[str, Any]:
    """Hold symbols before the lens."""
    parts = [np.asarray(Image.open(io.BytesIO(to_png(symbol(t)))).convert("L")) for t in texts]
    height = max(part.shape[0] for part in parts)
    padded = [
        np.pad(part, ((0, height - part.shape[0]), (0, 0)), constant_values=255) for part in parts
    ]
    file = io.BytesIO()
    Image.fromarray(np.hstack(padded)).save(file, "PNG")
    answer = terminal.ask("POST", "/frame", file.getvalue())
    assert answer.status == 200
    found: dict[str, Any] = answer.body
    return found


def asked_for(answer: dict[str, Any], read: int) -> None:
    """Say that this was a light, no decision."""
    assert answer.keys() == {"card", "sentence", "ms"}
    assert answer["card"] == {"read": read, "total": 3}


def test_online_the_centre_is_asked_once_for_the_whole(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """In pictures, out of order, one of them twice; the last one seen again changes nothing."""
    texts = person("A")
    asked_for(frame(terminal, texts[2]), 1)
    asked_for(frame(terminal, texts[2]), 1)
    asked_for(frame(terminal, texts[0]), 2)
    assert centre.asked == {}
    answer = frame(terminal, texts[1])
    assert (answer["decision"], answer["online"]) == (Outcome.PASS, True)
    assert centre.asked == {answer["scan_id"]: join(texts)}
    assert frame(terminal, texts[1])["scan_id"] == answer["scan_id"]
    assert terminal.state()["gate_openings"] == 1


def test_cut_off_it_is_decided_once_and_uploaded_whole(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """Typed and seen together; the record's text is the joined one; its person is used."""
    terminal.cut()
    texts = person("B")
    asked_for(terminal.wedge(texts[0]), 1)
    answer = frame(terminal, texts[1], texts[2])
    assert (answer["decision"], answer["online"]) == (Outcome.PASS, False)
    assert terminal.state()["outbox"]["waiting"] == 1
    again = frame(terminal, *texts[::-1])
    assert again["scan_id"] == answer["scan_id"]
    terminal.cut(cut=False)
    terminal.await_state(lambda _: bool(centre.uploaded), "the record is uploaded", within=60)
    (record,) = centre.uploaded
    assert (record.scan_id, record.all_texts) == (answer["scan_id"], (join(texts),))


def test_cards_that_are_not_whole_are_no_scans(terminal: TerminalProcess) -> None:
    """Another's symbol or code begins anew; two cards mixed are refused as what they are."""
    terminal.cut()
    first, second = person("C"), person("D")
    asked_for(frame(terminal, first[0]), 1)
    asked_for(frame(terminal, second[0]), 1)
    asked_for(terminal.wedge(first[1]), 2)
    assert terminal.wedge(second[2])["reason"] == "signature.bad"
    asked_for(terminal.wedge(first[0]), 1)
    assert terminal.wedge(shown(7))["decision"] == Outcome.PASS
    asked_for(terminal.wedge(first[2]), 1)
    assert frame(terminal, first[0], chunks(2)[1])["reason"] == "picture.several"
    state = terminal.state()
    assert (state["gate_openings"], state["outbox"]["waiting"]) == (1, 2)


def test_a_revoked_card_is_refused_by_a_terminal_that_is_cut_off(
    terminal: TerminalProcess, centre: FarSide
) -> None:
    """By what its issuer had revoked before the cut; a newer list counts."""
    first, second = card_text(persons_card("E", "first")), card_text(persons_card("F", "second"))
    lists = {1: ["first"], 2: ["first", "second.1800000000"]}
    for version, entries in lists.items():
        centre.bundles["cards"] = (version, cards(version, **{thumbprint(): entries}))
        terminal.await_state(
            lambda state, version=version: state["bundles"].get("cards") == version,
            "the revoked cards",
        )
    terminal.cut()
    answers = [terminal.wedge(text) for text in (first, second)]
    assert [(a["reason"], a["online"]) for a in answers] == [("status.revoked", False)] * 2
    assert terminal.wedge(card_text(persons_card("G", "third")))["decision"] == Outcome.PASS
