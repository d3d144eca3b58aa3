"""Trust edited while a house runs: an import is published, an issuer's key is rotated whole."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.people import get_paper
from deploy.local.doors import opened
from deploy.local.errors import LocalError
from tests.support.health import CARDS, ISSUER, card_text, persons_card, thumbprint
from tests.support.house import RunningHouse, running_house, wait_until
from tests.support.signers import as_json, certificate, kid64, packed, web_key
from verifier.contract.reasons import Reason

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def house() -> Iterator[RunningHouse]:
    """Start a house."""
    with running_house("--workers", "1") as found:
        yield found


def shown(house: RunningHouse) -> dict[str, Any]:
    """Return what `kapok trust show` says."""
    found: dict[str, Any] = json.loads(house.run("trust", "show", "--json").stdout)
    return found


def kids(house: RunningHouse) -> set[str]:
    """Return the kids of the trust bundle in force."""
    return {row["kid"] for row in shown(house)["bundle"]}


def paper(house: RunningHouse) -> str:
    """Have a paper code issued, once the issuing process answers."""

    async def ask() -> str:
        async with opened(house.data) as doors:
            return await get_paper(doors)

    made: list[str] = []

    def issued() -> bool:
        try:
            made.append(asyncio.run(ask()))
        except LocalError:
            return False
        return True

    wait_until(issued, "a code to be issued", PATIENCE_S)
    return made[-1]


def reason(house: RunningHouse, text: str) -> str | None:
    """Return why `kapok verify` does not pass a code."""
    done = house.run("verify", text, "--json")
    found: str | None = json.loads(done.stdout)["reason"]
    assert done.returncode == (found is not None)
    return found


def test_an_import_is_in_force_at_once(house: RunningHouse, tmp_path: Path) -> None:
    """The issuing process is told, signs, and the workers take it."""
    der = certificate()
    path = tmp_path / "list.json"
    path.write_bytes(as_json({kid64(der): packed(der)}))
    before = shown(house)
    done = house.run("trust", "import", str(path), "--write")
    assert (done.returncode, done.stderr) == (0, "")
    wait_until(
        lambda: shown(house)["in_force"]["version"] > before["in_force"]["version"],
        "the new trust bundle",
        PATIENCE_S,
    )
    found = shown(house)
    assert (len(found["bundle"]), found["note"]) == (len(before["bundle"]) + 1, None)


def test_a_list_of_revoked_cards_is_in_force_at_once(house: RunningHouse, tmp_path: Path) -> None:
    """Imported with the key of the cards; the next list counts, the one before it is refused."""
    card = card_text(persons_card("A", "revoked"))

    def offer(counter: int, *rids: str) -> int:
        listed = {"kid": thumbprint(), "method": "rid", "ctr": counter, "rids": rids}
        (tmp_path / "list.json").write_bytes(as_json(listed))
        call = ("trust", "import", str(tmp_path), "--issuer", ISSUER, "--write")
        return house.run(*call).returncode

    (tmp_path / "jwks.json").write_bytes(as_json({"keys": [web_key(CARDS)]}))
    assert offer(1, "nobody") == 0
    wait_until(lambda: reason(house, card) is None, "the card to be taken", PATIENCE_S)
    assert offer(2, "revoked") == 0
    wait_until(lambda: reason(house, card) == Reason.STATUS_REVOKED, "the new list", PATIENCE_S)
    assert offer(1, "nobody") == 1
    assert reason(house, card) == Reason.STATUS_REVOKED


def test_an_issuer_key_is_rotated(house: RunningHouse) -> None:
    """Old codes pass in the overlap and not after it; new ones are signed by the new key alone."""
    old = paper(house)
    assert reason(house, old) is None
    named = len(kids(house))
    assert house.run("trust", "rotate", "issuer").returncode == 0
    wait_until(lambda: len(kids(house)) == named + 1, "both keys in force", PATIENCE_S)
    issuing = house.pid("issuing")
    assert house.run("trust", "rotate", "issuer", "--switch").returncode == 0
    wait_until(
        lambda: house.pids().get("issuing") not in (None, issuing), "its restart", PATIENCE_S
    )
    new = paper(house)
    assert (reason(house, old), reason(house, new)) == (None, None)
    assert house.run("trust", "rotate", "issuer", "--finish").returncode == 0
    wait_until(lambda: len(kids(house)) == named, "the new key alone", PATIENCE_S)
    assert (reason(house, old), reason(house, new)) == (Reason.TRUST_UNKNOWN_KEY, None)
