"""Revocation lists of cards: taken for trusted keys, never older than what is known."""

from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.errors import UsageError
from deploy.trust.cards import FoundList, planned_lists, read_lists, write_lists
from deploy.trust.imports import Import, Terms, planned
from deploy.trust.lists import read_files
from tests.support.health import CARDS, ISSUER, thumbprint
from tests.support.keys import STRANGER
from tests.support.signers import as_json, web_key
from verifier.issuing.publisher import TrustSource
from verifier.status.rids import CardList

EMPTY: Final = TrustSource(keys=(), lists={}, sectors_enabled=())
KID: Final = thumbprint()
TERMS: Final = Terms(issuer=ISSUER, until=1_800_000_000)


def listed(counter: int = 1, *rids: str, kid: str = KID) -> dict[str, Any]:
    """Publish a list."""
    return {"kid": kid, "method": "rid", "ctr": counter, "rids": list(rids or ("a", "b.5"))}


def folder(tmp_path: Path, *files: Any) -> Path:
    """Lay files into a folder."""
    made = tmp_path / f"offered-{len(list(tmp_path.iterdir()))}"
    made.mkdir()
    for number, file in enumerate(files):
        (made / f"{number}.json").write_bytes(as_json(file))
    return made


def key_set(**more: Any) -> dict[str, Any]:
    """Publish the key of the cards."""
    return {"keys": [web_key(CARDS, **more)]}


def plan(path: Path, data: Path, source: TrustSource = EMPTY) -> Import:
    """Plan an import of a folder."""
    return planned(source, read_lists(data), read_files((path,)), TERMS)


def trusted(tmp_path: Path) -> TrustSource:
    """Return a source that has the key."""
    return plan(folder(tmp_path, key_set()), tmp_path / "data").change.source


def test_with_its_key_and_after_it(tmp_path: Path) -> None:
    """Written as published, then the same, then a newer one; an older one never."""
    data = tmp_path / "data"
    data.mkdir()
    first = plan(folder(tmp_path, key_set(crlVersion=1), listed()), data)
    assert (len(first.cards.renewed), first.refused, first.cards.wanted) == (1, (), {})
    write_lists(data, first.cards)
    assert read_lists(data)[KID].published() == listed()
    assert (data / "cards" / f"{KID}.json").stat().st_mode & 0o777 == 0o600
    source = first.change.source
    again = plan(folder(tmp_path, listed()), data, source)
    assert (again.empty, again.cards.same) == (True, 1)
    newer = plan(folder(tmp_path, listed(2, "c")), data, source)
    assert newer.cards.renewed[0].before == 1
    write_lists(data, newer.cards)
    older = plan(folder(tmp_path, listed()), data, source)
    assert (older.empty, len(older.refused)) == (True, 1)
    assert read_lists(data)[KID].counter == 2


@pytest.mark.parametrize(
    "files",
    [
        (listed(kid=thumbprint(STRANGER)),),
        (listed(4, "other"),),
        (listed(5, "other", "entries"), listed(5, "others")),
        (key_set(crlVersion=7), listed(6)),
        (listed(9) | {"method": "other"},),
        (listed(9) | {"rids": ["no base64url"]},),
        (listed(9) | {"rids": None},),
        (listed(9) | {"kid": "short"},),
    ],
)
def test_what_is_refused(tmp_path: Path, files: tuple[Any, ...]) -> None:
    """A key not trusted, other entries under the same counter, older than said, no list at all."""
    data = tmp_path / "data"
    (data / "cards").mkdir(parents=True)
    (data / "cards" / f"{KID}.json").write_bytes(as_json(listed(4)))
    found = plan(folder(tmp_path, *files), data, trusted(tmp_path))
    assert len(found.refused) == 1
    assert len(found.cards.renewed) == (listed(5, "others") in files)


def test_a_list_that_the_key_set_speaks_of(tmp_path: Path) -> None:
    """It is asked for as long as it is not here."""
    data = tmp_path / "data"
    assert plan(folder(tmp_path, key_set(crlVersion=3)), data).cards.wanted == {KID: 3}
    assert plan(folder(tmp_path, key_set(crlVersion=3), listed(3)), data).cards.wanted == {}
    assert plan(folder(tmp_path, key_set(crlVersion="3")), data).cards.wanted == {}
    assert planned_lists({}, (), {KID: 3}, EMPTY).wanted == {}


def test_of_two_lists_in_one_import_the_newer_counts(tmp_path: Path) -> None:
    """The older one is refused where it comes after it."""
    one, two = (
        FoundList(where=str(n), list=CardList(kid=KID, counter=n, entries=("a",))) for n in (1, 2)
    )
    source = trusted(tmp_path)
    for order in ((one, two), (two, one)):
        found = planned_lists({}, order, {}, source)
        assert [renewal.list.counter for renewal in found.renewed] == [2]


def test_a_damaged_data_folder_is_said(tmp_path: Path) -> None:
    """Nothing is written over it."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / f"{KID}.json").write_text("{")
    with pytest.raises(UsageError):
        read_lists(tmp_path)
